"""The bot's side of Telegram: python-telegram-bot without its loops, one update at a time, in our transaction.

    initialize (getMe) ──▶ ready ──▶ reconcile the webhook and the commands, until it succeeded ──▶ wait

The library's queue, updater, job queue and persistence are not used: the inbox is the queue, the database the state.
A webhook is never deleted while it is wanted, and pending updates are never dropped.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import anyio
from anyio.abc import TaskStatus
from telegram import BotCommand, Update
from telegram.error import InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application, ApplicationHandlerStop, CallbackContext

from bot import turn
from bot.answer import Request
from bot.delivery import wait_asked
from bot.effects import Effects
from bot.errors import InvalidSetup, Unreadable
from bot.ingress import id_of
from bot.pause import pause
from bot.ports import Connection
from bot.settings import BotSettings
from bot.webhook import Webhook
from telemetry import emit, events, tracing

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
WRITE_SECONDS = 15.0
MEDIA_WRITE_SECONDS = 120.0
CONNECTIONS = 32
"""For the outbox, which makes up to 20 calls at once, and whoever else calls."""
END_SECONDS = 1.0
RETRY_BASE_SECONDS = 0.5
RETRY_CAP_SECONDS = 60.0

Commands = Mapping[str | None, Sequence[tuple[str, str]]]
"""(command, description) by language code; None is what everybody else sees."""
_failure: ContextVar[list[Exception]] = ContextVar("failure")


class Row(Protocol):
    """The part of an inbox row that handling needs."""

    @property
    def body(self) -> bytes:
        """The bytes as they arrived."""
        ...


@dataclass(frozen=True, slots=True)
class Reach:
    """How updates reach us: the webhook we want, or None for polling.

    `remembered` and `remember` keep the fingerprint of the secret that was set last, for all instances.
    """

    webhook: Webhook | None
    remembered: Callable[[], Awaitable[str | None]]
    remember: Callable[[str], Awaitable[None]]


async def _trusted() -> None:
    """Trust whoever has no term: a tool, a test."""


class Telegram:
    """The bot's connection to Telegram and the handlers' way in; `serve` is its child.

    `trusted` is awaited before each call that changes what Telegram knows of the bot: a term that is over, or may be,
    must not undo what its successor has set.
    """

    def __init__(
        self,
        settings: BotSettings,
        reach: Reach,
        register: Callable[[Application[Any, Any, Any, Any, Any, Any]], None],
        *,
        commands: Commands | None = None,
        trusted: Callable[[], Awaitable[None]] = _trusted,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._reach = reach
        self._commands = commands or {}
        self._trusted = trusted
        self._jitter = jitter
        self._clock = clock
        self._ready = anyio.Event()
        self._request = Request(
            connection_pool_size=CONNECTIONS,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            write_timeout=WRITE_SECONDS,
            pool_timeout=CONNECT_SECONDS,
            media_write_timeout=MEDIA_WRITE_SECONDS,
            # A proxy of the environment is for what is outside; plain http is the sandbox on this machine.
            httpx_kwargs={"trust_env": settings.telegram_api_url.scheme == "https"},
        )
        self.application = _application(settings, self._request)
        self.application.add_error_handler(_record)
        register(self.application)

    @property
    def bot(self) -> Any:
        """The library's Bot, for the outbox."""
        return self.application.bot

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Be able to handle updates until cancelled; woken by nothing, it waits.

        Telegram being away delays the start; a webhook that cannot be set is tried again and holds up nobody, because
        what has arrived can be handled without it. Raises `InvalidSetup` when the token is refused.
        """
        try:
            await self._until_done("getMe", self.application.initialize)
            self._ready.set()
            is_reconciled = False
            with anyio.move_on_after(READ_SECONDS):
                is_reconciled = await self._until_done("reconcile", self._reconcile, tries=1)
            task_status.started()
            if not is_reconciled:
                await self._until_done("reconcile", self._reconcile)
            await anyio.sleep_forever()
        finally:
            self._ready = anyio.Event()
            with anyio.move_on_after(END_SECONDS, shield=True):
                await self.application.shutdown()
                await self.application.bot.shutdown()

    async def handle(self, row: Row, connection: Connection) -> None:
        """Let the handlers work on one update; raise what the first failing one raised.

        Raises `Unreadable` for what the library cannot parse, and for ids that no database or chat can have. An update
        without a handler is fine.
        """
        # While this child is restarted, updates wait instead of failing.
        await self._ready.wait()
        update = self._parsed(row.body)
        user = update.effective_user
        effects = Effects(connection, tracing.inject(), None if user is None else user.id)
        failure: list[Exception] = []
        token = _failure.set(failure)
        try:
            with turn.taken(turn.Turn(connection, effects, self._clock(), self._settings)):
                await self.application.process_update(update)
        finally:
            _failure.reset(token)
        if failure:
            raise failure[0]

    def _parsed(self, body: bytes) -> Update:
        try:
            update = Update.de_json(json.loads(body), self.application.bot)
        except Exception as error:  # noqa: BLE001 - see below
            # Whatever a parser may raise on foreign data; its message quotes the data, so it is not repeated.
            raise Unreadable(f"Reading an update: {type(error).__name__}; it is kept as a dead letter.") from None
        if (wrong := _wrong_id(update)) is not None:
            raise Unreadable(f"Reading an update: {wrong} is no 64-bit whole number; it is kept as a dead letter.")
        return update

    async def reconcile(self) -> bool:
        """Make Telegram deliver as we want it, trying once; return whether it worked."""
        return await self._until_done("reconcile", self._reconcile, tries=1)

    async def _until_done(self, call: str, done: Callable[[], Awaitable[None]], tries: int | None = None) -> bool:
        """Try until it succeeded, or `tries` times and return False; raise only when trying again cannot help."""
        failures = 0
        while tries is None or failures < tries:
            try:
                await done()
            except InvalidToken:
                # Without the cause: the library's message holds the token.
                raise InvalidSetup(
                    "Telegram refuses the bot's token.", hint="correct TELEGRAM_BOT_TOKEN: ask @BotFather for it"
                ) from None
            except TelegramError as error:
                failures += 1
                delay = pause(failures, self._jitter(), base=RETRY_BASE_SECONDS, cap=RETRY_CAP_SECONDS)
                if isinstance(error, RetryAfter):
                    delay = max(delay, wait_asked(error))
                emit(events.TelegramUnavailable(call=call, error=error, retry_seconds=round(delay, 3)))
                if failures != tries:
                    await anyio.sleep(delay)
            else:
                return True
        return False

    async def _reconcile(self) -> None:
        """Make Telegram's idea of how updates reach us, and of our commands, ours."""
        bot, wanted = self.application.bot, self._reach.webhook
        info = await bot.get_webhook_info()
        if wanted is None:
            if info.url:
                await self._trusted()
                await bot.delete_webhook(drop_pending_updates=False)
                emit(events.WebhookReconciled(action="deleted", differences=("url",)))
        else:
            differences = wanted.differences(
                url=info.url,
                max_connections=info.max_connections,
                allowed_updates=info.allowed_updates or (),
                fingerprint=await self._reach.remembered(),
            )
            if differences:
                await self._trusted()
                await bot.set_webhook(
                    wanted.url,
                    secret_token=wanted.secret,
                    max_connections=wanted.max_connections,
                    allowed_updates=list(wanted.allowed_updates),
                )
                await self._reach.remember(wanted.fingerprint)
                emit(events.WebhookReconciled(action="set", differences=differences))
        for language, commands in self._commands.items():
            await self._trusted()
            await bot.set_my_commands([BotCommand(*command) for command in commands], language_code=language)


