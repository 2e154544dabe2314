"""Verify, baseline and repair: what the history says is proved against the schema, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.database import connected
from supervisor.errors import ConfigError
from supervisor.migration import Migration
from supervisor.migration_audit import baseline_migrations, repair_migrations, verify_migrations
from supervisor.migrator import MigrationFailed, apply_migrations_safe, load_migrations, migration_status
from tests.integration.supervisor.migration.steps import files, history_of, run, tables_of

PREDECESSOR = (Path(__file__).parent / "predecessor.sql").read_text(encoding="utf-8")
FORGET = (
    "DROP TABLE migration_history",
    "DROP FUNCTION migration_already_applied(text)",
    "DROP FUNCTION record_migration(text, text, text)",
)
OLD_HISTORY = (
    "CREATE TABLE migration_history (id BIGSERIAL PRIMARY KEY, migration_name TEXT UNIQUE,"
    " applied_at TIMESTAMPTZ DEFAULT now(), status TEXT DEFAULT 'success', error_message TEXT)"
)
ALWAYS_FRESH = """
CREATE OR REPLACE FUNCTION is_lock_stale(p_lock_key bigint, p_stale_seconds integer) RETURNS boolean
LANGUAGE sql STABLE AS 'SELECT false'
"""
OURS = load_migrations()
NAMES = tuple(migration.name for migration in OURS)


async def contents_of(url: str) -> dict[str, list[str]]:
    """Return every row of every table, as text."""
    async with connected(url, application_name="test") as connection:
        return {
            name: [row[0] for row in await connection.fetch(f"SELECT t::text FROM {name} AS t ORDER BY 1")]  # noqa: S608 - our tables
            for name in await tables_of(url)
        }


async def test_a_database_that_we_migrated_verifies(database_url: str) -> None:
    """History, files and schema agree, and asking leaves nothing behind."""
    assert await verify_migrations(database_url) == ()
    assert await run(database_url, "SELECT to_regnamespace('vigil_rehearsal')") is None


async def test_a_schema_whose_history_is_gone_contradicts_it(database_url: str) -> None:
    """A partial restore: the next start would fail with "already exists"."""
    async with connected(database_url, application_name="test") as connection:
        await connection.execute("DROP TABLE migration_history")
    (found,) = await verify_migrations(database_url)
    assert found.name == "migration_history"
    assert "vigil migrate baseline" in found.text


async def test_a_database_that_was_never_migrated_has_nothing_to_contradict(empty_database_url: str) -> None:
    """Nor has it anything to record or to repair; asking creates nothing."""
    assert await verify_migrations(empty_database_url) == ()
    assert await baseline_migrations(empty_database_url) == ()
    assert (await repair_migrations(empty_database_url)).changed == ()
    assert await run(empty_database_url, "SELECT to_regclass('migration_history')") is None


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DROP FUNCTION lock_release(bigint, text, bigint)", "function lock_release(bigint,text,bigint) is missing"),
        ("DROP TRIGGER a_fenced ON outbox", "trigger outbox.a_fenced is missing"),
        ("ALTER TABLE outbox DISABLE TRIGGER a_fenced", "trigger outbox.a_fenced is another"),
        ("DROP INDEX inbox_ready", "index inbox_ready is missing"),
        ("ALTER TABLE inbox ALTER attempts DROP NOT NULL", "column inbox.attempts is another"),
        ("ALTER TABLE outbox DROP CONSTRAINT outbox_state_check", "constraint outbox.outbox_state_check is missing"),
        (ALWAYS_FRESH, "function is_lock_stale(bigint,integer) is another"),
    ],
    ids=["function", "trigger", "trigger off", "index", "not null", "constraint", "body"],
)
async def test_verify_finds_what_was_changed_by_hand(database_url: str, damage: str, found: str) -> None:
    """A fence that somebody took down is no fence; its row in the history still says success."""
    await run(database_url, damage, "SELECT 1")
    assert found in [finding.text for finding in await verify_migrations(database_url)]
    await run(database_url, *FORGET, "SELECT 1")
    with pytest.raises(ConfigError, match="the schema is not what our migrations make"):
        await baseline_migrations(database_url)


async def test_what_an_operator_added_is_no_contradiction(database_url: str) -> None:
    """An index of their own, a table beside ours."""
    await run(database_url, "CREATE INDEX mine ON outbox (chat_id)", "CREATE TABLE notes ()", "SELECT 1")
    assert await verify_migrations(database_url) == ()


async def test_verify_names_failures_missing_texts_edits_late_files_and_contractions(empty_database_url: str) -> None:
    """One line for each, and nothing for a file that is merely pending."""
    one, two, three, four = files(*(f"CREATE TABLE {name} ();" for name in "abcd"))
    await apply_migrations_safe(empty_database_url, [one, three])
    with pytest.raises(MigrationFailed):
        await apply_migrations_safe(empty_database_url, [one, three, Migration.parse("0004_pre_step.sql", b"nonsense")])
    await run(
        empty_database_url,
        "SELECT record_migration('0009_post_step')",
        "UPDATE migration_history SET checksum = NULL WHERE migration_name = '0001_pre_step'",
        "UPDATE migration_history SET checksum = 'other' WHERE migration_name = '0003_pre_step'",
        "ALTER FUNCTION record_migration(text, text, text) RENAME TO away",
        "SELECT 1",
    )
    found = {
        finding.name: finding.text for finding in await verify_migrations(empty_database_url, [one, two, three, four])
    }
    assert "recorded without its text" in found[one.name]
    assert "pending, though a newer file" in found[two.name]
    assert "changed after it was applied" in found[three.name]
    assert "failed after 1 attempts" in found[four.name]
    assert "newer build removed" in found["0009_post_step"]
    assert "lacks a column or a function" in found["migration_history"]


@pytest.mark.parametrize("history", ["none", "five columns", "five columns and two names"])
@pytest.mark.parametrize("depth", [len(OURS), 3])
async def test_baseline_records_exactly_what_is_in_effect(empty_database_url: str, history: str, depth: int) -> None:
    """Restored from a dump without its history, or with one of the predecessor's shape: the rest is applied after."""
    await apply_migrations_safe(empty_database_url, OURS[:depth])
    old = {
        "none": (),
        "five columns": (OLD_HISTORY,),
        "five columns and two names": (
            OLD_HISTORY,
            "INSERT INTO migration_history (migration_name) VALUES ('0001_pre_lock'), ('001_initial')",
        ),
    }[history]
    await run(empty_database_url, *FORGET, *old, "SELECT 1")
    assert await baseline_migrations(empty_database_url) == NAMES[:depth]
    assert await baseline_migrations(empty_database_url) == ()
    row = await history_of(empty_database_url, NAMES[1])
    assert (row["status"], row["checksum"]) == ("backfilled", OURS[1].checksum)
    assert (await apply_migrations_safe(empty_database_url)).applied == NAMES[depth:]
    assert (await migration_status(empty_database_url)).ok
    assert await verify_migrations(empty_database_url) == ()


