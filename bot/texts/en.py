"""The bot in English."""

from __future__ import annotations

from bot.ledger import format_credits
from bot.texts.phrases import Phrases


def credits_(milli: int) -> str:
    """Return the amount with its noun: "1 credit", "0.8 credits"."""
    return f"{format_credits(milli)} {'credit' if milli == 1000 else 'credits'}"  # noqa: PLR2004 - one credit


EN = Phrases(
    credits=credits_,
    menu=(
        ("start", "Begin"),
        ("balance", "Your credits"),
        ("help", "How it works"),
    ),
    nameless="friend",
    hello=(
        "Hello, {name}! I turn words into pictures.\n\n"
        "Describe what you would like to see, for example: <i>a red fox in the snow</i>. "
        "You see the price first and pay only once the picture is here.\n\n"
        "You have <b>{balance}</b>."
    ),
    hello_with_gift=(
        "Hello, {name}! I turn words into pictures.\n\n"
        "Describe what you would like to see, for example: <i>a red fox in the snow</i>. "
        "You see the price first and pay only once the picture is here.\n\n"
        "To get you started, here is a gift: <b>{gift}</b>. Have fun!"
    ),
    hello_again=(
        "Good to see you again, {name}! You have <b>{balance}</b>.\n\n"
        "What shall I draw? Just describe it, for example: <i>a lighthouse at dawn, watercolour</i>."
    ),
    help=(
        "<b>From words to a picture</b>\n\n"
        "1. Describe the picture in a message, in up to {limit} characters. Details help: subject, place, light, style.\n"
        "2. Choose a format and look at the price.\n"
        "3. Press <b>Generate</b>. The picture comes here.\n\n"
        "Credits are set aside when you press the button and charged only once the picture has arrived. "
        "If something goes wrong, they come back by themselves.\n\n"
        "/balance – your credits\n"
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
    only_words="I draw from words. Describe the picture in a message, for example: <i>a red fox in the snow</i>.",
    unknown_command="I do not know that command. /help shows what I can do.",
    confirm=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "You have {balance}.\n\n"
        "Choose a format and press <b>Generate</b>."
    ),
    confirm_again=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "You have {balance}.\n\n"
        "Some time has passed, so I ask once more: shall I draw it?"
    ),
    button_generate="Generate",
    button_cancel="Cancel",
    chosen="✓ {choice}",
    cancelled="<blockquote expandable>{prompt}</blockquote>\nCancelled, nothing was charged.",
    not_enough=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "This picture costs <b>{price}</b>, and you have <b>{balance}</b>: that is not enough. Nothing was charged."
    ),
    withdrawn=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "This model is not available any more. Nothing was charged. Send the description again for another one."
    ),
    queued="<blockquote expandable>{prompt}</blockquote>\nIn the queue. I start in a moment…",
    drawing="<blockquote expandable>{prompt}</blockquote>\n<b>{model}</b> is drawing…",
    checking=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "The service has not answered clearly, so I am watching for the picture. "
        "If it does not come within {minutes} minutes, your {price} come back by themselves."
    ),
    sending="<blockquote expandable>{prompt}</blockquote>\nReady! The picture is on its way…",
    done="<blockquote expandable>{prompt}</blockquote>\nDone, {price} charged. You have {balance} left.",
    caption="<b>{model}</b> · {details}",
    failed="<blockquote expandable>{prompt}</blockquote>\n{reason}\n\n<b>Nothing was charged.</b> You have {balance}.",
    reasons={
        "user": "The model did not accept this description. Try to word it differently.",
        "moderation": "The model's safety filter did not let this description pass. Try another idea.",
        "ours": "The service is not available right now. That is our fault, and we are on it. Please try again later.",
        "transient": "The service could not finish this picture. Please try again in a minute.",
        "timeout": "The picture took too long, so I stopped waiting. Please try again.",
        "unknown": "The picture did not come in time, and I stopped waiting. Please try again.",
        "undeliverable": "The picture was ready, but Telegram would not take it. Please try again.",
    },
    toast_old_button="This button is out of date. Send me a description to begin anew.",
    toast_not_yours="Only the one who asked for this picture can press here.",
    toast_already="It is under way already.",
    toast_cancelled="This one was cancelled. Send the description again.",
    toast_confirm_again="Some time has passed. Please press Generate once more.",
    toast_busy="One moment: your previous picture is still being drawn. Press again when it is here.",
    toast_not_enough="Not enough credits: {price} needed, you have {balance}.",
    checkout={
        "unknown": "I do not know this bill any more. Please open the top-up again.",
        "other_user": "This bill was made out to somebody else. Please open a top-up of your own.",
        "other_price": "The price has changed since then. Please open the top-up again.",
        "expired": "This bill is out of date. Please open the top-up again.",
        "paid": "This bill is paid already, so nothing was taken. For more credits, open the top-up again.",
        "cancelled": "This bill was cancelled. Please open the top-up again.",
    },
)
