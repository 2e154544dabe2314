"""/start: who is new gets the welcome gift and hears what the bot does; who comes back, the balance.

Both get a link of their own to invite others; whoever came by one is bound to its owner at the first contact only.
"""

from __future__ import annotations

from dataclasses import replace

from telegram import Update

from bot import accounts, referrals, texts, turn
from bot.afterwards import menu_button
from bot.handlers.speaker import Context, Speaker, speaker


async def start(update: Update, context: Context) -> None:
    """Greet."""
    found = await speaker(update)
    if found is None or update.effective_user is None:
        return
    now = turn.current()
    if not found.user.is_new:
        # The one moment at which the language follows Telegram's: the person may have changed it there.
        language = texts.language_of(update.effective_user.language_code)
        if language != found.user.language and not found.user.chose_language:
            await accounts.update(now.connection, found.user.id, language)
            found = replace(found, user=replace(found.user, language=language))
    elif (inviter := referrals.inviter(" ".join(context.args or ()))) is not None:
        await referrals.bind(now.connection, found.user.id, inviter)
    has = await accounts.balance(now.connection, found.user.id)
    phrases = found.phrases
    gift = now.settings.welcome_amount
    template = phrases.hello_again
    if found.user.is_new:
        template = phrases.hello_with_gift if gift else phrases.hello
    invitation = _invitation(found, context.bot.username)
    template += "\n\n" + phrases.account.invitation if invitation else ""
    template += "" if found.is_private else phrases.inputs.in_group
    values = {"name": found.name, "gift": phrases.credits(gift), "balance": phrases.credits(has.available)}
    text = texts.fill(template, **values, **invitation)
    # The preview of one's own link would be this bot, larger than what it says.
    await now.effects.send_text(found.chat_id, text, [[menu_button(phrases, found.user.id)]], has_preview=False)


def _invitation(found: Speaker, username: str) -> dict[str, str]:
    """Return the person's own link and what it brings; nothing in a group, or where it brings nothing."""
    reward = turn.current().settings.referral_amount
    if not (reward and found.is_private):
        return {}
    link = f"https://t.me/{username}?start={referrals.payload(found.user.id)}"
    return {"link": link, "reward": found.phrases.credits(reward)}
