"""The control socket's child: one JSON object a line in, one a line out.

    {"verb": "restart", "child": "outbox"}  ──▶  {"ok": true, "result": …}
                                                 {"ok": false, "error": …, "hint": …, "exit_code": …}

Only the owner of the home can connect (folder 0700, socket 0600). A line is at most 64 KiB, a verb has a deadline, and
more than a few clients at once wait their turn: whoever asks costs the instance nothing it needs. A home in which no
socket can be made is told in the log; the instance works without.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus

from supervisor.control.folder import RunFolder
from supervisor.control.lines import Ended, Lines, accept
from supervisor.errors import ExitCode, SupervisorError, UsageError
from telemetry import emit, events

LINE_BYTES = 64 * 1024
CLIENTS = 8
LINE_SECONDS = 5.0
"""To send a whole line, and to take an answer."""
VERB_SECONDS = 30.0
"""A restart waits until what depends on the task has ended, and the task is ready again."""
END_SECONDS = 0.5

Verb = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Takes the request, returns what JSON can hold; raises a SupervisorError with a hint for who asked."""


class Control:
    """A child that answers on the instance's socket; woken by clients, stopped by cancellation."""

    def __init__(self, folder: RunFolder, instance_id: str, verbs: Mapping[str, Verb]) -> None:
        self._folder = folder
        self._instance_id = instance_id
        self._verbs = verbs
        self._clients: set[Lines] = set()

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Answer until cancelled; then remove the socket."""
        try:
            listening = await anyio.to_thread.run_sync(self._folder.listen, self._instance_id)
        except OSError as failure:
            # No reason to keep an instance from working: status falls back to HTTP, signals do the rest.
            emit(events.ControlUnavailable(error=failure))
            task_status.started()
            await anyio.sleep_forever()
        try:
            task_status.started()
            await self._accept(listening)
        finally:
            listening.close()
            for lines in self._clients:
                lines.close()
            with anyio.move_on_after(END_SECONDS, shield=True):
                await anyio.to_thread.run_sync(self._folder.remove, self._instance_id)

    async def _accept(self, listening: socket.socket) -> None:
        """Take clients one by one; who comes while all slots are taken waits in the kernel's short queue."""
        slots = anyio.Semaphore(CLIENTS)
        async with anyio.create_task_group() as group:
            while True:
                await slots.acquire()
                lines = Lines(await accept(listening), limit=LINE_BYTES)
                # A task that is cancelled before its first step closes nothing.
                self._clients.add(lines)
                group.start_soon(self._client, lines, slots)

    async def _client(self, lines: Lines, slots: anyio.Semaphore) -> None:
        """Answer one client line by line, until it leaves, is silent for too long, or sends too long a line."""
        try:
            with suppress(Ended, TimeoutError):
                while True:
                    with anyio.fail_after(LINE_SECONDS):
                        line = await lines.receive()
                    answer = await self._answer(line)
                    with anyio.fail_after(LINE_SECONDS):
                        await lines.send(json.dumps(answer, default=str).encode())
        finally:
            self._clients.discard(lines)
            lines.close()
            slots.release()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            verb, request = self._parsed(line)
            with anyio.fail_after(VERB_SECONDS):
                return {"ok": True, "result": await verb(request)}
        except SupervisorError as error:
            return _refusal(error)
        except TimeoutError:
            return _refusal(
                SupervisorError(f"The instance did not do it within {VERB_SECONDS:g} s.", hint="see its log.")
            )
        except Exception as error:  # noqa: BLE001 - an operator's question must not cost the instance a restart
            emit(events.ControlFailed(error=error))
            return _refusal(
                SupervisorError(f"The instance failed to do it: {type(error).__name__}.", hint="see its log.")
            )

    def _parsed(self, line: bytes) -> tuple[Verb, Mapping[str, Any]]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError("The request is not a line of JSON.", hint='{"verb": "status"}') from error
        named = request.get("verb") if isinstance(request, dict) else None
        if not isinstance(named, str) or named not in self._verbs:
            raise UsageError(f"There is no such verb; there are {', '.join(self._verbs)}.", hint='{"verb": "status"}')
        return self._verbs[named], request


def _refusal(error: SupervisorError) -> dict[str, Any]:
    code = error.exit_code if error.exit_code is not ExitCode.OK else ExitCode.FAILED
    return {"ok": False, "error": str(error), "hint": error.hint, "exit_code": int(code)}
