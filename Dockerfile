FROM python:3.12-slim

# A user with a passwd entry: the embedded PostgreSQL's initdb needs one, and nothing here needs root.
RUN useradd --create-home --uid 10001 vigil
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY supervisor supervisor
COPY bot bot
COPY telemetry telemetry
COPY dashboards dashboards
COPY migrations migrations
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

USER vigil
ENV VIGIL_HOME=/home/vigil/.vigil OPS_HOST=0.0.0.0 LOG_FORMAT=json
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8080') + '/livez', timeout=2)"]
CMD ["vigil", "run"]
