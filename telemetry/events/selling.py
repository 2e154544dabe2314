"""Selling: whether the operator's key and credits with the provider let anything be made."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Event, event


@event
class SellingStopped(Event):
    """The operator's key is refused or the account with the provider is empty: users are told kindly, and pay nothing."""

    name = "selling.stopped"
    message = "Selling has stopped: check KIE_API_KEY and the balance with the provider"
    level = "CRITICAL"

    reason: Literal["key", "balance"]


@event
class SellingResumed(Event):
    """The provider's account answers again, and holds credits."""

    name = "selling.resumed"
    message = "Selling goes on"
    level = "WARNING"

    credits: str


@event
class BalanceUnknown(Event):
    """The provider did not say what the operator's account holds; it is asked again."""

    name = "selling.balance_unknown"
    message = "The balance with the provider is not known"
    level = "WARNING"
    quiet_seconds = 600.0
    traced = False

    error: BaseException
