"""`vigil run`: bind, build, start, wait for a signal, and end in the numbered phases of `supervisor.shutdown`."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack

import anyio
from pydantic import HttpUrl, SecretStr

from bot.settings import BotSettings
from supervisor import __version__, settings, shutdown
from supervisor.app import infrastructure, mode, routes, sandbox_share, workload
from supervisor.app.announcement import announce
from supervisor.app.instance import Instance
from supervisor.child import ChildSpec
from supervisor.clock import boottime
from supervisor.errors import ConfigError
from supervisor.home import create_home
from supervisor.http import HttpServer, bind
from supervisor.killtimer import KillTimer
from supervisor.sdnotify import Notifier
from supervisor.settings import Settings
from supervisor.signals import Ladder, until
from supervisor.term import lock_key_for
from supervisor.timing import Timing
from supervisor.tree import Tree, open_tree
from telemetry import emit, events, logging, metrics, redact, tracing

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - the public port of a web service is public


async def run(*, with_sandbox: bool) -> int:
    """Run the daemon until it is asked to stop; return its exit code."""
    ladder = Ladder()
    base, timing, bot = _read(with_sandbox=with_sandbox)
    public = bind(LOOPBACK if with_sandbox else EVERYWHERE, base.port, variable="PORT")
    operators = bind(base.ops_host, base.ops_port, variable="OPS_PORT", host_variable="OPS_HOST")
    if with_sandbox:
        bot = bot.model_copy(update={"webhook_base_url": HttpUrl(f"http://{LOOPBACK}:{public.getsockname()[1]}")})
    create_home(base.vigil_home)
    instance = Instance(
        base,
        bot,
        timing,
        lock_key_for(bot.bot_id),
        workload.load_models(),
        ladder,
        sandbox=with_sandbox,
        guard=KillTimer(),
    )
    instance.notifier = Notifier.take(os.environ)
    return await _live(instance, public, operators)


def _read(*, with_sandbox: bool) -> tuple[Settings, Timing, BotSettings]:
    """Return the settings; raise ConfigError with every problem when some are wrong."""
    base, bot, timing = mode.complete(mode.reading(with_sandbox=with_sandbox, why="asked for"))
    return base, timing, bot


async def _live(instance: Instance, public: socket.socket, operators: socket.socket) -> int:
    servers = [
        ("http", HttpServer(routes.public(instance), public)),
        ("ops", HttpServer(routes.operators(instance), operators)),
    ]
    specs = infrastructure.children(instance, servers)
    _configure_telemetry(instance, specs)
    emit(
        events.Starting(version=__version__, pid=os.getpid(), mode="sandbox" if instance.sandbox else instance.bot.mode)
    )
    strays = mode.stray(with_sandbox=instance.sandbox)
    for warned in (*settings.warnings(instance.settings, instance.timing), *strays):
        emit(events.SettingWarned(variable=warned.variable, reason=warned.text))
    emit(events.Listening(server="public", address="{}:{}".format(*public.getsockname())))
    emit(events.Listening(server="ops", address="{}:{}".format(*operators.getsockname())))
    async with AsyncExitStack() as stack:
        if instance.sandbox:
            async with until(instance.ladder.drain):
                await stack.enter_async_context(
                    sandbox_share.shared(instance.settings.vigil_home, instance.settings.sandbox_port)
                )
        tree = await stack.enter_async_context(open_tree(specs, on_fatal=instance.fail))
        instance.infrastructure = tree
        async with anyio.create_task_group() as group:
            group.start_soon(_start, instance, tree, public, operators)
            await instance.ladder.drain.wait()
            group.cancel_scope.cancel("asked to stop")
        instance.drain_until = boottime() + instance.settings.plan.drain
        shutdown.exit_at_the_deadline(instance.settings.shutdown_grace)
        await _shut_down(instance, tree, public)
    code = instance.exit_code()
    emit(events.Stopped(exit_code=int(code), uptime_seconds=instance.uptime()))
    if instance.failure is not None:
        raise instance.failure
    return code


async def _start(instance: Instance, tree: Tree, public: socket.socket, operators: socket.socket) -> None:
    await tree.start()
    # What lives as long as the process is not looked through for garbage again: that would stop the loop for tens of
    # milliseconds, every few seconds under load.
    gc.freeze()
    if not instance.draining:
        instance.notifier.ready()
        await announce(instance, public.getsockname(), operators.getsockname())


async def _shut_down(instance: Instance, tree: Tree, public: socket.socket) -> None:
    """End the infrastructure phase by phase; whoever does not end is left to the end of the process."""
    instance.notifier.stopping()
    emit(events.Draining(deadline_seconds=instance.settings.shutdown_grace))
    if not await _phase(tree, "workload", instance.settings.plan.drain + shutdown.CANCEL, {"role"}):
        shutdown.give_up("The work did not stop in time; the lease is left to run out.")
    await _phase(tree, "lease", shutdown.RELEASE, {"keeper"})
    await _phase(tree, "ingress", shutdown.INGRESS, {"http"})
    # The server had copies of it; as long as one is open, connections would be made and never answered.
    public.close()
    await _phase(tree, "pools", shutdown.POOLS, {"readiness", "totals", "inbox-writer", "database"})
    began = boottime()
    flushed = await tracing.shutdown(shutdown.FLUSH)
    emit(events.ShutdownPhaseFinished(phase="flush", seconds=round(boottime() - began, 3), in_time=flushed))
    await _phase(tree, "postgresql", shutdown.POSTGRESQL, {"postgresql", "ops", "control", "pulse"})


async def _phase(tree: Tree, phase: str, within: float, names: Collection[str]) -> bool:
    began = boottime()
    unstopped = await tree.stop(within, names)
    emit(
        events.ShutdownPhaseFinished(
            phase=phase,  # type: ignore[arg-type] # the literals are the phases above
            seconds=round(boottime() - began, 3),
            in_time=not unstopped,
        )
    )
    return not unstopped


def _configure_telemetry(instance: Instance, specs: Sequence[ChildSpec]) -> None:
    """Register every secret before the first line is written; then logs, metrics and, with an endpoint, traces."""
    base, bot = instance.settings, instance.bot
    for model in (base, bot):
        for field in type(model).model_fields:
            value = getattr(model, field)
            if isinstance(value, SecretStr):
                redact.register_secret(value.get_secret_value())
    form = base.log_format or ("pretty" if os.isatty(2) else "json")
    logging.configure(level=base.log_level, format=form, instance_id=instance.instance_id)
    metrics.configure(instance_id=instance.instance_id, version=__version__)
    metrics.put("supervisor_lock_heartbeat_interval_seconds", instance.timing.renew, lock="bot")
    metrics.put("supervisor_lock_lease_seconds", instance.timing.lease, lock="bot")
    metrics.declare("child", [*(spec.name for spec in specs), *workload.NAMES])
    metrics.declare("model", {model.id: {"modality": model.modality} for model in instance.models})
    metrics.declare("routed", [model.id for model in instance.models])
    try:
        environ = settings.environment(None if instance.sandbox else settings.ENV_FILE)
        tracing.configure(instance_id=instance.instance_id, version=__version__, environ=environ)
    except ValueError as error:
        raise ConfigError(f"The OTEL_* settings cannot be used: {error}", hint="correct or remove them") from error