async def test_baseline_knows_that_post_files_may_be_held_back(empty_database_url: str) -> None:
    """All pre files with none of the post ones is an order that really happens."""
    steps = [
        Migration.parse("0001_pre_a.sql", b"CREATE TABLE a (x int, y int);"),
        Migration.parse("0002_post_a.sql", b"ALTER TABLE a DROP COLUMN y;"),
        Migration.parse("0003_pre_b.sql", b"CREATE TABLE b ();"),
    ]
    await apply_migrations_safe(empty_database_url, steps)
    await run(empty_database_url, *FORGET, "SELECT 1")
    assert await baseline_migrations(empty_database_url, steps) == ("0001_pre_a", "0003_pre_b")
    await apply_migrations_safe(empty_database_url, steps, include_post=True)
    await run(empty_database_url, *FORGET, "SELECT 1")
    assert await baseline_migrations(empty_database_url, steps) == ("0001_pre_a", "0002_post_a", "0003_pre_b")


async def test_baseline_records_no_file_that_it_cannot_tell_from_its_absence(empty_database_url: str) -> None:
    """One that only changes rows would never run if it were taken for done."""
    both = files("CREATE TABLE cat (name text); INSERT INTO cat VALUES ('tom');", "UPDATE cat SET name = 'felix';")
    await apply_migrations_safe(empty_database_url, both[:1])
    await run(empty_database_url, "DROP TABLE migration_history")
    assert await baseline_migrations(empty_database_url, both) == ("0001_pre_step",)
    await apply_migrations_safe(empty_database_url, both)
    assert await run(empty_database_url, "SELECT name FROM cat") == "felix"
    await run(empty_database_url, "UPDATE migration_history SET checksum = NULL")
    recorded = await baseline_migrations(empty_database_url, both)
    assert recorded == ("0001_pre_step", "0002_pre_step"), "what the history claims, and nothing contradicts"


async def test_a_post_file_that_changes_fenced_rows_is_proved_too(database_url: str) -> None:
    """In the trial no term is needed, and nothing of the trial's is expected in the live tables."""
    post = Migration.parse(
        "0900_post_x.sql", b"UPDATE users SET language = 'en'; ALTER TABLE users DROP unreachable_at;"
    )
    assert await verify_migrations(database_url) == ()
    await run(database_url, "ALTER TABLE users DROP unreachable_at", "SELECT 1")
    assert await baseline_migrations(database_url, [*OURS, post]) == (post.name,)
    assert await verify_migrations(database_url, [*OURS, post]) == ()


async def test_a_file_that_names_a_schema_cannot_be_tried_out(empty_database_url: str) -> None:
    """It would make its table in the live schema; the rule that it breaks is named instead of a traceback."""
    steps = files("CREATE TABLE public.a ();")
    await apply_migrations_safe(empty_database_url, steps)
    with pytest.raises(ConfigError, match=r"Trying 0001_pre_step out .*already exists") as refusal:
        await verify_migrations(empty_database_url, steps)
    assert "does it name a schema" in str(refusal.value.hint)


