"""How long prices take: quoting, and reading the catalogue at the start.

    python -m bench.quotes [--json] [--quick] [--rounds N]

quotes      every model in turn, with the inputs of an ordinary order: `price` alone, and after `check`, as a chat quotes
load        the shipped catalogue from its files: read, checked, every price proved to be there. Beside it, only reading
            the same files with PyYAML's own reader instead of libyaml's
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from itertools import cycle, islice

import anyio
import yaml

from bench.rounds import Case, Figures, alternate, arguments, machine, report
from bot import pricing
from bot.catalogue import Catalogue, File, Media, Model, Text, Value, check, load

ROUNDS = 9
QUOTES, QUICK_QUOTES = 20_000, 1_000
LOADS, QUICK_LOADS = 5, 1
BARS = {"quotes": "1,000 in ≤ 50 ms", "load": "≤ 200 ms"}

Order = tuple[Model, dict[str, object], Mapping[str, Value]]


def orders(catalogue: Catalogue) -> list[Order]:
    """Return an ordinary order of each model: as it is given, and as `check` completes it."""
    made: list[Order] = []
    for model in catalogue:
        given: dict[str, object] = {}
        for name, rule in model.inputs.items():
            if rule.required and isinstance(rule, Text):
                given[name] = "a red fox in the snow at dusk, painted with a broad brush"
            elif rule.required and isinstance(rule, Media):
                given[name] = (File("file", rule.media, 90_000, None, 7, 1280, 960),)
        made.append((model, given, check(model, given)))
    return made


async def price(made: Sequence[Order], quotes: int) -> Figures:
    """Return how fast prices are computed."""
    began = time.perf_counter()
    for model, _, inputs in islice(cycle(made), quotes):
        pricing.price(model, inputs)
    return _figures(quotes, time.perf_counter() - began)


async def quote(made: Sequence[Order], quotes: int) -> Figures:
    """Return how fast inputs are checked and priced."""
    began = time.perf_counter()
    for model, given, _ in islice(cycle(made), quotes):
        pricing.price(model, check(model, given))
    return _figures(quotes, time.perf_counter() - began)


def _figures(quotes: int, seconds: float) -> Figures:
    return Figures(quotes / seconds, more={"1,000, ms": seconds / quotes * 1e6})


async def read(loads: int) -> Figures:
    """Return how fast the whole catalogue is loaded."""
    return _loads(loads, load)


async def read_slowly(loads: int) -> Figures:
    """Return how fast PyYAML alone reads the same files, without a look at what they say."""
    texts = [each.read_text("utf-8") for each in files("bot.catalogue").iterdir() if each.name.endswith(".yaml")]

    def parse() -> None:
        for text in texts:
            yaml.load(text, Loader=yaml.SafeLoader)

    return _loads(loads, parse)


def _loads(loads: int, once: Callable[[], object]) -> Figures:
    began = time.perf_counter()
    for _ in range(loads):
        once()
    seconds = (time.perf_counter() - began) / loads
    return Figures(1 / seconds, more={"each, ms": seconds * 1e3})


async def main() -> None:
    """Run both cases and print the table."""
    asked = arguments(__doc__ or "", ROUNDS)
    catalogue = load()
    made = orders(catalogue)
    quotes, loads = (QUICK_QUOTES, QUICK_LOADS) if asked.quick else (QUOTES, LOADS)
    quoting: dict[str, Callable[[], Awaitable[Figures]]] = {
        "price": partial(price, made, quotes),
        "check and price": partial(quote, made, quotes),
    }
    loading: dict[str, Callable[[], Awaitable[Figures]]] = {
        "ours": partial(read, loads),
        "PyYAML, reading alone": partial(read_slowly, loads),
    }
    bar = BARS["quotes"]
    cases = [
        Case("quotes", "quotes/s", "", await alternate(quoting, asked.rounds), {"price": bar, "check and price": bar}),
        Case("load", "loads/s", "", await alternate(loading, asked.rounds), {"ours": BARS["load"]}),
    ]
    report(cases, machine(models=len(catalogue)), as_json=asked.json)


if __name__ == "__main__":
    anyio.run(main)
