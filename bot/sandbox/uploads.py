"""The provider's file host: takes files into the sandbox's folder and serves them back to whoever has the address."""

from __future__ import annotations

import mimetypes
import secrets
from pathlib import Path, PurePath
from typing import Any, Final

import anyio
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from bot.sandbox.world import World

MOST_BYTES: Final = 100 << 20
CHUNK: Final = 1 << 18
LONGEST_NAME: Final = 200


class Uploads:
    """Serves the file host's wire."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._folder: Final = world.folder / "uploads"

    async def take(self, request: Request) -> Response:
        """Keep the file of a multipart request; refusals come inside HTTP 200."""
        try:
            async with request.form() as form:
                return await self._kept(form)
        except MultiPartException as error:
            return _refused(400, f"the multipart body cannot be read: {error.message}")
        except ClientDisconnect:
            return _refused(400, "the body broke off")

    async def give(self, request: Request) -> Response:
        """Return a file that was uploaded."""
        path = self._folder / PurePath(request.path_params["name"]).name
        if not await anyio.Path(path).is_file():
            return JSONResponse({"code": 404, "msg": "Not Found"}, 404)
        return FileResponse(path, media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream")

    async def _kept(self, form: FormData) -> Response:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            return _refused(400, "file is required")
        if not form.get("uploadPath"):
            return _refused(400, "uploadPath is required")
        if (file.size or 0) > MOST_BYTES:
            return _refused(413, f"file is over {MOST_BYTES} bytes")
        mime = file.content_type or "application/octet-stream"
        name = _name(str(form.get("fileName") or secrets.token_hex(8)), mime)
        await anyio.Path(self._folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        size = await _write(file, self._folder / name)
        url = f"{self._world.address}/kie/uploads/{name}"
        data = {"fileName": name, "filePath": name, "downloadUrl": url, "fileSize": size, "mimeType": mime}
        return JSONResponse({"success": True, "code": 200, "msg": "File uploaded successfully", "data": data})


async def _write(file: UploadFile, path: Path) -> int:
    size = 0
    async with await anyio.open_file(path, "wb") as kept:
        while chunk := await file.read(CHUNK):
            size += len(chunk)
            await kept.write(chunk)
    return size


def _name(given: str, mime: str) -> str:
    """Return the name as a file has it, telling the kind; a file of the same name is replaced, as the provider does."""
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in PurePath(given).stem)
    suffix = mimetypes.guess_extension(mime) or PurePath(given).suffix
    return f"{safe[:LONGEST_NAME]}{suffix if suffix[1:].isalnum() else ''}"


def _refused(code: int, text: str, data: Any = None) -> Response:
    return JSONResponse({"success": False, "code": code, "msg": text, "data": data})
