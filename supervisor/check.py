"""One thing that was looked at: what was found, whether it is well, and what to do; values and how they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from supervisor.errors import ExitCode

Result = Literal["ok", "warning", "failed", "skip"]
WORDS: dict[Result, str] = {"ok": "ok", "warning": "warning", "failed": "FAILED", "skip": "SKIP"}


@dataclass(frozen=True, slots=True)
class Check:
    """One check; the field names are a documented contract. `found` is a sentence part without secrets."""

    name: str
    result: Result
    found: str
    hint: str | None = None


def passed(name: str, found: str) -> Check:
    """Return a check that is well."""
    return Check(name, "ok", found)


def warned(name: str, found: str, hint: str) -> Check:
    """Return a check that is well enough to go on, and should be looked at."""
    return Check(name, "warning", found, hint)


def failed(name: str, found: str, hint: str) -> Check:
    """Return a check that is not well."""
    return Check(name, "failed", found, hint)


def skipped(name: str, reason: str) -> Check:
    """Return a check that could not be made, and why; it is never counted as passed."""
    return Check(name, "skip", reason)


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """Return 0 unless something failed."""
    return ExitCode.FAILED if any(check.result == "failed" for check in checks) else ExitCode.OK


def lines(checks: Sequence[Check]) -> list[str]:
    """Return one line a check, and what to do under those that need it; the last line counts."""
    width = max((len(check.name) for check in checks), default=0)
    shown = []
    for check, following in zip(checks, [*checks[1:], None], strict=True):
        shown.append(f"{WORDS[check.result]:<7}  {check.name:<{width}}  {check.found}")
        # Several findings with one remedy tell it once.
        is_told_below = following is not None and (following.name, following.hint) == (check.name, check.hint)
        if check.hint and not is_told_below:
            shown.append(f"{'':<7}  {'':<{width}}  Try: {check.hint}")
    counts = Counter(check.result for check in checks)
    told = {"ok": "ok", "warning": "to look at", "failed": "failed", "skip": "skipped"}
    return [*shown, "", ", ".join(f"{counts[kind]} {told[kind]}" for kind in WORDS if counts[kind] or kind == "ok")]


def as_json(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the documented fields."""
    counts = Counter(check.result for check in checks)
    return {
        "ok": exit_code(checks) is ExitCode.OK,
        "counts": {kind: counts[kind] for kind in WORDS},
        "checks": [asdict(check) for check in checks],
    }
