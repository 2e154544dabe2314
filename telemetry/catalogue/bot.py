"""The metrics of the bot: webhook, inbox, outbox, generations, ledger."""

from __future__ import annotations

from telemetry.catalogue.base import OTHER, Label, Metric

MODEL = Label("model")
MODALITY = Label("modality", ("image", "video", "music", "speech"))
ROUTE = Label("route", ("webhook", "kie", "yookassa", "stripe", "balance", OTHER))
METHODS = (
    "sendMessage",
    "editMessageText",
    "editMessageReplyMarkup",
    "editMessageCaption",
    "deleteMessage",
    "sendPhoto",
    "sendVideo",
    "sendAudio",
    "sendVoice",
    "sendDocument",
    "sendMediaGroup",
    "sendInvoice",
    "sendChatAction",
    "answerCallbackQuery",
    "answerPreCheckoutQuery",
    "refundStarPayment",
    OTHER,
)
LEDGER_KINDS = ("welcome", "topup", "hold", "charge", "release", "refund", "referral", "grant", "adjust")
STEPS = ("quoted", "held", "submitted", "unknown", "succeeded", "failed", "delivered", "charged", "released")
PROVIDER_CODES = (
    *("200", "400", "401", "402", "403", "404", "408", "422", "429", "433", "451", "455", "500", "501", "505", "531"),
    *("unreachable", "timeout", "broken_off", "malformed", "http_5xx", "cancelled"),
    OTHER,
)
_ACK_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_FLUSH_ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
_HANDLER_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)
_PROVIDER_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_GENERATION_SECONDS = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0)

INGRESS = (
    Metric(
        "bot_webhook_requests_total",
        "counter",
        "Requests to the public endpoints that take something in, by route template and HTTP status.",
        (ROUTE, Label("code", ("200", "400", "401", "404", "405", "413", "429", "500", "503"))),
    ),
    Metric(
        "bot_webhook_ack_duration_seconds",
        "histogram",
        "From the first byte of the request to the answer, which follows the commit.",
        (ROUTE,),
        _ACK_SECONDS,
    ),
    Metric(
        "bot_updates_accepted_total",
        "counter",
        "Arrivals committed to the inbox; a duplicate was there already.",
        (Label("source", ("telegram", "kie", "yookassa", "stripe", "operator")), Label("result", ("new", "duplicate"))),
    ),
    Metric(
        "bot_updates_not_stored_total",
        "counter",
        "Arrivals that were not known to be stored; whoever brought them was told to offer them again.",
        (
            Label("source", ("telegram", "kie", "yookassa", "stripe", "operator")),
            Label("reason", ("full", "late", "lost", "refused")),
        ),
    ),
    Metric("bot_inbox_flush_rows", "histogram", "Arrivals committed together.", buckets=_FLUSH_ROWS),
    Metric(
        "bot_inbox_flush_seconds",
        "histogram",
        "How long the commit of a batch of arrivals took.",
        buckets=_ACK_SECONDS,
    ),
    Metric("bot_poll_conflicts_total", "counter", "Long polls refused because someone else polls or a webhook is set."),
)

INBOX = (
    Metric(
        "bot_updates_processed_total",
        "counter",
        "Updates settled: done, failed (to be tried again) or dead.",
        (Label("outcome", ("done", "failed", "dead")),),
    ),
    Metric("bot_updates_retried_total", "counter", "Updates scheduled to be tried again."),
    Metric(
        "bot_update_handler_seconds",
        "histogram",
        "How long the handler and its transaction took.",
        buckets=_HANDLER_SECONDS,
    ),
    Metric(
        "bot_update_lag_seconds",
        "histogram",
        "From the acceptance of an update to its settlement.",
        buckets=_LAG_SECONDS,
    ),
)

OUTBOX = (
    Metric(
        "bot_outbox_sends_total",
        "counter",
        "Calls to Telegram from the outbox, by method and outcome.",
        (Label("method", METHODS), Label("outcome", ("sent", "failed", "retried", "skipped"))),
    ),
    Metric(
        "bot_sends_ambiguous_total",
        "counter",
        "Messages sent again because a crash fell between sending and noting; each may have arrived twice.",
    ),
)

GENERATIONS = (
    Metric(
        "bot_generations_total",
        "counter",
        "Generations ended, by model and outcome; moderation and cancelled are no fault of the model.",
        (
            MODEL,
            Label(MODALITY.name, MODALITY.values, follows="model"),
            Label("outcome", ("success", "provider_error", "timeout", "moderation", "bad_input", "cancelled")),
        ),
    ),
    Metric(
        "bot_generation_duration_seconds",
        "histogram",
        "From the submission to the provider's result.",
        (MODALITY,),
        _GENERATION_SECONDS,
    ),
    Metric(
        "bot_generation_steps_total",
        "counter",
        "Steps taken by generations; quoted to delivered is the funnel.",
        (Label("step", STEPS),),
    ),
    Metric(
        "bot_generation_step_errors_total",
        "counter",
        "Steps that met an error nobody foresaw; each is tried again later.",
    ),
)

PROVIDER = (
    Metric(
        "bot_callbacks_total",
        "counter",
        "Callbacks of the provider handled; late ones come after their generation has gone on.",
        (Label("outcome", ("applied", "late")),),
    ),
    Metric(
        "bot_provider_requests_total",
        "counter",
        "Calls to the provider, by operation and answer: the code in the body, or why there was none.",
        (Label("provider", ("kie",)), Label("operation", ("create", "poll", "balance")), Label("code", PROVIDER_CODES)),
    ),
    Metric(
        "bot_provider_request_seconds",
        "histogram",
        "How long a call to the provider took.",
        (Label("provider", ("kie",)), Label("operation", ("create", "poll", "balance"))),
        _PROVIDER_SECONDS,
    ),
)

LEDGER = (
    Metric(
        "bot_ledger_posts_total",
        "counter",
        "Ledger transactions posted, by kind.",
        (Label("kind", LEDGER_KINDS),),
    ),
    Metric(
        "bot_ledger_refused_total",
        "counter",
        "Ledger transactions refused.",
        (Label("reason", ("insufficient", "conflict")),),
    ),
)

STORED = (
    Metric(
        "bot_inbox_depth",
        "gauge",
        "Rows waiting or being handled.",
        (Label("state", ("ready", "claimed")),),
        source="database",
    ),
    Metric(
        "bot_inbox_oldest_age_seconds",
        "gauge",
        "Age of the oldest unsettled row that is due.",
        source="database",
    ),
    Metric("bot_inbox_dead_letters", "gauge", "Rows given up on and kept.", source="database"),
)

METRICS = (*INGRESS, *INBOX, *OUTBOX, *GENERATIONS, *PROVIDER, *LEDGER, *STORED)
