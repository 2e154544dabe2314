"""The provider KIE: its HTTP client, its families of models, its file host, and the operator's account."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import httpx
from pydantic import SecretStr

from bot.packed import UNPACKED
from bot.providers.base import OutcomeUnknown, Provider
from bot.providers.call import MALFORMED, Line
from bot.providers.flagged import Flagged
from bot.providers.market import Market
from bot.providers.record import amount
from bot.providers.runway import Runway
from bot.providers.suno import Suno

USER_AGENT: Final = "Mozilla/5.0 (compatible; Vigil)"
"""Without an ordinary one the provider's front refuses with 403, code 1010."""

TIMEOUT: Final = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=5.0)
CREDIT: Final = "/api/v1/chat/credit"
UPLOAD_URL: Final = "https://kieai.redpandaai.co"


def client(base_url: str, key: SecretStr) -> httpx.AsyncClient:
    """Return a client for the provider; the caller closes it."""
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"Authorization": f"Bearer {key.get_secret_value()}", "User-Agent": USER_AGENT, **UNPACKED},
        timeout=TIMEOUT,
        # A proxy of the environment is for the provider outside, never for a sandbox on this machine.
        trust_env=base_url.startswith("https:"),
    )


def upload_url(api_url: str) -> str:
    """Return where files are uploaded: a provider on this machine, which is the sandbox, takes them itself."""
    return UPLOAD_URL if api_url.startswith("https:") else api_url


def families(http: httpx.AsyncClient) -> Mapping[str, Provider]:
    """Return who makes the models of each family of the catalogue."""
    line = Line(http)
    return {
        "market": Market(line),
        "veo": Flagged(line, "/api/v1/veo", names_model=True),
        "suno": Suno(line),
        "runway": Runway(line),
        "gpt4o": Flagged(line, "/api/v1/gpt4o-image", names_model=False),
        "kontext": Flagged(line, "/api/v1/flux/kontext", names_model=True),
    }


class KieAccount:
    """The operator's account."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._line = Line(http)

    async def balance(self) -> Decimal:
        """Return the credits that are left."""
        found = amount(await self._line.get("balance", CREDIT))
        if found is None:
            raise OutcomeUnknown("balance", MALFORMED, "no number")
        return found
