"""The metrics of the bot: webhook, inbox, outbox, generations."""

from __future__ import annotations

from telemetry.catalogue.base import OTHER, Label, Metric

MODEL = Label("model")
MODALITY = Label("modality", ("image", "video", "music", "speech"))
WEBHOOK = "/webhook/{path}"
ROUTE = Label("route", (WEBHOOK, "/callbacks/kie/{token}", OTHER))
SATURATION = 100_000
"""Rows of a kind that a reading of the database counts at most: beyond it a scan would cost more than it tells."""
METHODS = (
    *("sendMessage", "editMessageText", "answerCallbackQuery"),
    *("sendPhoto", "sendVideo", "sendAudio", "sendDocument", "sendMediaGroup"),
    OTHER,
)
LIMIT = Label("limit", ("chat", "group", "overall", "retry_after"))
STEPS = ("quoted", "held", "submitted", "unknown", "succeeded", "failed", "delivered", "charged", "released")
PROVIDER_OPERATIONS = ("create", "poll", "balance", "upload")
PROVIDER_CODES = (
    *(
        "200",
        "400",
        "401",
        "402",
        "403",
        "404",
        "408",
        "413",
        "422",
        "429",
        "433",
        "451",
        "455",
        "500",
        "501",
        "505",
        "531",
    ),
    *("unreachable", "timeout", "broken_off", "malformed", "http_5xx", "cancelled"),
    OTHER,
)
_ACK_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_HANDLER_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)
_PROVIDER_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
_GENERATION_SECONDS = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0)

INGRESS = (
    Metric(
        "bot_webhook_requests_total",
        "counter",
        "Requests to the public endpoints that take something in, by route template and HTTP status.",
        (ROUTE, Label("code", ("200", "400", "401", "404", "408", "413", "500", "503"))),
    ),
    Metric(
        "bot_webhook_ack_duration_seconds",
        "histogram",
        "From the end of a request's headers to the answer, which follows the commit; what waits to be read before "
        "shows in supervisor_event_loop_lag_seconds.",
        (ROUTE,),
        _ACK_SECONDS,
    ),
    Metric(
        "bot_updates_accepted_total",
        "counter",
        "Arrivals committed to the inbox; a duplicate was there already.",
        (Label("source", ("telegram", "kie", "yookassa", "stripe", "operator")), Label("result", ("new", "duplicate"))),
    ),
    Metric(
        "bot_updates_not_stored_total",
        "counter",
        "Arrivals that were not known to be stored; whoever brought them was told to offer them again.",
        (
            Label("source", ("telegram", "kie", "yookassa", "stripe", "operator")),
            Label("reason", ("full", "late", "lost", "refused")),
        ),
    ),
    Metric("bot_inbox_flush_rows", "histogram", "Arrivals committed together.", buckets=_ROWS),
    Metric(
        "bot_inbox_flush_seconds",
        "histogram",
        "How long the commit of a batch of arrivals took.",
        buckets=_ACK_SECONDS,
    ),
    Metric(
        "bot_poll_conflicts_total",
        "counter",
        "Long polls refused because someone else polls, or a webhook is set.",
        (Label("reason", ("poller", "webhook")),),
    ),
    Metric(
        "bot_poll_failures_total",
        "counter",
        "Polls that brought nothing or could not be stored or confirmed, conflicts apart; stuck: no number to confirm.",
        (
            Label(
                "reason",
                ("unreachable", "slow", "refused", "flood", "unauthorized", "malformed", "not_stored", "stuck"),
            ),
        ),
    ),
    Metric(
        "bot_pre_checkout_answers_total",
        "counter",
        "Questions before a payment, by answer: ok, why not, or late and unanswered when Telegram got none in time.",
        (
            Label(
                "answer",
                ("ok", "unknown", "other_user", "other_price", "expired", "paid", "cancelled", "late", "unanswered"),
            ),
        ),
    ),
)

INBOX = (
    Metric(
        "bot_updates_processed_total",
        "counter",
        "Updates settled: done, failed (to be tried again) or dead.",
        (Label("outcome", ("done", "failed", "dead")),),
    ),
    Metric("bot_updates_retried_total", "counter", "Updates scheduled to be tried again."),
    Metric(
        "bot_update_handler_seconds",
        "histogram",
        "How long the handler and its transaction took.",
        buckets=_HANDLER_SECONDS,
    ),
    Metric(
        "bot_update_lag_seconds",
        "histogram",
        "From the acceptance of an update to its settlement.",
        buckets=_LAG_SECONDS,
    ),
    Metric("bot_inbox_claim_rows", "histogram", "Rows claimed together.", buckets=_ROWS),
    Metric("bot_inbox_settle_rows", "histogram", "Rows whose handlers wrote nothing, settled together.", buckets=_ROWS),
    Metric("bot_inbox_handlers_running", "gauge", "Handlers under way in this instance."),
    Metric("bot_inbox_rows_held", "gauge", "Claimed rows in this instance's memory, being handled or behind others."),
    Metric("bot_inbox_lanes_waiting", "gauge", "Chats that wait for the next try of a failed update."),
    Metric(
        "bot_inbox_returned_total",
        "counter",
        "Claimed rows made ready again: handed back by a drain, recovered from whoever held them before.",
        (Label("reason", ("handed_back", "recovered")),),
    ),
    Metric(
        "bot_rows_removed_total",
        "counter",
        "Settled rows removed once they had been kept for long enough.",
        (Label("kind", ("inbox_done", "inbox_dead", "outbox")),),
    ),
)

