"""What every thread and every task is doing, as text: for a stall, and for SIGUSR1.

Frames without source lines and variables: reading source is disk I/O in the middle of a signal, and both can hold what
must not be written.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

STDERR = 2
"""The descriptor, not `sys.stderr`: its buffer's lock may be held by the very thread that hangs."""
LONGEST_DUMP = 1_000_000
"""Bytes; faulthandler itself leaves out what is beyond 100 threads of 100 frames."""
LAST_WORDS_SECONDS = 1.0
"""How long a full pipe on standard error may hold up an end."""
MOST_FRAMES = 30
MOST_TASKS = 500


def dump_on_signal() -> None:
    """From now on SIGUSR1 writes all stacks to standard error and changes nothing else; call it in the main thread.

    The threads are written at once by C code, also while the main thread is blocked; the main loop's tasks as soon as
    the main thread runs Python again.
    """
    signal.signal(signal.SIGUSR1, _dump_tasks)
    faulthandler.register(signal.SIGUSR1, file=STDERR, all_threads=True, chain=True)
    # The interpreter's end would bring back the default action, which is to die.
    atexit.register(_ignore_from_now_on)


def dump_threads() -> None:
    """Write the stack of every thread to standard error, without any lock of ours or of a log library.

    Into memory first: faulthandler writes without letting go of the interpreter, and a pipe that nobody empties would
    stop every thread for good, the one that is to end the process too.
    """
    memory = os.memfd_create("stacks")
    try:
        faulthandler.dump_traceback(file=memory, all_threads=True)
        found = os.pread(memory, LONGEST_DUMP, 0)
    finally:
        os.close(memory)
    write(found.decode(errors="replace"))


def last_words(text: str) -> None:
    """Write all stacks and `text` to standard error, in a second at most: an end must not wait for a reader."""

    def say() -> None:
        dump_threads()
        write(text)

    # Without room for a thread they are lost.
    with contextlib.suppress(RuntimeError):
        speaker = threading.Thread(target=say, name="last-words", daemon=True)
        speaker.start()
        speaker.join(LAST_WORDS_SECONDS)


def write(text: str) -> None:
    """Write to standard error past every buffer; a closed one is nobody's to hear."""
    with contextlib.suppress(OSError):
        os.write(STDERR, text.encode(errors="replace"))


def threads() -> str:
    """Return the stack of every thread, innermost frame first, the main thread's first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    main = threading.main_thread().ident
    running = sorted(sys._current_frames().items(), key=lambda entry: entry[0] != main)  # noqa: SLF001 - the only way to them
    return "".join(
        _told(f"thread {names.get(ident, ident)}", ((f, line) for f, line in traceback.walk_stack(frame)))
        for ident, frame in running
    )


def tasks() -> str:
    """Return every task of the loop that runs in this thread, with what it waits for, innermost frame last."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return "no event loop runs\n"
    found = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    told = "".join(_told(f"task {task.get_name()}", _awaited(task)) for task in found[:MOST_TASKS])
    return f"{len(found)} tasks\n{told}"


def _awaited(task: asyncio.Task[Any]) -> Iterator[tuple[FrameType, int]]:
    """Go from the task's coroutine to what it waits for, and so on; `Task.get_stack` knows only the first."""
    step: Any = task.get_coro()
    while step is not None:
        frame = next((f for kind in ("cr", "gi", "ag") if (f := getattr(step, f"{kind}_frame", None))), None)
        if frame is not None:
            yield frame, frame.f_lineno
        step = next(
            (s for name in ("cr_await", "gi_yieldfrom", "ag_await") if (s := getattr(step, name, None)) is not None),
            None,
        )


def _told(who: str, frames: Iterable[tuple[FrameType, int]]) -> str:
    lines = [f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}\n" for frame, line in frames]
    if len(lines) > MOST_FRAMES:
        half = MOST_FRAMES // 2
        lines[half:-half] = [f"  … {len(lines) - 2 * half} more frames\n"]
    return f"{who}\n{''.join(lines)}"


def _dump_tasks(_number: int, _frame: FrameType | None) -> None:
    try:
        write(tasks())
    except RuntimeError:
        # Other threads made and ended tasks faster than they could be listed; raised here it would end the main loop.
        write("the tasks could not be listed\n")


def _ignore_from_now_on() -> None:
    faulthandler.unregister(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
