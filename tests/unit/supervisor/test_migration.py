"""Migrations as values: names, checksums, plans and refusals."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from supervisor.errors import ConfigError, ExitCode
from supervisor.migration import Applied, Migration, Phase, State, describe, ordered, plan

AT = datetime(2026, 1, 13, 12, 0, tzinfo=UTC)


def migration(file_name: str, text: str = "SELECT 1;") -> Migration:
    return Migration.parse(file_name, text.encode())


def row(of: Migration, status: str = "success", checksum: str | None = "same") -> Applied:
    return Applied(of.name, status, AT, of.checksum if checksum == "same" else checksum, 1, None)


ONE, TWO, THREE = (migration(f"000{n}_pre_step.sql", f"SELECT {n};") for n in (1, 2, 3))
POST = migration("0002_post_contract.sql")


@pytest.mark.parametrize(
    "raw",
    [
        b"SELECT 1;\nSELECT 2;",
        b"SELECT 1;\r\nSELECT 2;",
        b"\xef\xbb\xbfSELECT 1;\nSELECT 2;",
        b"SELECT 1;\nSELECT 2;\n \n",
    ],
    ids=["plain", "crlf", "bom", "trailing-blank"],
)
def test_the_checksum_does_not_depend_on_the_checkout(raw: bytes) -> None:
    """Line ends, a byte order mark and blanks at the end are the checkout's business, not the migration's."""
    assert (
        Migration.parse("0001_pre_a.sql", raw).checksum == migration("0001_pre_a.sql", "SELECT 1;\nSELECT 2;").checksum
    )


def test_a_changed_statement_changes_the_checksum() -> None:
    """The checksum sees every character that the server sees."""
    assert migration("0001_pre_a.sql", "SELECT 1;").checksum != migration("0001_pre_a.sql", "SELECT  1;").checksum


@pytest.mark.parametrize("name", ["1_pre_a.sql", "0001_a.sql", "0001_mid_a.sql", "0001_pre_A.sql", "0001_pre_.sql.sql"])
def test_a_file_without_order_and_phase_is_refused(name: str) -> None:
    """A name that does not say when it runs is refused by name."""
    with pytest.raises(ConfigError, match=name):
        migration(name)


def test_a_file_that_is_not_utf8_is_refused() -> None:
    """A text in another encoding would be applied as something else."""
    with pytest.raises(ConfigError, match=r"0001_pre_a\.sql is not UTF-8"):
        Migration.parse("0001_pre_a.sql", b"SELECT '\xe9'")


INDEX = "-- migrate: no-transaction\n-- for the reports; big\nCREATE UNIQUE INDEX CONCURRENTLY orders_by_day ON orders (day);"


def test_a_file_without_a_transaction_names_its_index() -> None:
    """The name is how the half of it is found after a crash."""
    assert migration("0001_pre_a.sql", INDEX).index == "orders_by_day"
    assert migration("0001_pre_a.sql", INDEX.partition("\n")[2]).index is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("0001_pre_a.sql", "ALTER TABLE t ADD COLUMN a int;"),
        ("0001_pre_a.sql", "CREATE INDEX i ON t (a);"),
        ("0001_pre_a.sql", "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);"),
        ("0001_pre_a.sql", "CREATE INDEX CONCURRENTLY ON t (a);"),
        ("0001_pre_a.sql", "CREATE INDEX CONCURRENTLY i ON t (a); CREATE TABLE b ();"),
        ("0001_post_a.sql", "CREATE INDEX CONCURRENTLY i ON t (a);"),
    ],
    ids=["no index", "not concurrent", "keeps a half", "no name", "two statements", "post"],
)
def test_nothing_but_one_concurrent_index_runs_without_a_transaction(name: str, text: str) -> None:
    """Of anything else a half could stay in effect, and nobody could tell which half."""
    with pytest.raises(ConfigError, match="without a transaction, and is more than one index"):
        migration(name, f"-- migrate: no-transaction\n{text}")


@pytest.mark.parametrize(
    ("text", "removals"),
    [
        ("DROP TABLE a; drop  table b; TRUNCATE c; DELETE FROM d WHERE true;", 4),
        ("ALTER TABLE a ADD b int, DROP COLUMN c;", 1),
        ("DO $$ BEGIN DELETE FROM a; END $$;", 1),
        ("-- DROP TABLE a\nCREATE TABLE b ();", 0),
        ("CREATE TRIGGER t BEFORE DELETE OR TRUNCATE ON a EXECUTE FUNCTION f();", 0),
        ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $x$ DELETE FROM a $x$;", 0),
    ],
)
def test_what_removes_data_is_found(text: str, removals: int) -> None:
    """Not what a comment says, a trigger watches, or a function will do when it is called."""
    assert len(migration("0001_post_a.sql", text).removals) == removals


def test_two_files_with_one_number_are_refused() -> None:
    """Their order would depend on their names."""
    with pytest.raises(ConfigError, match="0002_post_contract and 0002_pre_step have the same number"):
        ordered([POST, TWO])


def test_files_are_ordered_by_number() -> None:
    """Whatever order the folder lists them in."""
    assert ordered([THREE, ONE, TWO]) == (ONE, TWO, THREE)


def test_what_is_applied_is_not_planned_again() -> None:
    """Only the rest is pending."""
    assert plan([ONE, TWO], [row(ONE)], include_post=False).pending == (TWO,)


def test_a_failed_migration_is_tried_again() -> None:
    """It left nothing behind, so nothing stands in its way."""
    assert plan([ONE], [row(ONE, "failed", None)], include_post=False).pending == (ONE,)


def test_a_backfilled_migration_counts_as_applied() -> None:
    """A database that already had the tables is not migrated twice."""
    assert plan([ONE], [row(ONE, "backfilled", None)], include_post=False).pending == ()


def test_an_edited_file_is_refused_with_both_checksums() -> None:
    """The message names the file, when it was applied, and how the two texts are told apart."""
    with pytest.raises(ConfigError, match="0001_pre_step was changed after it was applied at 2026-01-13") as refusal:
        plan([ONE], [row(ONE, checksum="ab" * 32)], include_post=False)
    assert "abababababab" in str(refusal.value)
    assert ONE.checksum[:12] in str(refusal.value)
    assert refusal.value.exit_code is ExitCode.CONFIG


def test_a_file_that_sorts_before_an_applied_one_is_refused() -> None:
    """It would run in another order here than on a new database."""
    with pytest.raises(ConfigError, match="0001_pre_step would run after a newer file of its phase"):
        plan([ONE, TWO], [row(TWO)], include_post=False)
    allowed = plan([ONE, TWO], [row(TWO)], include_post=False, allow_late=True)
    assert (allowed.pending, allowed.late) == ((ONE,), (ONE.name,))


def test_a_file_that_sorts_before_one_of_a_newer_build_is_refused_too() -> None:
    """Two branches, deployed one after the other: the database has seen the later number."""
    with pytest.raises(ConfigError, match="0002_pre_step would run after a newer file"):
        plan([ONE, TWO], [row(ONE), row(THREE)], include_post=False)


def test_a_database_that_a_newer_build_has_contracted_is_refused() -> None:
    """What this build needs may be gone; what a newer build only added harms nobody."""
    with pytest.raises(ConfigError, match="a newer build has applied 0002_post_contract") as refusal:
        plan([ONE], [row(ONE), row(POST)], include_post=False)
    assert refusal.value.exit_code is ExitCode.CONFIG


def test_a_name_of_another_form_has_no_place_in_the_order() -> None:
    """The predecessor's rows are neither early nor late."""
    foreign = Applied("001_initial", "success", AT, None, 1, None)
    assert foreign.place is None
    assert plan([ONE], [foreign], include_post=False).pending == (ONE,)


