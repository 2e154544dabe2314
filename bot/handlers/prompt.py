"""Plain words: they become a quote of the model that draws them, or are told why not."""

from __future__ import annotations

from dataclasses import replace

from bot.catalogue import InputProblem, Model
from bot.handlers.answers import clean
from bot.handlers.dialog import Dialog
from bot.handlers.proposal import propose
from bot.handlers.speaker import Speaker
from bot.routing import Route


async def draw(who: Speaker, model: Model, words: str, route: Route | None = None) -> None:
    """Answer words with a price, or with what is wrong with them; `route` says how the model was found."""
    wanted = Dialog(who.chat_id, who.user.id, inputs={model.words or "prompt": clean(words)})
    if route is not None:
        wanted = replace(wanted, inputs=route.inputs, routed=route.told)
    try:
        await propose(who, model, wanted, in_place=False)
    except InputProblem as problem:
        await _refuse(who, problem)


async def _refuse(who: Speaker, problem: InputProblem) -> None:
    phrases = who.phrases
    match problem.reason:
        case "missing" | "too_short":
            await who.tell(phrases.prompt_missing)
        case "too_long":
            await who.tell(phrases.prompt_too_long, found=str(problem.found), limit=str(problem.limit))
        case _:
            await who.tell(phrases.input_refused, field=problem.field)
