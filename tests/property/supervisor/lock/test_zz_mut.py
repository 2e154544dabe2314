import asyncpg, pytest
from hypothesis import settings, HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test
import tests.property.supervisor.lock.test_contest as t
import tests.property.supervisor.lock.player as pl
from supervisor.election import Observation

SQLM = {
    "cas": (
        "lock_claim",
        "IF (lease.epoch, lease.beat) IS DISTINCT FROM (p_seen_epoch, p_seen_beat) THEN RETURN; END IF;",
        "",
    ),
    "renew": ("lock_renew", "AND instance_id = p_instance_id AND epoch = p_epoch AND state", "AND state"),
    "fence": ("lock_fence", "PERFORM pg_advisory_xact_lock_shared(lock_fence_key(p_lock_key));", ""),
    "stale": ("lock_claim", "WHEN 'stale' THEN lease.expires_at < clock_timestamp()", "WHEN 'stale' THEN true"),
    "guard": ("lock_claim", "AND pg_try_advisory_xact_lock(lock_beacon_key(p_lock_key, lease.epoch))", ""),
    "prove": ("lock_claim", "IF renewed IS NOT TRUE", "IF false AND renewed IS NOT TRUE"),
    "beat": ("lock_beacon", "beat = beat + 1", "beat = beat"),
    "exclude": ("lock_claim", "PERFORM pg_advisory_xact_lock(lock_fence_key(p_lock_key));", ""),
}
PYM = ["since", "r6", "r7", "suspect", "sent"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("m", [*SQLM, *PYM])
def test_m(m, database_url, portal, monkeypatch):
    async def prepare():
        admin = await t._admin(database_url)
        await admin.execute("CREATE TABLE written (epoch bigint, timeline bigint); SELECT lock_fence_table('written')")
        if m in SQLM:
            fn, a, b = SQLM[m]
            n = 0
            for r in await admin.fetch("select pg_get_functiondef(oid) d from pg_proc where proname=$1", fn):
                if a in r["d"]:
                    n += 1
                    await admin.execute(r["d"].replace(a, b))
            assert n
        c = await admin.fetchval(
            "SELECT max(oid::regprocedure::text) FROM pg_proc WHERE proname = 'lock_claim' AND pronargs = 7"
        )
        await admin.execute(f"ALTER FUNCTION {c} SET lock_timeout = '20ms'")
        await admin.close()

    portal.call(prepare)
    if m == "since":
        monkeypatch.setattr(pl, "PATIENCE", pl.Patience(0, 75, 50, damped=False))
    if m == "r7":
        import dataclasses

        o = pl.observe

        def obs(prev, s, now):
            return dataclasses.replace(o(prev, s, now), freed_at=now - 1000 if s.beacon_free else None)

        monkeypatch.setattr(pl, "observe", obs)
    if m == "r6":

        def drop(self):
            if self.session is not None:
                self._former = self.session.server_pid
                self.session.drop()
            self.session = self.decided = self.renewed_at = None

        monkeypatch.setattr(pl.Player, "_drop", drop)
    if m == "suspect":
        monkeypatch.setattr(pl.Term, "suspend", lambda s: None)
    if m == "sent":

        def hear(self):
            self.renewed_at = None
            if self.term is not None and self.term.extend(self.now):
                self.term.resume()

        monkeypatch.setattr(pl.Player, "hear", hear)

    class Here(t.Contest):
        url = database_url

    Here.portal = portal
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=200,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            database=None,
        ),
    )
