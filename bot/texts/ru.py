"""The bot in Russian."""

from __future__ import annotations

from bot.ledger import MILLI
from bot.texts.counts import form_ru, number_ru
from bot.texts.phrases import Phrases
from bot.texts.ru_account import RU_ACCOUNT
from bot.texts.ru_admin import RU_ADMIN
from bot.texts.ru_cards import RU_CARDS
from bot.texts.ru_generation import RU_GENERATION
from bot.texts.ru_inputs import RU_INPUTS
from bot.texts.ru_trouble import RU_TROUBLE


def credits_(milli: int) -> str:
    """Return the amount with its noun in the right form: "1 кредит", "2 кредита", "5 кредитов", "0,8 кредита"."""
    return f"{number_ru(milli)} {_noun(abs(milli))}"


def _noun(milli: int) -> str:
    whole, rest = divmod(milli, MILLI)
    return "кредита" if rest else ("кредит", "кредита", "кредитов")[form_ru(whole)]


RU = Phrases(
    language="ru",
    credits=credits_,
    menu=(
        ("models", "Все модели и цены"),
        ("generate", "Создать что-нибудь"),
        ("balance", "Ваши кредиты"),
        ("history", "Что вы сделали"),
        ("settings", "Язык"),
        ("cancel", "Оставить начатое"),
        ("help", "Как это работает"),
        ("start", "Начать"),
    ),
    nameless="друг",
    hello=(
        "Здравствуйте, {name}! Я делаю картинки, видео, музыку и озвучку.\n\n"
        "Напишите, что хотите увидеть, например: <i>рыжая лиса на снегу</i>. Или пришлите фотографию и скажите, что изменить; всё остальное покажет /models. "
        "Цену вы увидите заранее, а заплатите, только когда результат будет здесь.\n\n"
        "На балансе <b>{balance}</b>."
    ),
    hello_with_gift=(
        "Здравствуйте, {name}! Я делаю картинки, видео, музыку и озвучку.\n\n"
        "Напишите, что хотите увидеть, например: <i>рыжая лиса на снегу</i>. Или пришлите фотографию и скажите, что изменить; всё остальное покажет /models. "
        "Цену вы увидите заранее, а заплатите, только когда результат будет здесь.\n\n"
        "Для начала примите подарок: <b>{gift}</b>. Приятного творчества!"
    ),
    hello_again=(
        "Рад видеть вас снова, {name}! На балансе <b>{balance}</b>.\n\n"
        "Что нарисовать? Просто опишите, например: <i>маяк на рассвете, акварель</i>. Что ещё я умею, покажет /models."
    ),
    help=(
        "<b>Как это работает</b>\n\n"
        "Описание до {limit} символов становится картинкой. Фотография с подписью меняется так, как сказано в подписи. "
        "Всё остальное, видео, музыка, озвучка, улучшение фото, находится в /models: "
        "выберите модель, дайте ей то, что она просит, и посмотрите цену.\n\n"
        "Кредиты резервируются, когда вы нажимаете <b>Создать</b>, а списываются, только когда результат пришёл. "
        "Если что-то не получится, они вернутся сами.\n\n"
        "В группе отвечайте на моё сообщение, чтобы я понял, что вы обращаетесь ко мне. Платит тот, кто просит.\n\n"
        "/models – все модели и цены\n"
        "/balance – ваши кредиты\n"
        "/topup – пополнить\n"
        "/history – что вы сделали, и ещё раз\n"
        "/settings – язык\n"
        "/cancel – оставить начатое\n"
        "/paysupport – о платежах\n"
        "/privacy, /terms – ваши данные, правила\n"
        "/help – эта страница"
    ),
    help_support="\n\nЕсть вопросы? Напишите: {support}.",
    balance="На балансе <b>{balance}</b>.",
    balance_with_held="На балансе <b>{balance}</b>.\nЕщё {held} в резерве: это для того, что делается прямо сейчас.",
    prompt_missing="В этом сообщении нечего рисовать. Опишите картинку в нескольких словах.",
    prompt_too_long=(
        "Какое подробное описание: символов в нём {found}, а я принимаю до {limit}. Сократите немного и пришлите ещё раз."
    ),
    input_refused="Эта модель такого не принимает: {field}. Пришлите, пожалуйста, описание ещё раз.",
    only_words="С этим я ничего не могу сделать. Опишите картинку словами, например: <i>рыжая лиса на снегу</i>, или пришлите фотографию. Всё, что я умею, покажет /models.",
    unknown_command="Такой команды я не знаю. Что я умею, покажет /help.",
    confirm=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "На балансе {balance}.\n\n"
        "Измените, что хотите, и нажмите <b>Создать</b>."
    ),
    confirm_plain=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "На балансе {balance}.\n\n"
        "Начинать? Нажмите <b>Создать</b>."
    ),
    confirm_again=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "На балансе {balance}.\n\n"
        "Прошло некоторое время, поэтому спрошу ещё раз: начинать?"
    ),
    button_generate="Создать",
    button_cancel="Отмена",
    chosen="✓ {choice}",
    cancelled="<blockquote expandable>{prompt}</blockquote>\nОтменено, ничего не списано.",
    not_enough=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "На балансе {balance}: этого не хватает. Ничего не списано.\n\n"
        "Что стоит меньше, покажет /models."
    ),
    withdrawn=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "В таком виде этого больше нет. Ничего не списано. Что есть, покажет /models."
    ),
    queued="<blockquote expandable>{prompt}</blockquote>\nВ очереди, сейчас начну…",
    done="<blockquote expandable>{prompt}</blockquote>\nГотово, списано {price}. На балансе {balance}.",
    caption="<b>{model}</b> · {details}",
    failed="<blockquote expandable>{prompt}</blockquote>\n{reason}\n\n<b>Ничего не списано.</b> На балансе {balance}.",
    generation=RU_GENERATION,
    toast_old_button="Эта кнопка устарела. Отправьте /models, и начнём заново.",
    toast_not_yours="Здесь может нажимать только тот, кто об этом просил.",
    toast_not_your_button="Эта кнопка для того, кто спрашивал. Отправьте /models, и будет своя.",
    toast_already="Уже в работе.",
    toast_cancelled="Это отменено. Начните, пожалуйста, заново.",
    toast_confirm_again="Прошло некоторое время. Нажмите «Создать» ещё раз.",
    toast_price_changed="Цена изменилась. Посмотрите на неё и нажмите «Создать» ещё раз.",
    toast_busy="Минутку: то, что вы просили раньше, ещё делается. Нажмите снова, когда оно придёт.",
    toast_not_enough="Не хватает кредитов: нужно {price}, на балансе {balance}.",
    checkout={
        "unknown": "Этого счёта я уже не знаю. Пожалуйста, откройте пополнение ещё раз.",
        "other_user": "Этот счёт выставлен другому человеку. Откройте, пожалуйста, своё пополнение.",
        "other_price": "С тех пор цена изменилась. Пожалуйста, откройте пополнение ещё раз.",
        "expired": "Этот счёт устарел. Пожалуйста, откройте пополнение ещё раз.",
        "paid": "Этот счёт уже оплачен, ничего не списано. Чтобы добавить кредитов, откройте пополнение ещё раз.",
        "cancelled": "Этот счёт отменён. Пожалуйста, откройте пополнение ещё раз.",
    },
    account=RU_ACCOUNT,
    admin=RU_ADMIN,
    cards=RU_CARDS,
    inputs=RU_INPUTS,
    trouble=RU_TROUBLE,
)
