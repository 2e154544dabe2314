"""The supervisor's settings: environment and `.env`, all problems reported at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from supervisor import shutdown, timing
from supervisor.errors import ConfigError
from supervisor.home import from_here, resolve_home

ENV_FILE = Path(".env")
Port = Annotated[int, Field(ge=0, le=65535)]
HINT = "put them in .env or the environment (README, Running the real bot), or without any: vigil run --sandbox"


class Settings(BaseSettings):
    """The supervisor's part of the environment; the variables are documented in README.md."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    vigil_home: Path = Field(default_factory=resolve_home)
    database_url: SecretStr | None = None
    database_url_direct: SecretStr | None = None
    db_maxconn: int = Field(default=10, ge=2, le=200)

    port: Port = 8080
    ops_host: str = "127.0.0.1"
    ops_port: Port = 9464
    sandbox_port: Annotated[int, Field(ge=1, le=65535)] = 8081

    lock_profile: Literal["standard", "fast", "compat"] = "standard"
    lock_heartbeat_interval: float | None = Field(default=None, gt=0)
    lock_stale_heartbeat_seconds: float | None = Field(default=None, gt=0)
    lock_stale_idle_seconds: float | None = None
    shutdown_grace: float = Field(default=30, ge=shutdown.MINIMUM_GRACE, le=3600)

    instance_name: str = Field(default_factory=socket.gethostname, max_length=100, pattern=r"^[\x21-\x7e]+$")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["pretty", "json"] | None = None

    @field_validator("vigil_home")
    @classmethod
    def _from_here(cls, value: Path) -> Path:
        return from_here(value)

    @field_validator("database_url", "database_url_direct")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("expected postgresql://user:password@host:port/database")
        try:
            _ = urlsplit(value.get_secret_value()).port if value is not None else None
        except ValueError:
            # Its own text quotes what it took for the port: perhaps half of the password.
            raise ValueError(
                "its port is not a number; in a password, write / @ : ? # [ as %2F %40 %3A %3F %23 %5B"
            ) from None
        return value

    @field_validator("ops_port")
    @classmethod
    def _apart_from_the_public_one(cls, value: int, info: ValidationInfo) -> int:
        if value and value == info.data.get("port"):
            raise ValueError("the same as PORT: operators and the public need a port each")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def plan(self) -> shutdown.ShutdownPlan:
        """How the shutdown grace is divided."""
        return shutdown.ShutdownPlan(self.shutdown_grace)

    @property
    def direct_url(self) -> str | None:
        """The address for lock and migrations: never through a pooler."""
        url = self.database_url_direct or self.database_url
        return url.get_secret_value() if url else None


S = TypeVar("S", bound=BaseSettings)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one variable; never holds the value of a secret."""

    variable: str
    text: str


def read(model: type[S], problems: list[Problem], env_file: Path | None = ENV_FILE) -> S | None:
    """Read one settings model from the environment and `env_file`; add what is wrong to `problems`."""
    try:
        return model(_env_file=env_file)
    except ValidationError as error:
        problems.extend(_problems(error))
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        problems.append(Problem(str(env_file), f"cannot be read: {found}"))
    return None


def timing_of(settings: Settings, problems: list[Problem]) -> timing.Timing | None:
    """Resolve the lock's times from profile and overrides; add every broken inequality to `problems`."""
    renew, lease = settings.lock_heartbeat_interval, settings.lock_stale_heartbeat_seconds
    resolved, broken = timing.resolve(settings.lock_profile, renew, lease)
    problems.extend(Problem(_cause(settings, renew, lease), text) for text in broken)
    return resolved


def _cause(settings: Settings, renew: float | None, lease: float | None) -> str:
    """Return the variable whose value breaks the rules by itself, or those that break them together."""
    given = {
        "LOCK_HEARTBEAT_INTERVAL": (renew, None) if renew is not None else None,
        "LOCK_STALE_HEARTBEAT_SECONDS": (None, lease) if lease is not None else None,
    }
    used = {name: alone for name, alone in given.items() if alone is not None}
    guilty = [name for name, alone in used.items() if timing.resolve(settings.lock_profile, *alone)[1]]
    return ", ".join(guilty or used) or "LOCK_PROFILE"


def warnings(settings: Settings, timing: timing.Timing) -> list[Problem]:
    """Return what is accepted but does not mean what it says."""
    found = []
    if settings.lock_stale_idle_seconds is not None:
        found.append(Problem("LOCK_STALE_IDLE_SECONDS", "ignored: a holder's idle session is no evidence of its death"))
    if timing.profile == "compat" and settings.lock_profile != "compat":
        found.append(
            Problem("LOCK_STALE_HEARTBEAT_SECONDS", "15 and 300 mean LOCK_PROFILE=compat: a takeover takes two minutes")
        )
    return found


def refuse(problems: list[Problem]) -> None:
    """Raise one ConfigError that lists every problem, or return when there is none."""
    if not problems:
        return
    width = max(len(problem.variable) for problem in problems)
    # Several readers may have met the same problem, and one variable may have several.
    lines = list(dict.fromkeys(f"  {problem.variable:<{width}}  {problem.text}" for problem in problems))
    wrong = len({problem.variable for problem in problems})
    count = "1 setting is" if wrong == 1 else f"{wrong} settings are"
    raise ConfigError("\n".join([f"{count} missing or wrong:", *lines]), hint=HINT)


def environment(env_file: Path | None = ENV_FILE) -> dict[str, str]:
    """Return the environment with what `env_file` adds to it; for settings that other programs define (OTEL_*)."""
    return {name: value for name, value in _in_file(env_file).items() if value is not None} | dict(os.environ)


def variables(model: type[BaseSettings]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every field of a model with the variables that it is read from."""
    for field, info in sorted(model.model_fields.items()):
        alias = info.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else (field,)
        yield field, tuple(str(name).upper() for name in names)


def effective(models: tuple[BaseSettings, ...], env_file: Path | None = ENV_FILE) -> Iterator[tuple[str, Any, str]]:
    """Yield (variable, value, source) for every setting; secrets are masked, source is where the value came from."""
    in_file = _in_file(env_file)
    for model in models:
        for field, names in variables(type(model)):
            source = "default"
            if any(os.environ.get(name) for name in names):
                source = "environment"
            elif any(in_file.get(name) for name in names):
                source = str(env_file)
            yield field.upper(), getattr(model, field), source


def _in_file(env_file: Path | None) -> Mapping[str, str | None]:
    return dotenv_values(env_file) if env_file and env_file.is_file() else {}


def _problems(error: ValidationError) -> Iterator[Problem]:
    for item in error.errors(include_url=False, include_context=False):
        field = str(item["loc"][0])
        variable = field.upper()
        if item["type"] == "missing":
            yield Problem(variable, "missing")
            continue
        said: str = item["msg"]
        ours = said.removeprefix("Value error, ")
        # pydantic begins its own sentences with a capital; the rest may name what must be written exactly so.
        text = ours if ours != said or said[1:2].isupper() else said[:1].lower() + said[1:]
        secret = any(word in field for word in ("token", "key", "secret", "url", "password"))
        yield Problem(variable, text if secret else f"{item['input']!r}: {text}")
