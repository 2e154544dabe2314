"""getFile, and the address where the file it names is fetched."""

from __future__ import annotations

from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.files import MAX_DOWNLOAD_BYTES, place
from bot.sandbox.parameters import Parameters
from bot.sandbox.world import World


async def get_file(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Return where a file of at most 20 MB can be fetched."""
    file_id = parameters.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    file = None if world.faults.take("telegram_file_lost") else world.files.find(bot_id, file_id)
    if file is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if file.size > (world.faults.number("telegram_download_limit") or MAX_DOWNLOAD_BYTES):
        raise bad_request("file is too big")
    return {"file_id": file.id, "file_unique_id": file.unique_id, "file_size": file.size, "file_path": place(file)}


async def fetched(world: World, bot_id: int, request: Request) -> Response:
    """Answer with the file that getFile named; nothing else is ever found."""
    if status := world.faults.take("telegram_download_http"):
        raise ApiError(int(str(status)), "Error")
    file = world.files.named(bot_id, request.path_params["file_path"])
    if file is None or not await anyio.Path(world.files.path(file)).is_file():
        raise ApiError(404, "Not Found")
    return FileResponse(world.files.path(file), media_type="application/octet-stream")