def _application(settings: BotSettings, request: Request) -> Application[Any, Any, Any, Any, Any, Any]:
    api = str(settings.telegram_api_url).rstrip("/")
    return (
        Application.builder()
        .token(settings.telegram_bot_token.get_secret_value())
        .base_url(f"{api}/bot")
        .base_file_url(f"{api}/file/bot")
        .request(request)
        .get_updates_request(request)
        .updater(None)
        .job_queue(None)
        .build()
    )


def _wrong_id(update: Update) -> str | None:
    """Name the first of the ids that handlers use which is none: the library takes anything for an id."""
    user, chat, message = update.effective_user, update.effective_chat, update.message
    if user is not None and id_of(user.id) is None:
        return "the sender's id"
    if chat is not None and id_of(chat.id) is None:
        return "the chat's id"
    moves = () if message is None else (message.migrate_to_chat_id, message.migrate_from_chat_id)
    if any(move is not None and id_of(move) is None for move in moves):
        return "the id of the group's other chat"
    return None


async def _record(_: object, context: CallbackContext[Any, Any, Any, Any]) -> None:
    """Keep what a handler raised for `handle`, and stop: nothing may go on in a transaction that failed."""
    if isinstance(context.error, Exception):
        _failure.get().append(context.error)
    raise ApplicationHandlerStop
