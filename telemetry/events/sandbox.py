"""The sandbox: the separate process that plays Telegram and the provider."""

from __future__ import annotations

from telemetry.events.base import Event, event


@event
class SandboxStarted(Event):
    """The sandbox answers; a chat can be held with it."""

    name = "sandbox.started"
    message = "Sandbox started"
    level = "INFO"

    address: str
    pid: int
    reused: bool = False


@event
class SandboxStopped(Event):
    """The sandbox that this daemon owns has ended."""

    name = "sandbox.stopped"
    message = "Sandbox stopped"
    level = "INFO"

    pid: int


@event
class SandboxFaultSet(Event):
    """Someone changed a fault or a latency of the sandbox."""

    name = "sandbox.fault_set"
    message = "Sandbox fault set"
    level = "INFO"

    fault: str
    setting: str


@event
class SandboxWebhookFailed(Event):
    """The sandbox could not deliver an update to the webhook; it will deliver it again."""

    name = "sandbox.webhook_failed"
    message = "Webhook delivery failed"
    level = "WARNING"
    quiet_seconds = 10.0

    reason: str
    pending: int
