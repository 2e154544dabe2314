"""What operators hear, in English."""

from __future__ import annotations

from bot.texts.admin import AdminPhrases

EN_ADMIN = AdminPhrases(
    overview=(
        "<b>Today (UTC)</b>\n"
        "{success} delivered, {failed} failed; charged {charged}, cost ${cost}, of that ${free_cost} for free ones\n\n"
        "<b>Now</b>\n"
        "{users} users, {under_way} generations under way\n"
        "inbox: {ready} waiting, {dead} dead letters; outbox: {sending} to be sent\n"
        "lock: {lock_state}, epoch {epoch}, {holder}, heartbeat {heartbeat} s ago"
    ),
    usage=(
        "/admin user ID\n"
        "/admin grant ID CREDITS\n"
        "/admin refund ID CREDITS – takes back what was sold, as far as it is left\n"
        "/admin ban ID, /admin unban ID\n"
        "/admin off MODEL, /admin on MODEL\n"
        "/admin dead – what could not be handled"
    ),
    user=(
        "<b>User {id}</b>\n"
        "{language}, here since {since}, last seen {last}\n"
        "{balance}, {held} on hold\n"
        "charged generations: {made}, invited: {invited}, invited by: {inviter}"
    ),
    user_banned="Banned since {since}.",
    user_unreachable="Takes no messages: the bot is blocked.",
    nobody="Nobody with the id {id} has written to the bot.",
    not_an_id="“{written}” is no user's id: expected a whole number above zero. Nothing was done.",
    amounts={
        "not_a_number": "“{written}” is no amount: expected credits, for example 20 or 0.5. Nothing was done.",
        "negative": "{written} is below zero: expected an amount above it. Nothing was done.",
        "zero": "{written} is nothing: expected an amount above zero. Nothing was done.",
        "too_fine": "{written} is too fine: a credit has at most three decimals. Nothing was done.",
        "huge": "{written} is more than one order may move, {limit} credits. Nothing was done.",
    },
    granted="User {id} was given {amount} and has {balance}.",
    refunded="{amount} were taken back from user {id}, who has {balance}.",
    refunded_short="Only {amount} of {wanted} could be taken back from user {id}: the rest is spent. {balance} are left.",
    refund_busy=(
        "Nothing was taken yet: user {id} has less than {wanted} free, but credits on hold that may come back. "
        "Please order it again once what is under way has ended; until then the user can spend what is left."
    ),
    banned="User {id} is turned away from now on. What is under way is finished.",
    unbanned="User {id} may use the bot again.",
    not_an_admin="User {id} is an admin and cannot be turned away.",
    model_on="{model} is offered again.",
    model_off="{model} is not offered any more. What is under way is finished; old quotes are refused kindly.",
    models_off="Switched off: {models}",
    no_model="There is no model {model} in the catalogue. vigil models list shows all.",
    letters="<b>Dead letters, the newest first</b>",
    letter="{id}, {source}, {when}, {attempts} starts: {reason}",
    letter_unreadable="(cannot be replayed)",
    no_letters="There are no dead letters.",
    done_already="This was done before; nothing was done again.",
    more="To try one again: vigil inbox replay ID",
    nothing="nobody",
)
