"""Users' files to the provider's file host: one multipart request, streamed, never whole in memory."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any, Final

from bot.providers.base import InputRefused, OutcomeUnknown
from bot.providers.call import MALFORMED, Line
from bot.providers.record import LONGEST_URL

PATH: Final = "/api/file-stream-upload"
FOLDER: Final = "vigil"
MOST_BYTES: Final = 100 << 20
"""What the file host takes."""

WHOLE_SECONDS: Final = 180.0
TOO_LARGE: Final = "413"
LONGEST_NAME: Final = 80


class SourceFailed(Exception):
    """The content could not be read; `reason` says why, for the HTTP client forgets causes."""

    def __init__(self, reason: Exception) -> None:
        super().__init__("reading a file for its upload")
        self.reason = reason


class Uploads:
    """The file host's wire."""

    def __init__(self, line: Line, most_bytes: int = MOST_BYTES) -> None:
        self._line = line
        self._most = most_bytes

    async def upload(self, name: str, mime: str, content: bytes | AsyncIterator[bytes], size: int | None = None) -> str:
        """Put a file there and return its address; another try makes another copy."""
        if isinstance(content, bytes):
            size = len(content)
        if size is not None and size > self._most:
            raise InputRefused("upload", TOO_LARGE, f"over {self._most} bytes")
        boundary = secrets.token_hex(16)
        head, tail = _around(boundary, name, mime)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if size is not None:
            headers["Content-Length"] = str(len(head) + size + len(tail))
        try:
            data = await self._line.send(
                "upload", PATH, self._body(head, content, size, tail), headers, seconds=WHOLE_SECONDS
            )
        except SourceFailed as error:
            raise error.reason from None
        return _address(data)

    async def _body(
        self, head: bytes, content: bytes | AsyncIterator[bytes], size: int | None, tail: bytes
    ) -> AsyncIterator[bytes]:
        yield head
        taken = 0
        async for chunk in _read(content):
            taken += len(chunk)
            if taken > self._most:
                raise InputRefused("upload", TOO_LARGE, f"over {self._most} bytes")
            if size is not None and taken > size:
                break
            yield chunk
        if size is not None and taken != size:
            raise OutcomeUnknown("upload", "broken_off", "another size than told")
        yield tail


async def _read(content: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Tell the source's errors from the upload's: a download behind it fails with the same classes."""
    if isinstance(content, bytes):
        yield content
        return
    chunks = aiter(content)
    while True:
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except Exception as error:
            raise SourceFailed(error) from error
        yield chunk


def _around(boundary: str, name: str, mime: str) -> tuple[bytes, bytes]:
    """Return what stands before the file and after it."""
    whole = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
    # The file host keeps one file of a name: a second person's photo.jpg would take the place of the first one's.
    safe = f"{secrets.token_hex(12)}-{whole[-LONGEST_NAME:] or 'file'}"
    kind = mime if mime.isascii() and mime.isprintable() else "application/octet-stream"
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in (("uploadPath", FOLDER), ("fileName", safe))
    )
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{safe}"\r\nContent-Type: {kind}\r\n\r\n'
    return (fields + file).encode(), f"\r\n--{boundary}--\r\n".encode()


def _address(data: Any) -> str:
    found = (data.get("downloadUrl") or data.get("fileUrl")) if isinstance(data, dict) else None
    if not isinstance(found, str) or not found.isprintable() or len(found) > LONGEST_URL:
        raise OutcomeUnknown("upload", MALFORMED, "no address")
    return found