def test_a_post_file_waits_for_the_active_and_blocks_no_later_pre_file() -> None:
    """Starting instances apply pre files only; the post file stays pending without being late."""
    files = [ONE, POST, THREE]
    held = plan(files, [row(ONE)], include_post=False)
    assert (held.pending, held.held_back) == ((THREE,), (POST,))
    assert plan(files, [row(ONE), row(THREE)], include_post=True).pending == (POST,)


def test_what_a_newer_build_applied_is_reported_and_harms_nothing() -> None:
    """During a rolling deploy the older build sees migrations it does not have."""
    assert plan([ONE], [row(ONE), row(TWO)], include_post=False).unknown == (TWO.name,)


def test_a_status_line_says_where_each_migration_stands() -> None:
    """Every state has a word of its own."""
    four = migration("0004_pre_step.sql")
    lines = describe([ONE, TWO, four], [row(ONE), row(TWO, "failed", None), row(THREE)])
    assert [(line.name, line.state) for line in lines] == [
        (ONE.name, State.APPLIED),
        (TWO.name, State.FAILED),
        (THREE.name, State.UNKNOWN),
        (four.name, State.PENDING),
    ]
    assert [line.in_effect for line in lines] == [True, False, True, False]
    assert describe([ONE], [row(ONE, checksum="00")])[0].state is State.EDITED
    assert describe([ONE], [row(ONE, "running")])[0].state is State.RUNNING


def test_the_phase_is_read_from_the_name() -> None:
    """Pre before the deploy, post after it."""
    assert (ONE.phase, POST.phase) == (Phase.PRE, Phase.POST)
