"""Asking for inputs in Russian."""

from __future__ import annotations

from bot.texts.counts import at_most_ru, count_ru
from bot.texts.inputs import InputPhrases
from bot.texts.ru_names import FIELDS, VALUES

RU_INPUTS = InputPhrases(
    count=count_ru,
    at_most=at_most_ru,
    fields=FIELDS,
    values=VALUES,
    given="{field}: <i>{value}</i>\n",
    in_group="\n\nОтветьте, пожалуйста, на это сообщение.",
    ask_text="<b>{field}</b>\nНапишите в сообщении, {limit}.",
    ask_choice="<b>{field}</b>\nВыберите кнопкой.",
    ask_number="<b>{field}</b>\nПришлите число от {low} до {high}.",
    ask_flag="<b>{field}</b>\nДа или нет?",
    ask_file={
        "image": "<b>{field}</b>\nПришлите фотографию.",
        "audio": "<b>{field}</b>\nПришлите аудиофайл или голосовое сообщение.",
        "video": "<b>{field}</b>\nПришлите видео.",
    },
    ask_files={
        "image": "<b>{field}</b>\nПришлите {limit}, по одной или альбомом.",
        "audio": "<b>{field}</b>\nПришлите {limit}, по одной или вместе.",
        "video": "<b>{field}</b>\nПришлите {limit}, по одному или альбомом.",
    },
    file_limits="\nДо {size}; {formats}.",
    file_lasts="\nДо {size} и {lasts}; {formats}.",
    received="Получено: {count}. Пришлите ещё или нажмите <b>Готово</b>.",
    unset="не задано",
    default="на выбор модели",
    yes="Да",
    no="Нет",
    seconds="{number} с",
    minutes="{number} мин",
    megapixels="{number} Мп",
    megabytes="{number} МБ",
    button_done="Готово",
    button_default="Сбросить",
    button_cancel="Отмена",
    button_back="Назад",
    setting="{field}: {value}",
    media={"image": "фотография", "audio": "аудио", "video": "видео"},
    problems={
        "unknown_field": "<b>{field}</b>: модель этого больше не принимает.",
        "missing": "<b>{field}</b>: без этого не получится.",
        "wrong_type": "<b>{field}</b>: это сюда не подходит.",
        "too_short": "<b>{field}</b>: {found} – слишком мало, нужно не меньше {limit}.",
        "too_long": "<b>{field}</b>: {found} – больше, чем я могу принять. Предел: {limit}. Сократите немного, пожалуйста.",
        "not_offered": "<b>{field}</b>: выберите, пожалуйста, из этого: {limit}.",
        "out_of_range": "<b>{field}</b>: {found} не подходит, можно от {low} до {high}.",
        "not_sold": "<b>{field}</b>: {found} не сочетается с остальным. Сочетается: {limit}.",
        "too_few": "<b>{field}</b>: пока {found}, а нужно не меньше {limit}.",
        "too_many": "<b>{field}</b>: {found} – слишком много, предел {limit}.",
        "wrong_medium": "<b>{field}</b>: это {found}, а здесь нужно другое: {limit}.",
        "wrong_format": "<b>{field}</b>: формат файла {found}, а модель принимает {limit}.",
        "too_large": "<b>{field}</b>: файл занимает {found}, а предел {limit}.",
        "lasts_too_long": "<b>{field}</b>: длительность {found}, а предел {limit}. Пришлите, пожалуйста, покороче.",
        "too_many_pixels": "<b>{field}</b>: в картинке {found}, а предел {limit}. Пришлите, пожалуйста, поменьше.",
        "unmeasured": (
            "<b>{field}</b>: у этого файла не видно длительности или размера картинки, а от этого зависит цена. "
            "Пришлите его, пожалуйста, не файлом, а как фото, видео или аудио."
        ),
    },
    too_large_to_fetch=(
        "<b>{field}</b>: файл занимает {found}, а Telegram отдаёт мне не больше {limit}. Пришлите, пожалуйста, поменьше."
    ),
    need_text="<b>{field}</b>: здесь нужны слова, напишите их в сообщении.",
    need_number="<b>{field}</b>: здесь нужно число от {low} до {high}.",
    need_file={
        "image": "<b>{field}</b>: здесь нужна фотография.",
        "audio": "<b>{field}</b>: здесь нужен аудиофайл или голосовое сообщение.",
        "video": "<b>{field}</b>: здесь нужно видео.",
    },
    need_choice="<b>{field}</b>: выберите, пожалуйста, одной из кнопок.",
    toast_not_sold="{field}: {found} не продаётся вместе с остальным. Продаётся: {limit}.",
)
