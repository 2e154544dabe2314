"""Generations: from the quote to the charge or the release."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Observe, event


@event
class GenerationQuoted(Event):
    """A price was shown and a confirmation asked for."""

    name = "generations.quoted"
    message = "Generation quoted"
    level = "DEBUG"
    metrics = (Count("bot_generation_steps_total", step="quoted"),)

    model: str
    credits: str


@event
class GenerationHeld(Event):
    """The credits are held and the generation is waiting to be submitted."""

    name = "generations.held"
    message = "Generation confirmed, credits held"
    level = "INFO"
    metrics = (Count("bot_generation_steps_total", step="held"),)

    generation_id: int
    model: str
    credits: str


@event
class GenerationSubmitted(Event):
    """The provider took the task."""

    name = "generations.submitted"
    message = "Generation submitted"
    level = "INFO"
    metrics = (Count("bot_generation_steps_total", step="submitted"),)

    generation_id: int
    model: str
    task_id: str


@event
class GenerationUnknown(Event):
    """Whether the provider took the task is not known; it is never submitted again."""

    name = "generations.unknown"
    message = "Generation in an unknown state with the provider"
    level = "WARNING"
    metrics = (Count("bot_generation_steps_total", step="unknown"),)

    generation_id: int
    model: str
    error: BaseException | None = None


@event
class GenerationSucceeded(Event):
    """The provider has a result."""

    name = "generations.succeeded"
    message = "Generation succeeded"
    level = "INFO"
    metrics = (
        Count("bot_generation_steps_total", step="succeeded"),
        Count("bot_generations_total", outcome="success"),
        Observe("bot_generation_duration_seconds", "seconds"),
    )

    generation_id: int
    model: str
    modality: str
    seconds: float


@event
class GenerationFailed(Event):
    """The generation ended without a result; `outcome` says whose fault it is."""

    name = "generations.failed"
    message = "Generation failed"
    level = "WARNING"
    metrics = (Count("bot_generation_steps_total", step="failed"), Count("bot_generations_total"))

    generation_id: int
    model: str
    modality: str
    outcome: Literal["provider_error", "timeout", "moderation", "bad_input", "cancelled"]
    reason: str
    code: str | None = None


@event
class GenerationUndeliverable(Event):
    """There was a result, but it could not be brought to the chat: no fault of the model."""

    name = "generations.undeliverable"
    message = "Generation could not be delivered"
    level = "WARNING"
    metrics = (Count("bot_generation_steps_total", step="failed"),)

    generation_id: int
    model: str
    reason: str


@event
class GenerationDelivered(Event):
    """The result is in the chat."""

    name = "generations.delivered"
    message = "Generation delivered"
    level = "INFO"
    metrics = (Count("bot_generation_steps_total", step="delivered"),)

    generation_id: int
    model: str


@event
class GenerationCharged(Event):
    """The hold became a charge."""

    name = "generations.charged"
    message = "Generation charged"
    level = "INFO"
    metrics = (Count("bot_generation_steps_total", step="charged"),)

    generation_id: int
    model: str
    credits: str


@event
class GenerationUnderpriced(Event):
    """The provider took more for a result than was quoted: a price is wrong, or a file was not as it was told."""

    name = "generations.underpriced"
    message = "The provider took more than the quoted price: compare the model's price and its files with what it took"
    level = "WARNING"
    metrics = (Count("bot_generations_underpriced_total"),)

    generation_id: int
    model: str
    quoted: str
    credits: str


@event
class GenerationReleased(Event):
    """The hold was given back; nothing was charged."""

    name = "generations.released"
    message = "Hold released, nothing charged"
    level = "INFO"
    metrics = (Count("bot_generation_steps_total", step="released"),)

    generation_id: int
    model: str
    reason: str


@event
class GenerationStepFailed(Event):
    """A step met an error that nobody foresaw; the others go on and this one is tried again later."""

    name = "generations.step_failed"
    message = "A generation's step failed and will be tried again"
    level = "ERROR"
    metrics = (Count("bot_generation_step_errors_total"),)

    generation_id: int
    model: str
    state: str
    error: BaseException


@event
class GenerationUnpriced(Event):
    """The catalogue's price rule does not take the inputs of an older order: its cost is taken from its quote."""

    name = "generations.unpriced"
    message = "Generation cannot be priced any more, its cost is taken as quoted"
    level = "WARNING"

    generation_id: int
    model: str
    error: BaseException


@event
class GenerationsRecovered(Event):
    """What an older term left behind was taken up."""

    name = "generations.recovered"
    message = "Generations of an earlier term taken up"
    level = "INFO"

    unknown: int
    open: int


@event
class ProviderAnswered(Event):
    """A call to the provider ended, with an answer or without."""

    name = "generations.provider_answered"
    message = "Provider answered"
    level = None
    metrics = (
        Count("bot_provider_requests_total"),
        Observe("bot_provider_request_seconds", "seconds"),
    )

    provider: str
    operation: str
    code: str
    seconds: float


@event
class ProviderTroubled(Event):
    """The provider refused or did not answer; `code` says how."""

    name = "generations.provider_troubled"
    message = "Provider call failed"
    level = "WARNING"
    quiet_seconds = 30.0

    provider: str
    operation: str
    code: str
    model: str


@event
class ProviderMisconfigured(Event):
    """Our key, the operator's balance or this program is wrong: no user can do anything about it."""

    name = "generations.provider_misconfigured"
    message = "The provider refuses this operator: check KIE_API_KEY and the balance"
    level = "ERROR"
    quiet_seconds = 60.0

    provider: str
    operation: str
    code: str


@event
class GenerationsStalled(Event):
    """The database is away: generations wait for it, and nothing is given up."""

    name = "generations.stalled"
    message = "Generations wait for the database"
    level = "WARNING"
    quiet_seconds = 30.0

    error: BaseException
    retry_seconds: float


@event
class GenerationLeftoversKept(Event):
    """Results that nobody needs any more could not be removed: they take room until the next try."""

    name = "generations.leftovers_kept"
    message = "Results that nobody needs stay on the disk"
    level = "WARNING"

    error: BaseException
    retry_seconds: float


LateOutcome = Literal["delivered", "undeliverable", "nothing"]


@event
class GenerationLate(Event):
    """What came after the credits went back, for nothing; or nothing came in time."""

    name = "generations.late"
    message = "Late generation ended, nothing charged"
    level = "INFO"
    metrics = (Count("bot_generations_late_total"),)

    generation_id: int
    model: str
    outcome: LateOutcome


@event
class CallbackTaken(Event):
    """A callback of the provider came; `late` ones come after their generation has gone on, `forged` ones are refused.

    `crowded` ones are told to come later: too many tokens were to be looked up.
    """

    name = "generations.callback_taken"
    message = "Callback of the provider taken"
    level = None
    metrics = (Count("bot_callbacks_total"),)

    outcome: Literal["applied", "late", "forged", "crowded"]
