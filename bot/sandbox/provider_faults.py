"""The faults of the provider that can be asked for."""

from __future__ import annotations

from typing import Final

from bot.sandbox.fault import SECONDS_TEXT, STATUS, STATUS_TEXT, Fault, integer, one_of, seconds, switch, word
from bot.sandbox.identity import CALLBACK_KEY

CODES: Final = (400, 401, 402, 404, 408, 422, 429, 433, 451, 455, 500, 501, 505, 531)
CODE, CODE_TEXT = one_of(*CODES), "a body code of the provider: " + ", ".join(map(str, CODES))

MALFORMED: Final = ("html", "cut", "list", "no_data", "no_result")
"""A page, half of the JSON, JSON of another form, an answer without data, a success without its result."""

FORGED: Final = ("task", "signature", "time")
"""A callback to the right address for another task; signed with another key; signed an hour ago."""

PROVIDER: Final = (
    Fault("provider_latency", "A task takes this long.", SECONDS_TEXT, seconds, 2.0),
    Fault("provider_refuse", "Creating refuses with this code; no task.", CODE_TEXT, CODE),
    Fault("provider_moderate", "Creating refuses with 422 in the safety filter's words; no task.", "on", switch),
    Fault("provider_http", "Creating answers this HTTP status; no task.", STATUS_TEXT, STATUS),
    Fault(
        "provider_lose_reply",
        "Creating accepts the task, but its answer is held this long and then is a 504.",
        SECONDS_TEXT,
        seconds,
    ),
    Fault(
        "provider_malformed",
        "Creating accepts the task, but its answer cannot be read.",
        ", ".join(MALFORMED[:-1]),
        word(*MALFORMED[:-1]),
    ),
    Fault("provider_poll_http", "Records answer this HTTP status.", STATUS_TEXT, STATUS),
    Fault("provider_poll_refuse", "Records answer this code.", CODE_TEXT, CODE),
    Fault("provider_poll_malformed", "Records cannot be read.", ", ".join(MALFORMED), word(*MALFORMED)),
    Fault("provider_upload_http", "Uploads answer this HTTP status.", STATUS_TEXT, STATUS),
    Fault("provider_down", "Every provider call answers this HTTP status.", STATUS_TEXT, STATUS),
    Fault("provider_key_wrong", "Every provider call answers code 401.", "on", switch),
    Fault("provider_no_credit", "The balance is zero; creating answers code 402.", "on", switch),
    Fault("provider_fail", "The task ends in fail with this failCode (501: moderation).", CODE_TEXT, CODE),
    Fault("provider_dead_url", "The task succeeds, but its result URL answers 404.", "on", switch),
    Fault("provider_stuck", "No task finishes; switched off, they succeed late.", "on", switch),
    Fault("provider_duplicate_callback", "Each callback comes this many times more.", "1-20", integer(1, 20)),
    Fault("provider_no_callback", "No callback is sent.", "on", switch),
    Fault(
        "provider_forged_callback",
        "A forged callback comes first: another task's, signed with another key, or signed an hour ago.",
        ", ".join(FORGED),
        word(*FORGED),
    ),
    Fault("provider_callback_key", "The key that signs callbacks; unsigned: none.", "text", str, CALLBACK_KEY),
    Fault("provider_rate_limit", "New tasks per 10 s; more answer code 429.", "1-1000", integer(1, 1000)),
)
