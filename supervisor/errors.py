"""What can go wrong, and the exit code each failure ends the process with."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The documented exit codes of every `vigil` command; 128+n means forced by signal n.

    RESTART is reserved: a platform that starts the process again on it may be configured now, nothing ends with it yet.
    """

    OK = 0
    FAILED = 1
    NOT_RUNNING = 3
    USAGE = 64
    UNAVAILABLE = 69
    GAVE_UP = 70
    UNSTOPPED = 71
    FENCED = 74
    RESTART = 75
    CONFIG = 78


class SupervisorError(Exception):
    """A failure whose message says what was attempted, what was found and what to do.

    `hint` is printed on a line of its own after `Try:`; `exit_code` is what a command that cannot go on ends with.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(SupervisorError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class Fatal(SupervisorError):
    """Restarting cannot help: the process drains and ends with `exit_code`."""

    exit_code = ExitCode.CONFIG


class ConfigError(Fatal):
    """The settings, the database or the environment contradict what this build needs."""


class GaveUp(Fatal):
    """A child that nothing works without failed more often than its restart budget allows."""

    exit_code = ExitCode.GAVE_UP


class Stuck(Fatal):
    """A child that is to be started again has not ended: going on would let two of it run."""

    exit_code = ExitCode.UNSTOPPED


class Unavailable(Fatal):
    """Something this process cannot work without is not there: the database, or its port."""

    exit_code = ExitCode.UNAVAILABLE
