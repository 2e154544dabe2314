"""`vigil models`: what is sold, what one model takes and costs, whether the catalogue is right, and a quote."""

from __future__ import annotations

import argparse
import datetime as dt
import difflib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from anyio import to_thread

from bot import pricing
from bot.catalogue import CATEGORIES, Catalogue, CatalogueError, InputProblem, Model, Value, check, load
from bot.catalogue.document import price_line
from bot.catalogue.facts import known_models, wire_records
from bot.catalogue.lint import lint
from bot.catalogue.price import Unit, inputs_of
from bot.ledger import format_credits
from supervisor import settings
from supervisor.app.quotation import advice, complete, describe, parse, reason, told, typed
from supervisor.commands.terminal import say, say_json, table
from supervisor.errors import ConfigError, ExitCode, UsageError

MICRO: Final = 1_000_000
PER: Final[Mapping[Unit, str]] = {
    "second": "/s",
    "minute": "/min",
    "megapixel": "/MP",
    "1000_characters": "/1,000 chars",
}


def add_models_commands(verbs: Any) -> None:
    """Add the noun and its verbs to the command line."""
    actions = verbs.add_parser("models", help="the catalogue").add_subparsers(metavar="ACTION", required=True)
    leaves = {}
    for name, text, command in (
        ("list", "what is sold, by category, with prices in credits", _list),
        ("show", "one model: what it takes, what it costs, where the price comes from", _show),
        (
            "lint",
            "whether the catalogue is complete, right and priced with sense; exit 1 with one line a problem",
            _lint,
        ),
        ("price", "what a generation costs for these inputs", _price),
    ):
        leaf = leaves[name] = actions.add_parser(name, help=text, description=text)
        leaf.add_argument("--json", action="store_true", help="the documented fields as JSON")
        leaf.set_defaults(command=command)
    leaves["list"].add_argument("--category", choices=CATEGORIES, help="only this one")
    for name in ("show", "price"):
        leaves[name].add_argument("model", metavar="MODEL", help="its id, as in vigil models list")
    leaves["price"].add_argument(
        "inputs",
        metavar="KEY=VALUE",
        nargs="*",
        help="an input; files as 12s, 1024x768 or file, several with commas. What the price does not depend on may be "
        "left out",
    )


async def _list(arguments: argparse.Namespace) -> int:
    catalogue = await to_thread.run_sync(_catalogue)
    models = [model for model in catalogue if arguments.category in {None, model.category}]
    models.sort(key=lambda model: (CATEGORIES.index(model.category), pricing.offer(model).lowest, model.id))
    if arguments.json:
        say_json([_summary(model) for model in models])
        return ExitCode.OK
    rows = [("CATEGORY", "MODEL", "NAME", "CREDITS", "")]
    shown = None
    for model in models:
        mark = "unverified" if model.unverified else ""
        rows.append((model.category if model.category != shown else "", model.id, model.title.en, span(model), mark))
        shown = model.category
    say("\n".join(table(rows)))
    more = "" if arguments.category else f", {len(catalogue.excluded)} known and not sold (docs/models.md says why)"
    say(f"\n{len(models)} models{more}. Try: vigil models show MODEL")
    return ExitCode.OK


def span(model: Model) -> str:
    """Return what a model costs before its inputs are known: `0.8`, `16 to 72`, `6 to 12.5 /s`."""
    offer = pricing.offer(model)
    least, most = format_credits(offer.lowest), format_credits(offer.highest)
    unit = f" {PER[offer.unit]}" if offer.unit else ""
    return f"{least if least == most else f'{least} to {most}'}{unit}"


async def _show(arguments: argparse.Namespace) -> int:
    model = _model(await to_thread.run_sync(_catalogue), arguments.model)
    if arguments.json:
        say_json(_summary(model) | _details(model))
        return ExitCode.OK
    say("\n".join(table(_card(model))))
    say("\nInputs:")
    inputs = ((name, "required" if rule.required else "", describe(rule)) for name, rule in model.inputs.items())
    say("\n".join(f"  {line}" for line in table(inputs)))
    return ExitCode.OK


def _card(model: Model) -> Iterator[tuple[str, str]]:
    """Yield the lines about a model but for its inputs."""
    yield "model", model.id if model.wire_model == model.id else f"{model.id}, on the wire {model.wire_model}"
    yield "name", model.title.en if model.title.en == model.title.ru else f"{model.title.en} · {model.title.ru}"
    yield "does", f"{model.about.en} · {model.about.ru}"
    yield "kind", f"{model.kind}, category {model.category}, result {model.result}, family {model.family}"
    yield "credits", price_line(model)
    yield "at most", f"{format_credits(pricing.highest(model))} credits a generation"
    yield "price of", f"{model.snapshot.date}, {model.snapshot.source}"
    if model.fixed:
        yield "always", ", ".join(f"{name}={typed(value)}" for name, value in model.fixed.items())
    if model.unverified:
        yield "unverified", "there is no wire record to check the names of its inputs against"


