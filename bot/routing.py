"""Which model makes what nobody chose a model for: pure, from the request, the catalogue, how models stand, and the time.

    picture and words ─▶ models that edit by words
    words ─────────────▶ models that draw ─┬─ best price, or few words that ask for nothing special ─▶ the cheapest
                                           ├─ lettering, resolution ─▶ the cheapest that is good at it
                                           └─ many words ────────────▶ the cheapest of the upper tier
    none of these healthy ─▶ the cheapest healthy one that can do it at all ─▶ nothing

Invariants: a model that was chosen is never changed; another one takes an order over only if it can make the same, and
for no more than was quoted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from bot import pricing
from bot.catalogue import Catalogue, Category, Choice, File, InputProblem, Media, Model, Text, Value, check
from bot.catalogue.entry import Capability, Kind
from bot.health import Standing, Standings
from bot.ledger import MILLI

Requested = Literal["words", "photo", "best_price"]
Reason = Literal["cheapest", "long", "lettering", "resolution", "references", "unhealthy", "fallback"]

SMALL: Final = 300
"""Characters; who writes more wants more."""
UPPER_TIER: Final = 2 * MILLI
"""Milli-credits that a model of the upper tier costs at least."""
DRAWING: Final[frozenset[Kind]] = frozenset({"text-to-image", "text-or-image-to-image"})
EDITING: Final[frozenset[Kind]] = frozenset({"image-edit"})
ALIKE: Final[Mapping[Category, frozenset[Kind]]] = {
    "image": DRAWING,
    "edit": EDITING,
    "video": frozenset({"text-to-video", "text-or-image-to-video"}),
    "animate": frozenset({"image-to-video"}),
}
"""The categories in which models make the same of the same, by which kinds: elsewhere the cheapest is another thing."""
OF_A_PICTURE: Final[frozenset[Category]] = frozenset({"edit", "animate"})
STRENGTH: Final = "strength"
"""The input of models that make another picture like the one given: that is no edit."""

DEMANDS: Final[Mapping[Capability, tuple[Reason, re.Pattern[str]]]] = {
    "lettering": (
        "lettering",
        re.compile(
            r"[\"“„«'‘][^\"”“»'’]{2,80}[\"”“»'’](?!\w)"
            r"|\b(?:text|lettering|caption|inscription|headline|typography|that says|saying|reads)\b"
            r"|\b(?:надпис|текст|подпис|заголов|слоган|шрифт|букв[аыо])",
            re.IGNORECASE,
        ),
    ),
    "high_resolution": (
        "resolution",
        re.compile(
            r"\b(?:[248]\s?[kк]|uhd|(?:high|ultra)[- ]?res(?:olution)?|for print(?:ing)?)\b"
            r"|\bвысок\w+ разрешени|\bдля печати\b",
            re.IGNORECASE,
        ),
    ),
}
"""What words may ask for, and how it is told."""
LARGE: Final = ("2K", "4K")
"""What models call their larger pictures."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants, who chose no model; without a category it is an edit of the pictures, or a picture."""

    words: str
    pictures: tuple[File, ...] = ()
    best_price: bool = False
    category: Category | None = None

    @property
    def requested(self) -> Requested:
        """How it was asked for, as it is counted."""
        if self.best_price:
            return "best_price"
        return "photo" if self.pictures else "words"

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of models that make such a thing."""
        return ALIKE[self.category or ("edit" if self.pictures else "image")]

    @property
    def demands(self) -> tuple[Capability, ...]:
        """What the words ask for beyond a picture."""
        return tuple(name for name, (_, pattern) in DEMANDS.items() if pattern.search(self.words))


@dataclass(frozen=True, slots=True)
class Route:
    """The model, with the inputs that say the request, its price for exactly these, and why this one."""

    model: Model
    inputs: Mapping[str, Value]
    price: int
    requested: Requested
    reason: Reason

    @property
    def told(self) -> str:
        """How the model was found, as rows keep it."""
        return f"{self.requested} {self.reason}"


def route(request: Request, catalogue: Catalogue, standings: Standings, now: float) -> Route | None:
    """Return the way of a request; None when no healthy model can do it."""
    able = sorted(_able(request, catalogue), key=lambda each: (each[2], each[0].id))
    wanted, reason = _preferred(request, able)
    best = next(iter(wanted or able), None)
    for model, inputs, price in (*wanted, *able):
        if standings.get(model.id, Standing()).is_healthy(now):
            said: Reason = reason if best is not None and model is best[0] else "unhealthy"
            return Route(model, inputs, price, request.requested, said)
    return None


def substitute(
    model: Model,
    inputs: Mapping[str, Value],
    price: int,
    *,
    catalogue: Catalogue,
    standings: Standings,
    now: float,
    tried: Collection[str] = (),
) -> Route | None:
    """Return the healthy model nearest in price that can make the same for no more; None when there is none."""
    words = str(inputs.get(model.words or "", ""))
    pictures = tuple(file for value in inputs.values() if isinstance(value, tuple) for file in value)
    request = Request(words, pictures)
    found: list[Route] = []
    for other in catalogue:
        if other.id in {model.id, *tried} or not _is_like(other, model) or not _meets(other, request):
            continue
        if not standings.get(other.id, Standing()).is_healthy(now):
            continue
        given = translated(model, inputs, other)
        if given is None or any(rule.is_measured for name, rule in other.media.items() if name in given):
            # The files may be with the provider already, and were measured for the limits of the first model only.
            continue
        if 0 < (cost := pricing.price(other, given)) <= price:
            found.append(Route(other, given, cost, request.requested, "fallback"))
    return min(found, key=lambda each: (-each.price, each.model.id), default=None)


def translated(model: Model, inputs: Mapping[str, Value], other: Model) -> dict[str, Value] | None:
    """Return the same wish in another model's inputs; None when it cannot be said there."""
    given: dict[str, Value] = {}
    for name, value in inputs.items():
        target = _target(model, name, other)
        if target is not None:
            given[target] = value
        elif value != model.inputs[name].default:
            return None
    try:
        return check(other, given)
    except InputProblem:
        return None


