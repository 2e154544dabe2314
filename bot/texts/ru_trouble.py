"""What is said in Russian when something cannot be made now."""

from __future__ import annotations

from bot.texts.trouble import TroublePhrases

RU_TROUBLE = TroublePhrases(
    toast_paused="Я взял короткий перерыв, владелец бота уже знает. Ничего не списано. Нажмите ещё раз чуть позже.",
    toast_model_away="У этой модели сейчас неполадки. Ничего не списано. Попробуйте через пару минут или другую: /models",
    toast_undelivered=(
        "Последние результаты не дошли до вас, поэтому новые я пока не начинаю. "
        "Разрешите мне писать вам сюда и возвращайтесь завтра. Ничего не списано."
    ),
    models_away="У моделей для этого сейчас неполадки, ничего не списано. Попробуйте, пожалуйста, через пару минут.",
)
