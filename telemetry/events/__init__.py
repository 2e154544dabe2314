"""Every event the system can emit: one frozen class a transition, one file an area.

How to add one
--------------
1. Choose the area file (lifecycle, lock, children, control, database, inbox, outbox, telegram, generations, ledger,
   routing, selling, http, people, sandbox).
2. Write the class there; it is exported from `telemetry.events` by itself::

       @event
       class TermWon(Event):
           \"\"\"This instance became the one ACTIVE.\"\"\"

           name = "lock.term_won"                       # area.what_happened, unique, past tense
           message = "This instance is ACTIVE"          # constant text: values are fields, never part of it
           level = "INFO"                               # None: metrics only, no log line
           metrics = (
               Count("supervisor_lock_terms_total"),    # its label `reason` is the field `reason`
               Set("supervisor_epoch", "epoch"),        # the value of the field `epoch`
               State("supervisor_role", role="ACTIVE"), # a label given here is a constant
           )

           epoch: int
           reason: Literal["free", "stale", "session_lost", "self"]

3. A new metric is one entry in `telemetry/catalogue/`; a label's closed set stands there, other values become `other`.
4. Run `python -m telemetry.document > docs/telemetry.md`; a test compares the two.
5. Where it happens: `from telemetry import emit, events` and `emit(events.TermWon(epoch=7, reason="free"))`.

Fields are str, int, float, bool, None, tuples or mappings of these, or an exception. Never a secret, a token, a
prompt, a user's text or a full URL. Metric-only events cost about two microseconds, log lines about fifty: what
happens for every update is metric-only and logged once, when the update settles.
"""

# ruff: noqa: F403  the area files are the list; repeating every name here would only be a second one to keep
from __future__ import annotations

from telemetry.events.base import REGISTRY as REGISTRY
from telemetry.events.base import Event as Event
from telemetry.events.children import *
from telemetry.events.control import *
from telemetry.events.database import *
from telemetry.events.generations import *
from telemetry.events.http import *
from telemetry.events.inbox import *
from telemetry.events.ledger import *
from telemetry.events.lifecycle import *
from telemetry.events.lock import *
from telemetry.events.outbox import *
from telemetry.events.people import *
from telemetry.events.routing import *
from telemetry.events.sandbox import *
from telemetry.events.selling import *
from telemetry.events.telegram import *