def _target(model: Model, name: str, other: Model) -> str | None:
    """Return the input of the other model that means the same; words and a lone kind of file go by what they are."""
    rule = model.inputs[name]
    if name == model.words:
        return other.words
    if isinstance(rule, Media):
        theirs = [key for key, each in other.media.items() if each.media == rule.media]
        ours = [key for key, each in model.media.items() if each.media == rule.media]
        return theirs[0] if len(ours) == len(theirs) == 1 else (name if name in theirs else None)
    return name if type(other.inputs.get(name)) is type(rule) else None


def _is_like(other: Model, model: Model) -> bool:
    kinds = DRAWING if model.kind in DRAWING else {model.kind}
    return other.kind in kinds and (STRENGTH in other.inputs) == (STRENGTH in model.inputs)


def _meets(model: Model, request: Request) -> bool:
    return request.best_price or set(request.demands) <= set(model.capabilities)


Candidate = tuple[Model, Mapping[str, Value], int]


def _able(request: Request, catalogue: Catalogue) -> Iterator[Candidate]:
    """Yield the models that need nothing but what the request has, with the price of that."""
    for model in catalogue:
        given = _given(model, request)
        if model.kind not in request.kinds or STRENGTH in model.inputs or given is None:
            continue
        try:
            inputs = check(model, given)
        except InputProblem:
            continue
        price = pricing.price(model, inputs)
        yield model, given if request.words else {name: given[name] for name in given if name != model.words}, price


def _given(model: Model, request: Request) -> dict[str, Value] | None:
    words = model.words
    if words is None:
        return None
    # A photo may come before its words: they are asked for then, and no price here depends on them.
    rule = model.inputs[words]
    least = rule.min_length if isinstance(rule, Text) else 1
    given: dict[str, Value] = {words: request.words or "x" * max(1, least)}
    if request.pictures:
        name = next((key for key, each in model.media.items() if each.media == "image" and each.required), None)
        if name is None:
            return None
        given[name] = request.pictures
    if "high_resolution" in request.demands and not request.best_price:
        given |= _large(model)
    return given


def _large(model: Model) -> dict[str, Value]:
    """Return the choice that makes the picture larger, the least of them."""
    for name, rule in model.inputs.items():
        if isinstance(rule, Choice):
            for size in LARGE:
                if size in rule.enum and rule.default != size:
                    return {name: size}
    return {}


def _preferred(request: Request, able: Iterable[Candidate]) -> tuple[list[Candidate], Reason]:
    """Return those that suit the request best, and why."""
    if request.best_price:
        return [*able], "cheapest"
    suited = [each for each in able if _meets(each[0], request)]
    if request.demands:
        return suited, DEMANDS[request.demands[0]][0]
    if request.pictures:
        return suited, "references"
    if len(request.words) > SMALL:
        return [each for each in suited if each[2] >= UPPER_TIER], "long"
    return suited, "cheapest"
