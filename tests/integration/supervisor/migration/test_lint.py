"""squawk reads every migration: what would block the traffic of a running bot is found before it is applied."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.migration import Migration

ROOT = Path(__file__).parents[4]
ACCEPTED = {
    # The table it refers to was created a line above, and outbox.generation_id had no values yet.
    ("0004_pre_generation.sql", "adding-foreign-key-constraint"),
    ("0004_pre_generation.sql", "constraint-missing-not-valid"),
    # A check that allows one state more: old code keeps within it; and the table has one row.
    ("0005_pre_leadership.sql", "ban-drop-constraint"),
    ("0005_pre_leadership.sql", "constraint-missing-not-valid"),
    # Two small tables of a bot; beside the traffic an index cannot be built by several migrators through a pooler.
    ("0006_pre_queue.sql", "require-concurrent-index-creation"),
}
"""Findings in files that are applied somewhere and so cannot be edited, each with why it does no harm."""
BAD = "ALTER TABLE users ALTER COLUMN id TYPE int;\nCREATE INDEX i ON outbox (chat_id);\n"


@pytest.fixture
def squawk(program: Callable[[str], str | None]) -> Callable[..., set[tuple[str, str]]]:
    """Return a function that lints files and returns (file, rule) of each finding."""

    def lint(*paths: Path) -> set[tuple[str, str]]:
        inside = [path for path in paths if Migration.parse(path.name, path.read_bytes()).index is None]
        return run("--assume-in-transaction", *inside) | run(*(path for path in paths if path not in inside))

    def run(*arguments: object) -> set[tuple[str, str]]:
        if not any(isinstance(argument, Path) for argument in arguments):
            return set()
        found = subprocess.run(
            [str(program("squawk")), "--config", ".squawk.toml", "--reporter", "json", *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            check=False,
            timeout=30,
        )
        assert not found.stderr.strip() or found.returncode in (0, 1), found.stderr
        return {(Path(finding["file"]).name, finding["rule_name"]) for finding in json.loads(found.stdout)}

    return lint


@pytest.mark.needs("squawk")
def test_no_migration_blocks_a_running_bot(squawk: Callable[..., set[tuple[str, str]]]) -> None:
    """Nothing is found but what is accepted above, and all of that is still there."""
    assert squawk(*sorted((ROOT / "migrations").glob("*.sql"))) == ACCEPTED


@pytest.mark.needs("squawk")
def test_the_lint_finds_what_it_is_there_for(squawk: Callable[..., set[tuple[str, str]]], tmp_path: Path) -> None:
    """Our exclusions have not switched it off: a rewrite of a table and an index that blocks its writers are found."""
    bad = tmp_path / "0009_pre_bad.sql"
    bad.write_text(BAD)
    assert {rule for _, rule in squawk(bad)} == {"changing-column-type", "require-concurrent-index-creation"}
    concurrent = tmp_path / "0010_pre_index.sql"
    concurrent.write_text("-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON outbox (chat_id);\n")
    assert squawk(concurrent) == set()