async def _lint(arguments: argparse.Namespace) -> int:
    catalogue, found = await to_thread.run_sync(_linted)
    models, excluded = (len(catalogue.models), len(catalogue.excluded)) if catalogue else (0, 0)
    if arguments.json:
        say_json({"ok": not found, "models": models, "excluded": excluded, "problems": found})
    elif found:
        say("\n".join(found))
    else:
        say(f"The catalogue is right: {models} models on sale, {excluded} excluded with their reasons.")
    return ExitCode.FAILED if found else ExitCode.OK


def _linted() -> tuple[Catalogue | None, list[str]]:
    """Return the catalogue, if it can be read, and every problem with it."""
    free = settings.environment().get("FREE_MODELS", "").replace(",", " ").split()
    today = dt.datetime.now(dt.UTC).date()
    try:
        catalogue = load()
    except CatalogueError as error:
        return None, list(error.problems)
    return catalogue, lint(catalogue, known_models(), wire_records(), today=today, free=free)


async def _price(arguments: argparse.Namespace) -> int:
    model = _model(await to_thread.run_sync(_catalogue), arguments.model)
    inputs = _inputs(model, arguments.inputs)
    price, taken = pricing.price(model, inputs), pricing.provider_credits(model, inputs)
    provider, cost = _exact(taken), _exact(Decimal(pricing.cost(taken)) / MICRO)
    depends = {name: told(model, name, inputs[name]) for name in inputs_of(model.price)}
    if arguments.json:
        say_json(
            {
                "model": model.id,
                "milli_credits": price,
                "credits": format_credits(price),
                "provider_credits": provider,
                "cost_usd": cost,
                "inputs": depends,
            }
        )
        return ExitCode.OK
    said = ", ".join(f"{name}={value}" for name, value in depends.items())
    say(f"{format_credits(price)} credits{f' for {said}' if said else ', whatever the inputs'}")
    say(f"The provider takes {provider} credits, which cost ${cost}.")
    return ExitCode.OK


def _exact(amount: Decimal) -> str:
    """Return an amount with all its digits and no more."""
    return format(amount.normalize(), "f")


def _inputs(model: Model, given: list[str]) -> Mapping[str, Value]:
    """Return complete inputs; raise UsageError that names the field."""
    try:
        return check(model, complete(model, parse(model, given)))
    except InputProblem as problem:
        raise UsageError(f"pricing {model.id}: {reason(problem)}", hint=advice(model, problem)) from problem


def _catalogue() -> Catalogue:
    try:
        return load()
    except CatalogueError as error:
        first, *others = error.problems
        more = f", and {len(others)} more" if others else ""
        raise ConfigError(f"reading the catalogue: {first}{more}", hint="vigil models lint") from error


def _model(catalogue: Catalogue, name: str) -> Model:
    if (model := catalogue.get(name)) is not None:
        return model
    if (exclusion := catalogue.excluded.get(name)) is not None:
        hint = f"vigil models show {exclusion.instead}" if exclusion.instead else "vigil models list"
        raise UsageError(f"{name} is not sold: {exclusion.why}", hint=hint)
    near = difflib.get_close_matches(name, catalogue.models, n=1, cutoff=0.5)
    raise UsageError(
        f"there is no model {name!r}", hint=f"vigil models show {near[0]}" if near else "vigil models list"
    )


def _summary(model: Model) -> dict[str, Any]:
    offer = pricing.offer(model)
    return {
        "id": model.id,
        "title": model.title.model_dump(),
        "category": model.category,
        "kind": model.kind,
        "family": model.family,
        "result": model.result,
        "lowest_milli_credits": offer.lowest,
        "highest_milli_credits": offer.highest,
        "unit": offer.unit,
        "unverified": model.unverified,
    }


def _details(model: Model) -> dict[str, Any]:
    return {
        "about": model.about.model_dump(),
        "wire_model": model.wire_model,
        "inputs": {
            name: rule.model_dump(mode="json", exclude_none=True) | {"takes": describe(rule)}
            for name, rule in model.inputs.items()
        },
        "fixed": {name: typed(value) for name, value in model.fixed.items()},
        "price": model.price.model_dump(mode="json"),
        "most_milli_credits": pricing.highest(model),
        "snapshot": model.snapshot.model_dump(mode="json"),
        "capabilities": list(model.capabilities),
    }
