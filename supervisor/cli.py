"""`vigil`: parse the arguments, call one function a verb, turn failures into one line, a hint and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import NoReturn

import anyio

from supervisor import __version__
from supervisor.errors import ExitCode, SupervisorError

Command = Callable[[argparse.Namespace], Awaitable[int]]

EPILOG = """\
exit codes: 0 ok, 1 degraded or failed, 3 not running, 64 usage, 69 a dependency is missing or the port is taken,
70 restart budget exhausted, 71 the work did not stop, 74 fenced, 75 restart me, 78 configuration, 128+n signal n"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and how to learn what is right."""
        print(f"vigil: {message}\nTry: {self.prog} --help", file=sys.stderr)  # noqa: T201 - a command line speaks there
        sys.exit(ExitCode.USAGE)


def parser() -> argparse.ArgumentParser:
    """Return the parser; every leaf sets `command` to a function of the parsed arguments."""
    root = _Parser(
        prog="vigil", description="Keeps a Telegram generation bot alive, honest and observable.", epilog=EPILOG
    )
    root.formatter_class = argparse.RawDescriptionHelpFormatter
    root.add_argument("--version", action="version", version=f"vigil {__version__}")
    verbs = root.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = verbs.add_parser("run", help="the daemon; with --sandbox it needs no account anywhere")
    run.add_argument("--sandbox", action="store_true", help="use a sandbox Telegram and provider, started if need be")
    run.set_defaults(command=_run)

    status = verbs.add_parser(
        "status", help="role, state, epoch, children, inbox; exit 0 healthy, 1 degraded, 3 not running"
    )
    status.add_argument("--json", action="store_true", help="the documented fields as JSON")
    status.add_argument("--watch", action="store_true", help="show it again every two seconds")
    status.set_defaults(command=_kernel("status"))

    migrate = verbs.add_parser("migrate", help="schema migrations").add_subparsers(metavar="ACTION", required=True)
    for action, text in (("apply", "apply what is pending"), ("status", "what is in effect, what is pending")):
        leaf = migrate.add_parser(action, help=text)
        leaf.add_argument("--json", action="store_true")
        leaf.set_defaults(command=_kernel(f"migrate_{action}"))

    lock = verbs.add_parser("lock", help="the lease").add_subparsers(metavar="ACTION", required=True)
    show = lock.add_parser("show", help="holder, epoch, heartbeat")
    show.add_argument("--json", action="store_true")
    show.set_defaults(command=_kernel("lock_show"))

    config = verbs.add_parser("config", help="settings").add_subparsers(metavar="ACTION", required=True)
    shown = config.add_parser("show", help="effective settings with their source, secrets masked; the lock's times")
    shown.add_argument("--json", action="store_true")
    shown.set_defaults(command=_config_show)

    database = verbs.add_parser("db", help="the embedded PostgreSQL").add_subparsers(metavar="ACTION", required=True)
    database.add_parser("serve", help="run it alone, to share it; prints DATABASE_URL").set_defaults(
        command=_kernel("db_serve")
    )

    from supervisor.app.sandbox import add_sandbox_commands

    add_sandbox_commands(verbs)
    return root


def main() -> None:
    """Run one command and exit with its code."""
    arguments = parser().parse_args()
    try:
        code = anyio.run(partial(_call, arguments))
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.OK
    sys.stdout.flush()
    sys.exit(code)


async def _call(arguments: argparse.Namespace) -> int:
    try:
        command: Command = arguments.command
        return await command(arguments)
    except SupervisorError as failure:
        return _complain(failure)
    except BaseExceptionGroup as group:
        error = next((leaf for leaf in _leaves(group) if isinstance(leaf, SupervisorError)), None)
        if error is None:
            raise
        return _complain(error)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _complain(error: SupervisorError) -> int:
    print(f"vigil: {error}", file=sys.stderr)  # noqa: T201 - a command line speaks there
    if error.hint:
        print(f"Try: {error.hint}", file=sys.stderr)  # noqa: T201 - as above
    return error.exit_code


async def _run(arguments: argparse.Namespace) -> int:
    from supervisor.app import daemon

    return await daemon.run(with_sandbox=arguments.sandbox)


async def _config_show(arguments: argparse.Namespace) -> int:
    from supervisor.app import configuration

    return configuration.show(as_json=arguments.json)


def _kernel(name: str) -> Command:
    """Return the verb `name` of `supervisor.commands`, imported when it is called."""

    async def command(arguments: argparse.Namespace) -> int:
        from supervisor import commands

        verb: Command = getattr(commands, name)
        return await verb(arguments)

    return command
