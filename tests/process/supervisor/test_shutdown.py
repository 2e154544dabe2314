"""The deadline of a shutdown, in a real process."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import time
from supervisor.shutdown import exit_at_the_deadline
exit_at_the_deadline(0.2)
while True:
    time.sleep(60)
"""


def test_a_shutdown_that_hangs_is_ended_by_a_thread_with_71_and_the_stacks() -> None:
    """A loop that is blocked can neither stop nor tell why; whoever looks finds where it hung."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 71
    assert "did not end within 0.2 s" in done.stderr
    assert 'File "<string>", line 6' in done.stderr


def test_a_full_pipe_on_standard_error_does_not_hold_up_the_deadline(full_pipe: int) -> None:
    """A log that nobody reads any more must not keep the process, and with it the lease, for ever."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], stderr=full_pipe, timeout=30, check=False)
    assert done.returncode == 71