OUTBOX = (
    Metric(
        "bot_outbox_sends_total",
        "counter",
        "Calls to Telegram from the outbox, by method and outcome.",
        (Label("method", METHODS), Label("outcome", ("sent", "failed", "retried", "skipped"))),
    ),
    Metric(
        "bot_sends_ambiguous_total",
        "counter",
        "Messages sent again because a crash fell between sending and noting; each may have arrived twice.",
    ),
    Metric(
        "bot_outbox_lag_seconds",
        "histogram",
        "From the queueing of a call to Telegram's answer that it is carried out.",
        buckets=_LAG_SECONDS,
    ),
    Metric(
        "bot_outbox_wait_seconds_total",
        "counter",
        "How long calls were held back by a limit: one's own before Telegram's, or Telegram's Retry-After.",
        (LIMIT,),
    ),
    Metric(
        "bot_outbox_pauses_total", "counter", "Pauses of the whole outbox: several chats were told to wait at once."
    ),
    Metric("bot_chats_unreachable_total", "counter", "Chats found to take nothing any more: blocked, removed, gone."),
    Metric("bot_chats_moved_total", "counter", "Groups found to have become supergroups."),
)

GENERATIONS = (
    Metric(
        "bot_generations_total",
        "counter",
        "Generations ended, by model and outcome; moderation and cancelled are no fault of the model.",
        (
            MODEL,
            Label(MODALITY.name, MODALITY.values, follows="model"),
            Label("outcome", ("success", "provider_error", "timeout", "moderation", "bad_input", "cancelled")),
        ),
    ),
    Metric(
        "bot_generation_duration_seconds",
        "histogram",
        "From the submission to the provider's result.",
        (MODALITY,),
        _GENERATION_SECONDS,
    ),
    Metric(
        "bot_generation_steps_total",
        "counter",
        "Steps taken by generations; quoted to delivered is the funnel.",
        (Label("step", STEPS),),
    ),
    Metric(
        "bot_generations_underpriced_total",
        "counter",
        "Results for which the provider took more than was quoted: the price is wrong, or a file was not as it was told.",
        (MODEL,),
    ),
    Metric(
        "bot_generations_late_total",
        "counter",
        "Generations looked for after their credits went back, by what came of it; what was delivered was free.",
        (Label("outcome", ("delivered", "undeliverable", "nothing")),),
    ),
    Metric(
        "bot_generation_step_errors_total",
        "counter",
        "Steps that met an error nobody foresaw; each is tried again later.",
    ),
)

PROVIDER = (
    Metric(
        "bot_callbacks_total",
        "counter",
        "Callbacks of the provider; late ones come after their generation has gone on, forged ones are refused, "
        "crowded ones come again later.",
        (Label("outcome", ("applied", "late", "forged", "crowded")),),
    ),
    Metric(
        "bot_provider_requests_total",
        "counter",
        "Calls to the provider, by operation and answer: the code in the body, or why there was none.",
        (Label("provider", ("kie",)), Label("operation", PROVIDER_OPERATIONS), Label("code", PROVIDER_CODES)),
    ),
    Metric(
        "bot_provider_request_seconds",
        "histogram",
        "How long a call to the provider took.",
        (Label("provider", ("kie",)), Label("operation", PROVIDER_OPERATIONS)),
        _PROVIDER_SECONDS,
    ),
)

STORED = (
    Metric(
        "bot_inbox_depth",
        "gauge",
        f"Rows waiting or being handled; each count saturates at {SATURATION}.",
        (Label("state", ("ready", "claimed")),),
        source="database",
    ),
    Metric(
        "bot_inbox_oldest_age_seconds",
        "gauge",
        "Age of the oldest row that waits or is being handled; 0 without one.",
        source="database",
    ),
    Metric(
        "bot_inbox_dead_letters",
        "gauge",
        f"Rows given up on and kept; saturates at {SATURATION}.",
        source="database",
    ),
    Metric(
        "bot_inbox_dead_letters_window",
        "gauge",
        f"Rows given up on within the window, among the newest {SATURATION} that are kept.",
        (Label("window", ("1h",)),),
        source="database",
    ),
    Metric(
        "bot_outbox_depth",
        "gauge",
        f"Calls to Telegram waiting or under way; each count saturates at {SATURATION}.",
        (Label("state", ("ready", "sending")),),
        source="database",
    ),
    Metric(
        "bot_outbox_oldest_age_seconds",
        "gauge",
        "How long the longest of the calls to Telegram that are due, and first in their lane, has been due; 0 without one.",
        source="database",
    ),
)

METRICS = (*INGRESS, *INBOX, *OUTBOX, *GENERATIONS, *PROVIDER, *STORED)
