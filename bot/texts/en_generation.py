"""A generation's way, in English."""

from __future__ import annotations

from bot.texts.generation import GenerationPhrases

EN_GENERATION = GenerationPhrases(
    working={
        "image": "<blockquote expandable>{prompt}</blockquote>\n<b>{model}</b> is drawing…",
        "video": "<blockquote expandable>{prompt}</blockquote>\n<b>{model}</b> is filming… This takes a few minutes.",
        "audio": "<blockquote expandable>{prompt}</blockquote>\n<b>{model}</b> is recording…",
        "text": "<blockquote expandable>{prompt}</blockquote>\n<b>{model}</b> is listening and writing it down…",
    },
    checking=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "The service has not answered clearly, so I am watching for the result. "
        "If it does not come within {minutes} minutes, your {price} come back by themselves."
    ),
    sending="<blockquote expandable>{prompt}</blockquote>\nReady! It is on its way…",
    reasons={
        "user": "The model did not accept this request. Try to word it differently.",
        "moderation": "The model's safety filter did not let this request pass. Try another idea.",
        "ours": "The service is not available right now. That is our fault, and we are on it. Please try again later.",
        "transient": "The service could not finish this one. Please try again in a minute.",
        "timeout": "It took too long, so I stopped waiting. Please try again. If it comes after all, it is yours for free.",
        "unknown": (
            "The result did not come in time, and I stopped waiting. Please try again. "
            "If it comes after all, it is yours for free."
        ),
        "undeliverable": "The result was ready, but Telegram would not take it. Please try again.",
    },
    codes={
        "file_gone": "Telegram does not have the file you sent any more. Send it again, please.",
        "file_too_large": "The file you sent is too large: this model takes less. Send a smaller one, please.",
        "file_wrong_type": "The file you sent is not what its name says. Send another one, please.",
        "451": "The service could not open the file you sent. Save it in another format and send it again, please.",
        "queue": "So much is being made right now that your turn did not come in time. Please try again in a few minutes.",
    },
    files={
        "file_unmeasured": (
            "<b>{field}</b>: I cannot find out how long this file lasts or how large its picture is, and this model needs that. "
            "Save it in a common format (JPEG or PNG, MP3 or WAV, MP4) and send it again, please."
        ),
        "file_longer": (
            "<b>{field}</b>: this file lasts {found}, longer than Telegram said, and the price was for less. "
            "Send it again in another format, or a shorter one, please."
        ),
        "file_larger": (
            "<b>{field}</b>: this picture is larger than Telegram said, and the price was for less. Send it again, please."
        ),
        "file_too_long": "<b>{field}</b>: this file lasts {found}, and the most is {limit}. Please send a shorter one.",
        "file_too_many_pixels": (
            "<b>{field}</b>: this picture is too large, the most is {limit}. Please send a smaller one."
        ),
    },
    field="The model did not accept the value of <b>{field}</b>. Change it and try again.",
    late="This one took so long that your credits came back. Here it is after all: a gift.",
    link=(
        "The result is larger than a bot can send here. Download it within a day, the link does not last longer:\n{links}"
    ),
)