async def test_baseline_refuses_a_dump_of_the_schema_alone(database_url: str) -> None:
    """The tables are there and what the files put into them is not: the ledger would have no accounts to book on."""
    await run(
        database_url,
        *FORGET,
        "ALTER TABLE ledger_account DISABLE TRIGGER USER",
        "DELETE FROM ledger_account",
        "ALTER TABLE ledger_account ENABLE TRIGGER USER",
        "SELECT 1",
    )
    with pytest.raises(ConfigError, match="table ledger_account lacks the rows that its migration gave it"):
        await baseline_migrations(database_url)


async def test_baseline_refuses_a_history_that_claims_what_the_schema_lacks(empty_database_url: str) -> None:
    """The predecessor's history said success of files that had never run."""
    await run(
        empty_database_url,
        OLD_HISTORY,
        "INSERT INTO migration_history (migration_name) VALUES ('0001_pre_lock')",
        "SELECT 1",
    )
    with pytest.raises(ConfigError, match="the history has 0001_pre_lock in effect, the schema has not"):
        await baseline_migrations(empty_database_url)


async def test_the_predecessors_database_is_refused_and_keeps_every_row(empty_database_url: str) -> None:
    """Its tables bear our names and are not ours: neither verb takes them over, drops them or changes a row."""
    await run(empty_database_url, PREDECESSOR, "SELECT 1")
    before = await contents_of(empty_database_url)
    assert len(before["users"]) == 2
    with pytest.raises(ConfigError, match=r"nearest is .*, but .*lock_heartbeat") as refusal:
        await baseline_migrations(empty_database_url)
    assert "of its own in DATABASE_URL" in str(refusal.value.hint)
    columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'migration_history'::regclass AND attnum > 0"
    assert await run(empty_database_url, columns) == 5, "a refusal changes nothing"
    with pytest.raises(MigrationFailed, match="already exists") as failure:
        await apply_migrations_safe(empty_database_url)
    assert "baseline" in str(failure.value.hint)
    assert await contents_of(empty_database_url) == before
    assert await run(empty_database_url, "SELECT count(*) FROM migration_history WHERE status = 'success'") == 12


async def test_beside_the_predecessor_a_schema_of_our_own_does(empty_database_url: str) -> None:
    """Everything is found there, nothing in the other schema is touched, and the proof holds there too."""
    await run(empty_database_url, PREDECESSOR, "CREATE SCHEMA bot", "SELECT 1")
    before = await contents_of(empty_database_url)
    own = f"{empty_database_url}?search_path=bot"
    assert (await apply_migrations_safe(own)).applied == NAMES
    assert await verify_migrations(own) == ()
    assert await contents_of(empty_database_url) == before


async def test_repair_takes_over_a_text_that_proves_to_be_in_effect(empty_database_url: str) -> None:
    """A comment that was mended, say: the file makes what is there."""
    await apply_migrations_safe(empty_database_url, files("CREATE TABLE a (x int);"))
    mended = files("CREATE TABLE a (x int);  -- the only one")
    done = await repair_migrations(empty_database_url, mended)
    assert ([finding.name for finding in done.changed], done.left) == (["0001_pre_step"], ())
    assert (await apply_migrations_safe(empty_database_url, mended)).applied == ()


async def test_repair_leaves_a_text_that_would_make_something_else(empty_database_url: str) -> None:
    """The difference is named, the history stays, and the next apply refuses as before."""
    await apply_migrations_safe(empty_database_url, files("CREATE TABLE a (x int);"))
    other = files("CREATE TABLE a (x bigint);")
    done = await repair_migrations(empty_database_url, other)
    assert done.changed == ()
    assert "column a.x is another" in done.left[0].text
    with pytest.raises(ConfigError, match="changed after it was applied"):
        await apply_migrations_safe(empty_database_url, other)


async def test_repair_leaves_what_another_build_began(empty_database_url: str) -> None:
    """It cannot know what that build would have to clear away."""
    await apply_migrations_safe(empty_database_url, files("CREATE TABLE a ();"))
    await run(empty_database_url, "SELECT record_migration('0009_pre_other', 'running')", "SELECT 1")
    done = await repair_migrations(empty_database_url, files("CREATE TABLE a ();"))
    assert (done.changed, done.left) == ((), ())
    assert (await history_of(empty_database_url, "0009_pre_other"))["status"] == "running"


async def test_a_role_that_may_not_create_a_schema_is_told_so(server: object, database_url: str) -> None:
    """The proof needs room for a trial; without it nothing is assumed."""
    admin = server.admin  # type: ignore[attr-defined]  # the fixture's class lives in a conftest
    admin("DROP ROLE IF EXISTS looker", "CREATE ROLE looker LOGIN IN ROLE pg_read_all_data")
    with pytest.raises(ConfigError, match="Trying the migrations out beside the live schema: permission denied"):
        await verify_migrations(database_url.replace("//vigil@", "//looker@"))
