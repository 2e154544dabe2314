"""The bot in English."""

from __future__ import annotations

from bot.ledger import format_credits
from bot.texts.en_account import EN_ACCOUNT
from bot.texts.en_admin import EN_ADMIN
from bot.texts.en_cards import EN_CARDS
from bot.texts.en_generation import EN_GENERATION
from bot.texts.en_inputs import EN_INPUTS
from bot.texts.en_trouble import EN_TROUBLE
from bot.texts.phrases import Phrases


def credits_(milli: int) -> str:
    """Return the amount with its noun: "1 credit", "0.8 credits"."""
    return f"{format_credits(milli)} {'credit' if milli == 1000 else 'credits'}"  # noqa: PLR2004 - one credit


EN = Phrases(
    language="en",
    credits=credits_,
    menu=(
        ("models", "All models and prices"),
        ("generate", "Make something"),
        ("balance", "Your credits"),
        ("history", "What you have made"),
        ("settings", "Language"),
        ("cancel", "Leave what was begun"),
        ("help", "How it works"),
        ("start", "Begin"),
    ),
    nameless="friend",
    hello=(
        "Hello, {name}! I make pictures, video, music and speech.\n\n"
        "Describe what you would like to see, for example: <i>a red fox in the snow</i>. Or send a photo and say what to change; /models shows everything else. "
        "You see the price first and pay only once the result is here.\n\n"
        "You have <b>{balance}</b>."
    ),
    hello_with_gift=(
        "Hello, {name}! I make pictures, video, music and speech.\n\n"
        "Describe what you would like to see, for example: <i>a red fox in the snow</i>. Or send a photo and say what to change; /models shows everything else. "
        "You see the price first and pay only once the result is here.\n\n"
        "To get you started, here is a gift: <b>{gift}</b>. Have fun!"
    ),
    hello_again=(
        "Good to see you again, {name}! You have <b>{balance}</b>.\n\n"
        "What shall I draw? Just describe it, for example: <i>a lighthouse at dawn, watercolour</i>. /models shows what else there is."
    ),
    help=(
        "<b>How it works</b>\n\n"
        "A description in up to {limit} characters becomes a picture. A photo with a few words under it is edited as the "
        "words say. Everything else, video, music, speech, sharper photos, is under /models: "
        "choose a model, give it what it asks for, and look at the price.\n\n"
        "Credits are set aside when you press <b>Generate</b> and charged only once the result has arrived. "
        "If something goes wrong, they come back by themselves.\n\n"
        "In a group, answer one of my messages, so that I know that you mean me. Who asks pays.\n\n"
        "/models – all models and prices\n"
        "/balance – your credits\n"
        "/topup – more credits\n"
        "/history – what you have made, and once more\n"
        "/settings – language\n"
        "/cancel – leave what was begun\n"
        "/paysupport – about payments\n"
        "/privacy, /terms – your data, the rules\n"
        "/help – this page"
    ),
    help_support="\n\nQuestions? Write to {support}.",
    balance="You have <b>{balance}</b>.",
    balance_with_held="You have <b>{balance}</b>.\n{held} more are set aside for what is being made right now.",
    prompt_missing="There is nothing to draw in that message. Describe the picture in a few words.",
    prompt_too_long=(
        "That is a rich description: {found} characters. I can take up to {limit}. Shorten it a little and send it again."
    ),
    input_refused="This model does not take that: {field}. Send the description again, please.",
    only_words="I cannot do anything with that. Describe a picture in words, for example: <i>a red fox in the snow</i>, or send a photo. /models shows all I can do.",
    unknown_command="I do not know that command. /help shows what I can do.",
    confirm=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "You have {balance}.\n\n"
        "Change what you like, then press <b>Generate</b>."
    ),
    confirm_plain=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "You have {balance}.\n\n"
        "Shall I begin? Press <b>Generate</b>."
    ),
    confirm_again=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "You have {balance}.\n\n"
        "Some time has passed, so I ask once more: shall I begin?"
    ),
    button_generate="Generate",
    button_cancel="Cancel",
    chosen="✓ {choice}",
    cancelled="<blockquote expandable>{prompt}</blockquote>\nCancelled, nothing was charged.",
    not_enough=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "You have {balance}: that is not enough. Nothing was charged.\n\n"
        "/models shows what costs less."
    ),
    withdrawn=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "This is not on offer any more in that form. Nothing was charged. /models shows what is."
    ),
    queued="<blockquote expandable>{prompt}</blockquote>\nIn the queue. I start in a moment…",
    done="<blockquote expandable>{prompt}</blockquote>\nDone, {price} charged. You have {balance} left.",
    caption="<b>{model}</b> · {details}",
    failed="<blockquote expandable>{prompt}</blockquote>\n{reason}\n\n<b>Nothing was charged.</b> You have {balance}.",
    generation=EN_GENERATION,
    toast_old_button="This button is out of date. Send /models to begin anew.",
    toast_not_yours="Only the one who asked for this can press here.",
    toast_not_your_button="This button is for the one who asked. Send /models for your own.",
    toast_already="It is under way already.",
    toast_cancelled="This one was cancelled. Please begin anew.",
    toast_confirm_again="Some time has passed. Please press Generate once more.",
    toast_price_changed="The price has changed. Please look at it, and press Generate once more.",
    toast_busy="One moment: what you asked for before is still being made. Press again when it is here.",
    toast_not_enough="Not enough credits: {price} needed, you have {balance}.",
    checkout={
        "unknown": "I do not know this bill any more. Please open the top-up again.",
        "other_user": "This bill was made out to somebody else. Please open a top-up of your own.",
        "other_price": "The price has changed since then. Please open the top-up again.",
        "expired": "This bill is out of date. Please open the top-up again.",
        "paid": "This bill is paid already, so nothing was taken. For more credits, open the top-up again.",
        "cancelled": "This bill was cancelled. Please open the top-up again.",
    },
    account=EN_ACCOUNT,
    admin=EN_ADMIN,
    cards=EN_CARDS,
    inputs=EN_INPUTS,
    trouble=EN_TROUBLE,
)
