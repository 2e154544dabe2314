"""`vigil`: parse the arguments, call one function a verb, turn failures into one line, a hint and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

import anyio

from supervisor import __version__, init, stacks
from supervisor.errors import ExitCode, SupervisorError

Command = Callable[[argparse.Namespace], Awaitable[int]]
Verbs = Any
"""What `add_subparsers` returns; argparse keeps its type to itself."""

LARGEST = 2**31 - 1
LARGEST_ROW = 2**63 - 1
EPILOG = """\
exit codes: 0 ok, 1 degraded or failed, 3 not running, 64 usage, 69 a dependency is missing or the port is taken,
70 a managed task failed again and again, 71 the work did not stop in time, 74 ended by its own watch of the main loop,
78 configuration, 128+n ended by signal n"""


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

    _add_instance(verbs)
    _add_lock(verbs)
    _add_inbox(verbs)
    _add_migrate(verbs)
    _add_checks(verbs)
    database = verbs.add_parser("db", help="the embedded PostgreSQL").add_subparsers(metavar="ACTION", required=True)
    _leaf(
        database, "serve", "run it alone, to share it; prints DATABASE_URL", _command("database", "serve"), reads=False
    )

    from supervisor.app.dashboards import add_dashboards_commands
    from supervisor.app.ledger import add_ledger_commands
    from supervisor.app.models import add_models_commands
    from supervisor.app.sandbox import add_sandbox_commands

    add_models_commands(verbs)
    add_sandbox_commands(verbs)
    add_dashboards_commands(verbs)
    add_ledger_commands(verbs)
    return root


def _add_instance(verbs: Verbs) -> None:
    """Add what a running instance of this machine is asked for."""
    status = _leaf(
        verbs,
        "status",
        "role, state, epoch, children, inbox; exit 0 healthy, 1 degraded, 3 not running",
        _command("status", "show"),
    )
    status.add_argument("--watch", action="store_true", help="show it again every two seconds")
    drain = _leaf(
        verbs, "drain", "stop this instance gracefully, and wait until it is gone", _command("instance", "drain")
    )
    drain.add_argument("--no-wait", action="store_true", help="only ask")
    restart = _leaf(verbs, "restart", "restart one managed task", _command("instance", "restart"))
    restart.add_argument("child", metavar="CHILD", help="its name, as in vigil status")
    tasks = _leaf(verbs, "tasks", "every task and thread, and where it stands", _command("instance", "tasks"))
    handover = _leaf(
        verbs, "handover", "give leadership to a standby, wherever both are", _command("lock", "hand_over")
    )
    handover.add_argument("--force", action="store_true", help="even if nobody stands by")
    for leaf in (status, drain, restart, tasks, handover):
        leaf.add_argument("--instance", metavar="NAME", help="which one, by id or INSTANCE_NAME, when several run here")


def _add_lock(verbs: Verbs) -> None:
    lock = verbs.add_parser("lock", help="who leads, who led").add_subparsers(metavar="ACTION", required=True)
    _leaf(lock, "show", "holder, epoch, heartbeat, beacon", _command("lock", "show"))
    history = _leaf(lock, "history", "terms, releases, demotions, newest first", _command("lock", "history"))
    history.add_argument("--limit", metavar="N", type=_positive, default=20, help="how many (%(default)s)")
    broken = _leaf(lock, "break", "end the term you saw, if it is still that one", _command("lock", "break_"))
    broken.add_argument(
        "--epoch", metavar="N", type=_positive, required=True, help="the epoch that vigil lock show shows"
    )


def _add_inbox(verbs: Verbs) -> None:
    inbox = verbs.add_parser("inbox", help="what has come in").add_subparsers(metavar="ACTION", required=True)
    stats = _leaf(inbox, "stats", "depth, age, rates, the fullest lanes", _command("inbox", "stats"))
    stats.add_argument("--lanes", metavar="N", type=_positive, default=10, help="how many lanes (%(default)s)")
    dead = _leaf(inbox, "dead", "what was given up, newest first", _command("inbox", "dead"))
    dead.add_argument("--limit", metavar="N", type=_positive, default=20, help="how many (%(default)s)")
    dead.add_argument("--before", metavar="ID", type=_row, help="only older than this row: where the last list ended")
    dead.add_argument("--body", action="store_true", help="also what arrived; it holds what users wrote")
    replay = _leaf(inbox, "replay", "handle dead letters again, at the end of their lanes", _command("inbox", "replay"))
    replay.add_argument("ids", metavar="ID", type=_row, nargs="+", help="as in vigil inbox dead")


def _add_migrate(verbs: Verbs) -> None:
    migrate = verbs.add_parser("migrate", help="schema migrations").add_subparsers(metavar="ACTION", required=True)
    apply = _leaf(migrate, "apply", "apply the pending pre files", _command("migrate", "apply"))
    apply.add_argument("--allow-out-of-order", action="store_true", help="also files older than one that is in effect")
    for verb, text in (
        ("plan", "what apply would do, and what to look at before; changes nothing"),
        ("status", "what is in effect, what is pending"),
        ("verify", "whether history, files and schema agree; changes nothing"),
        ("repair", "put the history right: clear away what was interrupted, take over proved texts"),
        ("baseline", "record what is in effect already, after proving it"),
    ):
        _leaf(migrate, verb, text, _command("migrate", verb))


def _add_checks(verbs: Verbs) -> None:
    """Add what tells whether all is well."""
    config = verbs.add_parser("config", help="settings").add_subparsers(metavar="ACTION", required=True)
    shown = "effective settings with their source, secrets masked; the lock's times"
    leaves = (
        _leaf(config, "show", shown, _app("configuration", "show")),
        _leaf(
            config, "check", "only whether they are right; exit 78 with every problem", _app("configuration", "check")
        ),
        _leaf(verbs, "doctor", "what could keep this machine from running it well", _app("doctor", "run")),
        _leaf(verbs, "smoke", "whether a running production works; changes nothing", _app("smoke", "run")),
    )
    for leaf in leaves:
        leaf.add_argument("--sandbox", action="store_true", help="with the settings of vigil run --sandbox")


def _leaf(verbs: Verbs, name: str, text: str, command: Command, *, reads: bool = True) -> argparse.ArgumentParser:
    """Add one verb; those that answer something take --json."""
    leaf: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    leaf.set_defaults(command=command)
    if reads:
        leaf.add_argument("--json", action="store_true", help="the documented fields as JSON")
    return leaf


def _positive(text: str, largest: int = LARGEST) -> int:
    if not text.isdecimal() or not 0 < int(text) <= largest:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _row(text: str) -> int:
    return _positive(text, LARGEST_ROW)


def main() -> None:
    """Run one command and exit with its code."""
    stacks.dump_on_signal()
    arguments = parser().parse_args()
    if arguments.command is _run:
        init.fork_as_pid_1()
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


def _command(noun: str, verb: str) -> Command:
    """Return a verb of `supervisor.commands.<noun>`, imported when it is called."""
    return _late(f"supervisor.commands.{noun}", verb)


def _app(noun: str, verb: str) -> Command:
    """Return a verb of `supervisor.app.<noun>`, which knows the bot too."""
    return _late(f"supervisor.app.{noun}", verb)


def _late(module: str, verb: str) -> Command:
    async def command(arguments: argparse.Namespace) -> int:
        found: Command = getattr(import_module(module), verb)
        return await found(arguments)

    return command
