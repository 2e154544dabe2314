"""The operators' page: what `/status` says, for people; refreshes itself, escapes everything, runs no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from supervisor.health import ChildHealth, ModelHealth, Status, standing
from telemetry.catalogue.bot import SATURATION

REFRESH_SECONDS = 3
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
STYLE = """
:root { color-scheme: light dark; --line: #8883; --quiet: #8a8f98; --good: #1a7f4b; --bad: #c0392b; --wait: #b7791f }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 } h2 { font-size: 1rem; margin: 2rem 0 .4rem }
header { display: flex; gap: .8rem; align-items: baseline; flex-wrap: wrap }
.badge { border-radius: 1rem; padding: .1rem .7rem; color: #fff; font-size: .85rem; background: var(--quiet) }
.good { background: var(--good) } .bad { background: var(--bad) } .wait { background: var(--wait) }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .6rem 1.5rem; margin: 1.2rem 0 }
dt { color: var(--quiet); font-size: .8rem } dd { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--quiet); font-weight: normal; font-size: .8rem } td.number { font-variant-numeric: tabular-nums }
footer { color: var(--quiet); font-size: .8rem; margin-top: 2rem }
"""
INBOX: tuple[tuple[str, str, float | None], ...] = (
    ("ready", "waiting", None),
    ("claimed", "claimed by the ACTIVE", None),
    ("running", "handlers under way here", None),
    ("oldest_age", "oldest", 60),
    ("dead_1h", "given up within an hour", 1),
    ("dead", "dead letters kept", None),
)
"""What the status tells of the inbox, its name on the page, and from when on it is bad."""
GOOD_SUCCESS, BAD_SUCCESS = 0.9, 0.5
TONES = {
    "ready": "good",
    **dict.fromkeys(("pending", "starting", "backoff", "waiting"), "wait"),
    **dict.fromkeys(("fatal", "gave_up", "unstopped"), "bad"),
}


def page(status: Status) -> str:
    """Return the whole page."""
    tone = "good" if status.overall == "ok" else "bad"
    age, waiting = status.heartbeat_age_seconds, status.takeover_in_seconds
    role = standing(status.role, status.instance_id, status.holder, age, waiting)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{REFRESH_SECONDS}"><title>Vigil · {escape(status.role)}</title>
<style>{STYLE}</style></head><body>
<header><h1>Vigil</h1>{_badge(status.overall, tone)}{_badge(role, "good" if status.role == "ACTIVE" else "wait")}</header>
{_reasons(status)}
<dl>{"".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(status))}</dl>
<h2>Inbox</h2><dl>{"".join(_queue(status.inbox)) or "<div><dd>not read yet</dd></div>"}</dl>
<h2>Models</h2>{_models(status.models)}
<h2>Tasks</h2><div class="scroll"><table><tr><th>task</th><th>state</th><th>restarts</th><th>last error</th></tr>
{"".join(_row(child) for child in status.children)}</table></div>
<footer>Refreshes every {REFRESH_SECONDS} s. The same as JSON: /status. Metrics: /metrics.</footer>
</body></html>
"""


def _facts(status: Status) -> Iterable[tuple[str, str]]:
    age = status.heartbeat_age_seconds
    yield "lock", status.lock_state
    yield "epoch", "–" if status.epoch is None else str(status.epoch)
    yield "holder", status.holder or "–"
    yield "heartbeat", "–" if age is None else f"{age:.1f} s ago"
    yield "this instance", status.instance_id
    yield "version", status.version
    yield "up", f"{status.uptime_seconds:.0f} s"
    yield "migrations", f"{status.migrations_count}{'' if status.migrations_applied else ', some pending'}"
    yield "worst loop lag", f"{status.loop_lag_seconds * 1000:.0f} ms"


def _queue(inbox: Mapping[str, float]) -> Iterable[str]:
    """What waits, what is worked on, and in colour what should not be: old updates and dead letters."""
    for key, name, bad_from in INBOX:
        if (value := inbox.get(key)) is not None:
            counted = f"{value:.0f}" if value < SATURATION else f"{SATURATION} or more"
            text = f"{value:.1f} s" if key == "oldest_age" else counted
            shown = _badge(text, "bad") if bad_from is not None and value >= bad_from else text
            yield f"<div><dt>{name}</dt><dd>{shown}</dd></div>"


def _models(models: Sequence[ModelHealth]) -> str:
    """What the busiest models did: how many, how many came, how long it takes."""
    if not models:
        return "<p>No generation within 24 hours, or not read yet.</p>"
    rows = "".join(
        f'<tr><td>{escape(each.model)}</td><td class="number">{each.ended_24h:.0f}</td>'
        f"<td>{_share(each.success_1h)}</td><td>{_share(each.success_24h)}</td>"
        f'<td class="number">{"–" if each.typical_seconds is None else f"{each.typical_seconds:.0f} s"}</td></tr>\n'
        for each in models
    )
    heads = "".join(f"<th>{name}</th>" for name in ("model", "ended, 24 h", "success, 1 h", "success, 24 h", "typical"))
    return f'<div class="scroll"><table><tr>{heads}</tr>\n{rows}</table></div>'


def _share(share: float | None) -> str:
    """A share of successes, in colour: below a half nobody is routed to the model."""
    if share is None:
        return "–"
    text = f"{share:.1%}"
    return text if share >= GOOD_SUCCESS else _badge(text, "wait" if share >= BAD_SUCCESS else "bad")


def _reasons(status: Status) -> str:
    if status.ready:
        return ""
    return f"<p><strong>Not ready:</strong> {escape('; '.join(status.not_ready))}</p>"


def _badge(text: str, tone: str) -> str:
    return f'<span class="badge {tone}">{escape(text)}</span>'


def _row(child: ChildHealth) -> str:
    return (
        f"<tr><td>{escape(child.name)}</td><td>{_badge(child.state, TONES.get(child.state, ''))}</td>"
        f'<td class="number">{child.restarts}</td><td>{escape(child.last_error or "")}</td></tr>\n'
    )
