"""The parameters of one Bot API call, however they came: query, form, multipart or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from bot.sandbox.errors import ApiError, bad_request

MAX_BODY_BYTES: Final = 52 * 1024 * 1024
"""Telegram takes files up to 50 MB; a longer request is cut off unread."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the call."""

    filename: str
    mime: str
    content: bytes


class Parameters:
    """Typed access; a wrong type is a 400 in Telegram's words."""

    def __init__(self, values: Mapping[str, Any], uploads: Mapping[str, Upload] | None = None) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._uploads = dict(uploads or {})

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """Return the parameter as text, empty when it is missing."""
        value = self._values.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int | None = None) -> int | None:
        """Return the parameter as a number."""
        text = self.text(name).strip()
        if not text:
            return default
        try:
            return int(text)
        except ValueError as error:
            raise bad_request(f'field "{name}" must be a number') from error

    def flag(self, name: str) -> bool:
        """Whether the parameter is true."""
        return self.text(name).strip().lower() in ("true", "1", "yes", "y", "t")

    def json(self, name: str) -> Any:
        """Return the parameter decoded from JSON, None when it is missing."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise bad_request(f"can't parse {name} JSON object") from error

    def file(self, name: str) -> Upload | str | None:
        """Return the file uploaded under this name (or attached to it), else the file_id or URL, else None."""
        if name in self._uploads:
            return self._uploads[name]
        value = self.text(name).strip()
        if value.startswith("attach://"):
            return self._uploads.get(value.removeprefix("attach://"))
        return value or None

    def of(self, values: Mapping[str, Any]) -> Parameters:
        """Return these values as parameters with the same files, for an object within the call."""
        return Parameters(values, self._uploads)

    def recorded(self) -> dict[str, Any]:
        """Return what was sent, with the files as their names and sizes."""
        sizes = {name: {"filename": file.filename, "bytes": len(file.content)} for name, file in self._uploads.items()}
        return {**self._values, **sizes}


async def read(request: Request) -> Parameters:
    """Read the parameters of a request; the body wins over the query."""
    values: dict[str, Any] = dict(request.query_params)
    uploads: dict[str, Upload] = {}
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        raise ApiError(413, "Request Entity Too Large")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        values |= decode_object(await request.body())
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        try:
            async with request.form() as form:
                for name, value in form.multi_items():
                    if isinstance(value, UploadFile):
                        mime = value.content_type or "application/octet-stream"
                        uploads[name] = Upload(value.filename or name, mime, await value.read())
                    else:
                        values[name] = value
        except MultiPartException as error:
            raise bad_request("can't parse the multipart request") from error
    return Parameters(values, uploads)


def decode_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; raise the 400 that Telegram answers for anything else."""
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise bad_request("can't parse the request JSON object") from error
    if not isinstance(value, dict):
        raise bad_request("object expected as the request")
    return value
