"""The menu and the cards in English."""

from __future__ import annotations

from bot.texts.cards import CardPhrases
from bot.texts.counts import number_en

EN_CARDS = CardPhrases(
    number=number_en,
    menu=(
        "<b>What shall we make?</b>\n\n"
        "Choose a kind, or simply write what you would like to see: I draw it with a fast and cheap model. "
        "A photo with a few words under it is edited as the words say.\n\n"
        "You have <b>{balance}</b>. Prices are in credits; you pay only for what has arrived."
    ),
    categories={
        "image": "Pictures",
        "edit": "Edit a photo",
        "video": "Video",
        "animate": "Animate a photo",
        "audio": "Music and speech",
        "enhance": "Enhance",
    },
    category_hints={
        "image": "A picture from your description.",
        "edit": "Your photo, changed as you describe.",
        "video": "A clip from your description.",
        "animate": "Your photo or clip, brought to life.",
        "audio": "Songs, sounds, voices, and speech to text.",
        "enhance": "Sharper, larger, without a background.",
    },
    button_category="{category} · {price}",
    category="<b>{category}</b>\n{hint}\n\nChoose a model. The price is in credits{measured}.",
    measured=", and beside it how often it succeeds",
    page="Page {page} of {pages}",
    button_model="{model} · {price}",
    button_model_measured="{model} · {price} · {success} %",
    from_price="from {price}",
    units={
        "second": "per second",
        "minute": "per minute",
        "megapixel": "per megapixel",
        "1000_characters": "per 1,000 characters",
    },
    short_units={
        "second": "{price}/s",
        "minute": "{price}/min",
        "megapixel": "{price}/MP",
        "1000_characters": "{price}/1k",
    },
    card="<b>{model}</b>\n{about}",
    price_exact="Price: <b>{high}</b>",
    price_range="Price: <b>{low}–{high}</b>, depending on what you choose",
    price_unit="Price: <b>{high}</b> {unit}",
    price_unit_range="Price: <b>{low}–{high}</b> {unit}, depending on what you choose",
    usual_time="Usually takes {time}",
    seconds="about {number} s",
    minutes="about {number} min",
    success="Succeeds in {success} % of cases",
    needs="You will need: {inputs}",
    button_menu="All models",
    button_create="Create",
    button_back="Back",
    button_earlier="‹ Earlier",
    button_later="More ›",
    button_repeat="Repeat",
    button_again="Same model",
    button_other="Another model",
    button_best_price="Best price",
    best_price="<b>{category}: the best price</b>\nI take the cheapest model that can make it, and name it with its price.\n\n",
    best_price_asks={
        "image": "Write what you would like to see.",
        "edit": "Send me the photo, with a few words under it about what to change.",
        "video": "Write what the clip should show.",
        "animate": "Send me the photo, with a few words under it about what should happen.",
    },
    which_model="What shall I do with that? Choose a model, and send it once more when I ask for it.",
    nothing_to_cancel="There is nothing to cancel. What is being made already comes to its end by itself.",
    cancelled="Cancelled, nothing was charged. What shall we make instead?",
    toast_gone="This model is not available any more. Please choose another one.",
    toast_files_gone="I do not have this any more. Please begin anew.",
)
