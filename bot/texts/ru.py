"""The bot in Russian."""

from __future__ import annotations

from bot.ledger import MILLI, format_credits
from bot.texts.phrases import Phrases


def credits_(milli: int) -> str:
    """Return the amount with its noun in the right form: "1 кредит", "2 кредита", "5 кредитов", "0,8 кредита"."""
    return f"{format_credits(milli).replace('.', ',')} {_noun(abs(milli))}"


def _noun(milli: int) -> str:
    whole, rest = divmod(milli, MILLI)
    if rest:
        return "кредита"
    if whole % 10 == 1 and whole % 100 != 11:  # noqa: PLR2004 - 11 кредитов
        return "кредит"
    return "кредита" if whole % 10 in {2, 3, 4} and whole % 100 not in {12, 13, 14} else "кредитов"


RU = Phrases(
    credits=credits_,
    menu=(
        ("start", "Начать"),
        ("balance", "Ваши кредиты"),
        ("help", "Как это работает"),
    ),
    nameless="друг",
    hello=(
        "Здравствуйте, {name}! Я рисую картинки по описанию.\n\n"
        "Напишите, что хотите увидеть, например: <i>рыжая лиса на снегу</i>. "
        "Цену вы увидите заранее, а заплатите, только когда картинка будет здесь.\n\n"
        "На балансе <b>{balance}</b>."
    ),
    hello_with_gift=(
        "Здравствуйте, {name}! Я рисую картинки по описанию.\n\n"
        "Напишите, что хотите увидеть, например: <i>рыжая лиса на снегу</i>. "
        "Цену вы увидите заранее, а заплатите, только когда картинка будет здесь.\n\n"
        "Для начала примите подарок: <b>{gift}</b>. Приятного творчества!"
    ),
    hello_again=(
        "Рад видеть вас снова, {name}! На балансе <b>{balance}</b>.\n\n"
        "Что нарисовать? Просто опишите, например: <i>маяк на рассвете, акварель</i>."
    ),
    help=(
        "<b>Как слова становятся картинкой</b>\n\n"
        "1. Опишите картинку в сообщении, до {limit} символов. Помогают детали: кто или что, где, какой свет, какой стиль.\n"
        "2. Выберите формат и посмотрите цену.\n"
        "3. Нажмите <b>Нарисовать</b>. Картинка придёт сюда.\n\n"
        "Кредиты резервируются, когда вы нажимаете кнопку, а списываются, только когда картинка пришла. "
        "Если что-то не получится, они вернутся сами.\n\n"
        "/balance – ваши кредиты\n"
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
    only_words="Я рисую по словам. Опишите картинку в сообщении, например: <i>рыжая лиса на снегу</i>.",
    unknown_command="Такой команды я не знаю. Что я умею, покажет /help.",
    confirm=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "На балансе {balance}.\n\n"
        "Выберите формат и нажмите <b>Нарисовать</b>."
    ),
    confirm_again=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "<b>{model}</b> · {price}\n"
        "На балансе {balance}.\n\n"
        "Прошло некоторое время, поэтому спрошу ещё раз: рисовать?"
    ),
    button_generate="Нарисовать",
    button_cancel="Отмена",
    chosen="✓ {choice}",
    cancelled="<blockquote expandable>{prompt}</blockquote>\nОтменено, ничего не списано.",
    not_enough=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "Эта картинка стоит <b>{price}</b>, а на балансе <b>{balance}</b>: этого не хватает. Ничего не списано."
    ),
    withdrawn=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "Эта модель больше недоступна. Ничего не списано. Пришлите описание ещё раз, и я предложу другую."
    ),
    queued="<blockquote expandable>{prompt}</blockquote>\nВ очереди, сейчас начну…",
    drawing="<blockquote expandable>{prompt}</blockquote>\n<b>{model}</b> рисует…",
    checking=(
        "<blockquote expandable>{prompt}</blockquote>\n"
        "Сервис не дал ясного ответа, я слежу за картинкой. "
        "Если за {minutes} минут она не придёт, {price} вернутся сами."
    ),
    sending="<blockquote expandable>{prompt}</blockquote>\nГотово! Картинка уже в пути…",
    done="<blockquote expandable>{prompt}</blockquote>\nГотово, списано {price}. На балансе {balance}.",
    caption="<b>{model}</b> · {details}",
    failed="<blockquote expandable>{prompt}</blockquote>\n{reason}\n\n<b>Ничего не списано.</b> На балансе {balance}.",
    reasons={
        "user": "Модель не приняла это описание. Попробуйте сказать иначе.",
        "moderation": "Фильтр безопасности модели не пропустил это описание. Попробуйте другую идею.",
        "ours": "Сервис сейчас недоступен. Это наша вина, и мы уже разбираемся. Попробуйте позже.",
        "transient": "Сервис не смог закончить эту картинку. Попробуйте ещё раз через минуту.",
        "timeout": "Картинка заняла слишком много времени, и я перестал ждать. Попробуйте ещё раз.",
        "unknown": "Картинка не пришла вовремя, и я перестал ждать. Попробуйте ещё раз.",
        "undeliverable": "Картинка была готова, но Telegram её не принял. Попробуйте ещё раз.",
    },
    toast_old_button="Эта кнопка устарела. Пришлите описание, и начнём заново.",
    toast_not_yours="Здесь может нажимать только тот, кто просил эту картинку.",
    toast_already="Уже в работе.",
    toast_cancelled="Это отменено. Пришлите описание ещё раз.",
    toast_confirm_again="Прошло некоторое время. Нажмите «Нарисовать» ещё раз.",
    toast_busy="Минутку: предыдущая картинка ещё рисуется. Нажмите снова, когда она придёт.",
    toast_not_enough="Не хватает кредитов: нужно {price}, на балансе {balance}.",
)
