"""Checks as they are shown and counted."""

from __future__ import annotations

from supervisor import check
from supervisor.check import failed, passed, skipped, warned

SOME = [passed("a", "fine"), warned("bb", "odd", "look"), failed("c", "broken", "mend"), skipped("d", "no reason to")]


def test_every_check_is_a_line_and_what_to_do_stands_below_it() -> None:
    """Aligned, with a count of each kind at the end."""
    assert check.lines(SOME) == [
        "ok       a   fine",
        "warning  bb  odd",
        "             Try: look",
        "FAILED   c   broken",
        "             Try: mend",
        "SKIP     d   no reason to",
        "",
        "1 ok, 1 to look at, 1 failed, 1 skipped",
    ]


def test_only_a_failure_fails() -> None:
    """A warning and a skip are told, and a deploy goes on."""
    assert check.exit_code(SOME) == 1
    assert check.exit_code([each for each in SOME if each.result != "failed"]) == 0


def test_a_skip_is_counted_as_a_skip() -> None:
    """What could not be tested is never taken for tested."""
    found = check.as_json([passed("a", "fine"), skipped("d", "why")])
    assert found["ok"] is True
    assert found["counts"] == {"ok": 1, "warning": 0, "failed": 0, "skip": 1}
    assert found["checks"][1] == {"name": "d", "result": "skip", "found": "why", "hint": None}


def test_several_findings_with_one_remedy_tell_it_once() -> None:
    """Three missing settings are mended in one place."""
    shown = check.lines([failed("s", "one", "mend"), failed("s", "two", "mend"), failed("t", "three", "mend")])
    assert [line.strip() for line in shown].count("Try: mend") == 2
