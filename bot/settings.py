"""What the bot is told by its environment; read once, validated at once, frozen."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, HttpUrl, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.ledger import to_milli

SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class BotSettings(BaseSettings):
    """The bot's part of the environment; the variables are documented in README.md."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    telegram_bot_token: SecretStr
    kie_api_key: SecretStr
    admin_ids: Annotated[frozenset[int], NoDecode] = Field(validation_alias=AliasChoices("admin_ids", "admin_id"))

    telegram_api_url: HttpUrl = HttpUrl("https://api.telegram.org")
    kie_api_url: HttpUrl = HttpUrl("https://api.kie.ai")
    webhook_base_url: HttpUrl | None = None
    bot_mode: Literal["webhook", "polling"] | None = None
    webhook_secret_path: SecretStr | None = None
    webhook_secret_token: SecretStr | None = None
    kie_callback_hmac_key: SecretStr | None = None

    price_multiplier: Decimal = Field(default=Decimal("2.0"), gt=0, le=100)
    welcome_credits: Decimal = Field(default=Decimal(20), ge=0, le=100_000, decimal_places=3)
    active_tasks_per_user: int = Field(default=1, ge=1, le=100)
    referral_credits: Decimal = Field(default=Decimal(20), ge=0, le=100_000, decimal_places=3)
    free_models: Annotated[frozenset[str], NoDecode] = frozenset()
    free_daily_limit: int = Field(default=5, ge=0, le=1_000)
    free_daily_budget: int = Field(default=500, ge=0, le=10_000)
    support_telegram: str | None = None

    @field_validator("admin_ids", mode="before")
    @classmethod
    def _split_ids(cls, value: object) -> object:
        if isinstance(value, str):
            parts = value.replace(",", " ").split()
            if not parts or not all(part.isascii() and part.isdigit() for part in parts):
                raise ValueError("expected your numeric Telegram id, or several with commas")
            return frozenset(map(int, parts))
        return frozenset({value}) if isinstance(value, int) else value

    @field_validator("free_models", mode="before")
    @classmethod
    def _split_models(cls, value: object) -> object:
        return frozenset(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("telegram_bot_token")
    @classmethod
    def _looks_like_a_token(cls, value: SecretStr) -> SecretStr:
        bot_id, colon, secret = value.get_secret_value().partition(":")
        if not (bot_id.isdigit() and colon and secret):
            raise ValueError("expected the form 123456:ABC… that BotFather gives")
        return value

    @field_validator("webhook_secret_path", "webhook_secret_token")
    @classmethod
    def _as_telegram_takes_it(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("expected 16 to 128 characters of A-Z, a-z, 0-9, _ and -")
        return value

    @field_validator("webhook_base_url")
    @classmethod
    def _reachable_by_telegram(cls, value: HttpUrl | None) -> HttpUrl | None:
        if value is not None and value.scheme != "https" and value.host not in LOOPBACK:
            raise ValueError("must be an https address: Telegram delivers to nothing else")
        return value

    @field_validator("bot_mode")
    @classmethod
    def _webhook_needs_an_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value == "webhook" and "webhook_base_url" in info.data and info.data["webhook_base_url"] is None:
            raise ValueError("BOT_MODE=webhook needs the public address")
        return value

    @property
    def bot_id(self) -> int:
        """The bot's Telegram id, which the token begins with."""
        return int(self.telegram_bot_token.get_secret_value().partition(":")[0])

    @property
    def mode(self) -> Literal["webhook", "polling"]:
        """How updates arrive: a webhook when the public address is known, else polling."""
        return self.bot_mode or ("webhook" if self.webhook_base_url else "polling")

    @property
    def welcome_amount(self) -> int:
        """The welcome gift in milli-credits."""
        return to_milli(self.welcome_credits)

    @property
    def referral_amount(self) -> int:
        """The reward for an invitation in milli-credits."""
        return to_milli(self.referral_credits)
