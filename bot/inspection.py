"""What Telegram knows of this bot's webhook, asked once and without changing anything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bot.errors import BotError, InvalidSetup
from bot.settings import BotSettings

SECONDS = 5.0


class Unanswered(BotError):
    """Telegram does not answer, or not so."""


@dataclass(frozen=True, slots=True)
class WebhookState:
    """The webhook as Telegram tells it; the address, which ends in a secret, stays in the object."""

    host_matches: bool
    is_set: bool
    pending: int
    last_error: str | None
    last_error_at: datetime | None
    allowed_updates: Collection[str]


async def webhook_state(settings: BotSettings) -> WebhookState:
    """Ask; raise `InvalidSetup` when the token is refused, `Unanswered` when there is no answer."""
    request = HTTPXRequest(
        connect_timeout=SECONDS,
        read_timeout=SECONDS,
        pool_timeout=SECONDS,
        httpx_kwargs={"trust_env": settings.telegram_api_url.scheme == "https"},
    )
    api = str(settings.telegram_api_url).rstrip("/")
    token = settings.telegram_bot_token.get_secret_value()
    asking = Bot(token, base_url=f"{api}/bot", request=request, get_updates_request=request)
    try:
        info = await asking.get_webhook_info()
    except InvalidToken:
        # Without the cause: the library's message holds the token.
        raise InvalidSetup(
            "Telegram refuses the bot's token.", hint="correct TELEGRAM_BOT_TOKEN: ask @BotFather for it"
        ) from None
    except TelegramError as error:
        raise Unanswered(type(error).__name__) from None
    finally:
        await request.shutdown()
    base = str(settings.webhook_base_url).rstrip("/") if settings.webhook_base_url else None
    return WebhookState(
        host_matches=base is not None and info.url.startswith(f"{base}/webhook/"),
        is_set=bool(info.url),
        pending=info.pending_update_count,
        last_error=info.last_error_message,
        last_error_at=info.last_error_date,
        allowed_updates=info.allowed_updates or (),
    )
