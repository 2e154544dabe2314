"""A user's account in English."""

from __future__ import annotations

from bot.texts.account import AccountPhrases

EN_ACCOUNT = AccountPhrases(
    invitation="Invite a friend: {link}\nOnce your friend has topped up for the first time, you get {reward}.",
    invitation_rewarded="Somebody you invited has topped up for the first time. Thank you! Here is your reward: <b>{reward}</b>.",
    granted="A present for you: <b>{amount}</b>. You have {balance}.",
    banned="I am sorry, I cannot work for you any more. If you think that this is a mistake, /paysupport tells whom to write to.",
    toast_banned="I am sorry, I cannot work for you any more. /paysupport tells whom to write to.",
    model_off="<b>{model}</b> is taking a break. Nothing was charged. /models shows what else there is.",
    free="free",
    free_left="free ({left} left today)",
    free_cheapest="{price} (the cheapest settings are free today)",
    free_daily="Free: up to {limit} a day, as long as there are some left",
    free_daily_cheapest="Free with the cheapest settings: up to {limit} a day, as long as there are some left",
    done_free="<blockquote expandable>{prompt}</blockquote>\nDone, this one was free. You have {balance}.",
    settings="<b>Settings</b>\n\nThe language I speak with you: <b>{language}</b>",
    language="English",
    history="<b>What you have made</b>",
    history_empty="There is nothing here yet. Describe a picture, or look at /models.",
    history_entry="{number}. <b>{model}</b> · {price} · {outcome} · {when}\n{words}",
    history_erased="(deleted)",
    outcomes={
        "making": "being made",
        "done": "done",
        "failed": "failed, nothing charged",
        "late": "came late, nothing charged",
    },
    ago={
        "moments": "just now",
        "minutes": "{number} min ago",
        "hours": "{number} h ago",
        "days": "{number} d ago",
    },
    button_repeat="Repeat {number}",
    button_send_again="Send {number} again",
    toast_sent_again="Here it comes.",
    topup="Buying credits is not open yet. You have <b>{balance}</b>.",
    paysupport="I take no payments yet, so there is none to be refunded.",
    support="For all questions about credits, write to {support}.",
    privacy=(
        "<b>Privacy</b>\n\n"
        "<b>What I keep.</b> Your Telegram id and language; what you asked for and the files you sent for it; what was "
        "made, as Telegram's number of the file; your credits and each movement of them.\n\n"
        "<b>What for.</b> To make what you ask for, to show you your /history, to repeat and resend, and to account for "
        "every credit. There is no advertising, and your data is not sold.\n\n"
        "<b>Who else sees it.</b> The services that run the models get your words and files, without your name, and "
        "keep their copies by their own rules.\n\n"
        "<b>For how long.</b> Messages on their way to you are kept for 7 days, what you wrote for 2 days, or 30 days if I "
        "could not handle it. What you asked for and what was made stays until you have it deleted.\n\n"
        "<b>Deleting it.</b> The button below deletes your content."
    ),
    terms=(
        "<b>Terms</b>\n\n"
        "1. You pay in credits. The exact price is shown before you agree; the credits are set aside then, and charged only "
        "once the result has reached you. If something fails, they come back by themselves.\n"
        "2. Gifts and rewards are credits like all others, and cannot be paid out in money.\n"
        "3. Models make mistakes. Check what matters before you rely on it.\n"
        "4. Ask for nothing unlawful: no sexual content with minors, no deceiving pictures of real people, no calls to "
        "violence. The models' own filters stay on, and whoever works around them loses access.\n"
        "5. What you make is yours, as far as the law and the model's maker allow. Bring only files that you may use.\n"
        "6. Questions and complaints about payments: /paysupport. Your data: /privacy."
    ),
    button_erase="Delete my content",
    erase_sure=(
        "<b>Delete your content?</b>\n\n"
        "This cannot be undone. Deleted are: your descriptions and files, all results and the means to send them again, "
        "what you have begun here, and the copies of all that in my queues.\n\n"
        "Kept are: your id, language and invitations, your credits with each movement, and of each generation the model, the "
        "price, the time and how it ended, without what it was about.\n\n"
        "Messages in our chat are on your side: Telegram can delete them."
    ),
    button_erase_yes="Yes, delete",
    button_erase_no="No, keep it",
    erased=(
        "Your content is deleted. The copies in my queues go within minutes. Your credits are as they were, and "
        "you can go on whenever you like."
    ),
    erase_later="Something of yours is still being made. Please wait until it is here, or has failed, and ask again.",
    not_erased="Nothing was deleted.",
)
