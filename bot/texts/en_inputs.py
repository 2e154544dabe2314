"""Asking for inputs in English."""

from __future__ import annotations

from bot.texts.counts import at_most_en, count_en
from bot.texts.en_names import FIELDS, VALUES
from bot.texts.inputs import InputPhrases

EN_INPUTS = InputPhrases(
    count=count_en,
    at_most=at_most_en,
    fields=FIELDS,
    values=VALUES,
    given="{field}: <i>{value}</i>\n",
    in_group="\n\nPlease reply to this message.",
    ask_text="<b>{field}</b>\nWrite it in a message, {limit}.",
    ask_choice="<b>{field}</b>\nChoose with a button.",
    ask_number="<b>{field}</b>\nSend a number from {low} to {high}.",
    ask_flag="<b>{field}</b>\nYes or no?",
    ask_file={
        "image": "<b>{field}</b>\nSend me a photo.",
        "audio": "<b>{field}</b>\nSend me an audio file or a voice message.",
        "video": "<b>{field}</b>\nSend me a video.",
    },
    ask_files={
        "image": "<b>{field}</b>\nSend {limit}, one by one or as an album.",
        "audio": "<b>{field}</b>\nSend {limit}, one by one or together.",
        "video": "<b>{field}</b>\nSend {limit}, one by one or as an album.",
    },
    file_limits="\nUp to {size}; {formats}.",
    file_lasts="\nUp to {size} and {lasts}; {formats}.",
    received="{count} received. Send more, or press <b>Done</b>.",
    unset="not set",
    default="as the model likes",
    yes="Yes",
    no="No",
    seconds="{number} s",
    minutes="{number} min",
    megapixels="{number} megapixels",
    megabytes="{number} MB",
    button_done="Done",
    button_default="Reset",
    button_cancel="Cancel",
    button_back="Back",
    setting="{field}: {value}",
    media={"image": "a photo", "audio": "an audio file", "video": "a video"},
    problems={
        "unknown_field": "<b>{field}</b>: this model does not take it any more.",
        "missing": "<b>{field}</b>: this one is needed.",
        "wrong_type": "<b>{field}</b>: that does not fit here.",
        "too_short": "<b>{field}</b>: {found} is too little, at least {limit} are needed.",
        "too_long": "<b>{field}</b>: {found} is more than I can take, the most is {limit}. Please shorten it a little.",
        "not_offered": "<b>{field}</b>: please choose one of these: {limit}.",
        "out_of_range": "<b>{field}</b>: {found} does not fit, it can be {low} to {high}.",
        "not_sold": "<b>{field}</b>: {found} does not go together with the rest. What does: {limit}.",
        "too_few": "<b>{field}</b>: {found} so far, at least {limit} are needed.",
        "too_many": "<b>{field}</b>: {found} are too many, the most is {limit}.",
        "wrong_medium": "<b>{field}</b>: that is {found}, and I need {limit} here.",
        "wrong_format": "<b>{field}</b>: this file is {found}; this model takes {limit}.",
        "too_large": "<b>{field}</b>: this file is {found}, and the most is {limit}.",
        "lasts_too_long": "<b>{field}</b>: this lasts {found}, and the most is {limit}. Please send a shorter one.",
        "too_many_pixels": "<b>{field}</b>: this picture has {found}, and the most is {limit}. Please send a smaller one.",
        "unmeasured": (
            "<b>{field}</b>: I cannot see how long this file lasts or how large its picture is, and the price depends on that. "
            "Please send it as a photo, a video or an audio message instead of a file."
        ),
    },
    too_large_to_fetch="<b>{field}</b>: this file is {found}; Telegram lets me fetch up to {limit}. Please send a smaller one.",
    need_text="<b>{field}</b>: here I need words, written in a message.",
    need_number="<b>{field}</b>: here I need a number from {low} to {high}.",
    need_file={
        "image": "<b>{field}</b>: here I need a photo.",
        "audio": "<b>{field}</b>: here I need an audio file or a voice message.",
        "video": "<b>{field}</b>: here I need a video.",
    },
    need_choice="<b>{field}</b>: please choose with one of the buttons.",
    toast_not_sold="{field}: {found} is not sold together with the rest. What is: {limit}.",
)
