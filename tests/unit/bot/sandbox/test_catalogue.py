"""The bot's catalogue against the sandbox's wires, which know nothing of each other: every order would be taken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
import pytest

from bot import pricing
from bot.catalogue import Choice, File, Flag, Integer, Media, Model, Number, Text, check, load
from bot.catalogue.inputs import InputProblem
from bot.generation import wire
from bot.providers import kie
from bot.sandbox.models import MODELS, problem
from bot.sandbox.provider import ordered

CATALOGUE: Final = load().models
EVERY: Final = pytest.mark.parametrize("model", CATALOGUE.values(), ids=list(CATALOGUE))
SECONDS: Final = 7
ADDRESS: Final = "http://127.0.0.1/file"


def _values(rule: object) -> list[Any]:
    """Return values of an input, the extreme ones and each choice."""
    match rule:
        case Choice():
            return list(rule.enum)
        case Flag():
            return [False, True]
        case Integer() | Number():
            return [rule.min, rule.max]
        case Text():
            return ["x" * rule.max_length, "x" * max(rule.min_length, 1)]
        case Media():
            file = File("f", rule.media, 1000, None, SECONDS, 1024, 1024)
            most = rule.max_count if rule.many else 1
            return [
                tuple(File(f"f{number}", file.media, 1000, None, SECONDS, 1024, 1024) for number in range(most)),
                (file,),
            ]
        case _:
            raise AssertionError(f"an input of a new kind: {rule!r}")


def _inputs(model: Model) -> Iterator[Mapping[str, Any]]:
    """Yield the inputs where each takes each of its values, while the others stay what they usually are."""
    usual = {
        name: (rule.default if getattr(rule, "default", None) is not None else _values(rule)[-1])
        for name, rule in model.inputs.items()
        if rule.required or isinstance(rule, Media)
    }
    for name, rule in model.inputs.items():
        for value in _values(rule):
            try:
                yield check(model, usual | {name: value})
            except InputProblem as found:
                if found.reason != "not_sold":
                    raise


async def _body(model: Model, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an order of the model looks like on the wire."""
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(200, json={"code": 200, "data": {"taskId": "t"}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://127.0.0.1") as http:
        uploads = {file.file_id: ADDRESS for _, file in wire.files(inputs)}
        await kie.families(http)[model.family].create(wire.order(model, inputs, uploads, None))
    return sent[0]


@EVERY
async def test_every_choice_of_every_model_makes_an_order_that_the_wire_takes(model: Model) -> None:
    """Known model, no unknown field, nothing missing, every value of the wire's kind."""
    for inputs in _inputs(model):
        model_id, given = ordered(model.family, await _body(model, inputs))
        assert problem(model.family, model_id, given) == "", given


@EVERY
async def test_our_price_covers_what_the_price_lists_say(model: Model) -> None:
    """Flat, by choices, by the second: two readings of the same price lists agree. Letters and pixels are not compared."""
    for inputs in _inputs(model):
        model_id, given = ordered(model.family, await _body(model, inputs))
        known = MODELS[model.family, str(model_id)]
        if known.prices and known.unit in ("", "s"):
            assert float(pricing.provider_credits(model, inputs)) == pytest.approx(known.price(given, SECONDS)), given
