"""/help: how it works."""

from __future__ import annotations

from telegram import Update

from bot import turn
from bot.catalogue import Model, Text
from bot.handlers.speaker import Context, speaker


class Help:
    """Explains what `model`, the one for plain text, takes."""

    def __init__(self, model: Model) -> None:
        prompt = model.inputs["prompt"]
        self._limit = prompt.max_length if isinstance(prompt, Text) else 0

    async def help(self, update: Update, _context: Context) -> None:
        """Explain."""
        found = await speaker(update)
        if found is None:
            return
        support = turn.current().settings.support_telegram
        template = found.phrases.help + (found.phrases.help_support if support else "")
        await found.tell(template, limit=str(self._limit), support=support or "")
