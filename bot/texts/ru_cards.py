"""The menu and the cards in Russian."""

from __future__ import annotations

from bot.texts.cards import CardPhrases
from bot.texts.counts import number_ru

RU_CARDS = CardPhrases(
    number=number_ru,
    menu=(
        "<b>Что сделаем?</b>\n\n"
        "Выберите раздел или просто напишите, что хотите увидеть: я нарисую это быстрой и недорогой моделью. "
        "Пришлите фотографию с подписью, и я изменю её так, как сказано в подписи.\n\n"
        "На балансе <b>{balance}</b>. Цены указаны в кредитах; платите вы только за то, что пришло."
    ),
    categories={
        "image": "Картинки",
        "edit": "Изменить фото",
        "video": "Видео",
        "animate": "Оживить фото",
        "audio": "Музыка и речь",
        "enhance": "Улучшить",
    },
    category_hints={
        "image": "Картинка по вашему описанию.",
        "edit": "Ваше фото, изменённое по описанию.",
        "video": "Ролик по вашему описанию.",
        "animate": "Ваше фото или видео оживает.",
        "audio": "Песни, звуки, озвучка и расшифровка речи.",
        "enhance": "Чётче, крупнее, без фона.",
    },
    button_category="{category} · {price}",
    category="<b>{category}</b>\n{hint}\n\nВыберите модель. Цена указана в кредитах{measured}.",
    measured=", рядом доля удачных результатов",
    page="Страница {page} из {pages}",
    button_model="{model} · {price}",
    button_model_measured="{model} · {price} · {success} %",
    from_price="от {price}",
    units={
        "second": "за секунду",
        "minute": "за минуту",
        "megapixel": "за мегапиксель",
        "1000_characters": "за 1000 символов",
    },
    short_units={
        "second": "{price}/с",
        "minute": "{price}/мин",
        "megapixel": "{price}/Мп",
        "1000_characters": "{price}/1000 симв.",
    },
    card="<b>{model}</b>\n{about}",
    price_exact="Цена: <b>{high}</b>",
    price_range="Цена: <b>{low}–{high}</b>, зависит от настроек",
    price_unit="Цена: <b>{high}</b> {unit}",
    price_unit_range="Цена: <b>{low}–{high}</b> {unit}, зависит от настроек",
    usual_time="Обычно готово за {time}",
    seconds="{number} с",
    minutes="{number} мин",
    success="Успешных результатов: {success} %",
    needs="Понадобится: {inputs}",
    button_menu="Все модели",
    button_create="Создать",
    button_back="Назад",
    button_earlier="‹ Раньше",
    button_later="Ещё ›",
    button_repeat="Повторить",
    button_again="Та же модель",
    button_other="Другая модель",
    button_best_price="Лучшая цена",
    best_price="<b>{category}: лучшая цена</b>\nЯ возьму самую дешёвую подходящую модель, назову её и цену.\n\n",
    best_price_asks={
        "image": "Напишите, что хотите увидеть.",
        "edit": "Пришлите фотографию и напишите в подписи, что изменить.",
        "video": "Напишите, что должно быть в ролике.",
        "animate": "Пришлите фотографию и напишите в подписи, что должно произойти.",
    },
    which_model="Что с этим сделать? Выберите модель и пришлите это ещё раз, когда я попрошу.",
    nothing_to_cancel="Отменять нечего. То, что уже делается, закончится само.",
    cancelled="Отменено, ничего не списано. Что сделаем вместо этого?",
    toast_gone="Этой модели больше нет. Выберите, пожалуйста, другую.",
    toast_files_gone="Этого у меня уже нет. Начните, пожалуйста, заново.",
)
