"""The operators' page escapes what it shows and says what is wrong."""

from __future__ import annotations

from dataclasses import replace

from supervisor import statuspage
from supervisor.health import ChildHealth, ModelHealth, Status

STATUS = Status(
    version="1.0",
    instance_id="web-0a1b2c3d",
    uptime_seconds=12.0,
    role="PASSIVE",
    lock_state="PASSIVE",
    epoch=None,
    holder=None,
    heartbeat_age_seconds=None,
    takeover_in_seconds=7.4,
    draining=False,
    migrations_count=4,
    migrations_applied=True,
    not_ready=(),
    children=(ChildHealth("outbox", "backoff", 3, "<script>alert(1)</script>"),),
    inbox={"ready": 12, "claimed": 3, "oldest_age": 1.5, "dead": 4, "dead_1h": 0, "running": 2},
)


def test_nothing_that_came_from_outside_becomes_markup() -> None:
    """An error's text can hold anything; the page shows it as text."""
    assert "<script>" not in statuspage.page(STATUS)
    assert "&lt;script&gt;" in statuspage.page(STATUS)


def test_the_page_may_run_nothing_and_load_nothing() -> None:
    """The content security policy allows no script, no frame and no other host."""
    policy = statuspage.HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_a_waiting_instance_says_for_how_long() -> None:
    """The operator of a lone restarted instance sees when it will work again."""
    assert "taking over in 7 s" in statuspage.page(STATUS)


def test_a_standby_beside_a_healthy_holder_shows_no_countdown() -> None:
    """A number that always starts again looks like a takeover that never comes."""
    standby = replace(STATUS, holder="web-other", heartbeat_age_seconds=0.42, takeover_in_seconds=None)
    assert "standing by for web-other (heartbeat 0.4 s ago)" in statuspage.page(standby)
    assert "taking over" not in statuspage.page(standby)


def test_a_child_that_gave_up_looks_bad_and_one_that_waits_does_not() -> None:
    """The colour says whether anybody has to come."""
    assert '"badge bad">gave_up' in statuspage.page(replace(STATUS, children=(ChildHealth("a", "gave_up", 5, None),)))
    assert '"badge wait">waiting' in statuspage.page(replace(STATUS, children=(ChildHealth("a", "waiting", 0, None),)))


def test_the_inbox_is_told_in_words() -> None:
    """Who looks knows at once how much waits, for how long, and what was given up."""
    page = statuspage.page(STATUS)
    for name, value in (
        ("waiting", "12"),
        ("handlers under way here", "2"),
        ("oldest", "1.5 s"),
        ("dead letters kept", "4"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    assert "100000 or more" in statuspage.page(replace(STATUS, inbox={"ready": 100_000.0}))
    assert "not read yet" in statuspage.page(replace(STATUS, inbox={}))


def test_an_old_update_and_a_new_dead_letter_stand_out() -> None:
    """The same limits as those of the alerts."""
    page = statuspage.page(replace(STATUS, inbox={"oldest_age": 61.0, "dead_1h": 1.0}))
    assert '<dt>oldest</dt><dd><span class="badge bad">61.0 s</span></dd>' in page
    assert '<dt>given up within an hour</dt><dd><span class="badge bad">1</span></dd>' in page


def test_an_instance_that_is_not_ready_says_why() -> None:
    """Every reason stands on the page."""
    assert "the inbox is not connected" in statuspage.page(replace(STATUS, not_ready=("the inbox is not connected",)))


def test_each_busy_model_shows_how_much_of_it_came_and_how_long_it_takes() -> None:
    """A share of too few is none; one that is bad stands out."""
    models = (
        ModelHealth("z-image", 1234.0, 0.981, 0.975, 7.4),
        ModelHealth("veo3_fast", 12.4, 0.25, 0.62, 131.0),
        ModelHealth("<b>", 1.0, None, None, None),
    )
    page = statuspage.page(replace(STATUS, models=models))
    assert '<td>z-image</td><td class="number">1234</td><td>98.1%</td><td>97.5%</td><td class="number">7 s</td>' in page
    assert '<span class="badge bad">25.0%</span></td><td><span class="badge wait">62.0%</span>' in page
    assert "<td>&lt;b&gt;</td>" in page
    assert page.count("<td>–</td><td>–</td>") == 1


def test_without_a_generation_the_page_says_so() -> None:
    """An empty table would look like one that is broken."""
    assert "No generation within 24 hours" in statuspage.page(STATUS)
