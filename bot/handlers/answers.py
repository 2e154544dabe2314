"""What somebody's words or button say as an input: read by the input's own rule, no I/O."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from bot.catalogue import Choice, File, Flag, InputProblem, Integer, Media, Model, Number, Text, Value, check_one
from bot.codes import code, find
from bot.texts import Phrases, labels

LINE_BREAKS: Final = "\n\t"
NUMBER: Final = re.compile(r"[-+]?[0-9]{1,12}(?:[.,][0-9]{1,12})?")
YES, NO = "y", "n"


def written(phrases: Phrases, model: Model, name: str, text: str) -> Value:
    """Return what words say as this input; raise InputProblem."""
    rule, words = model.inputs[name], clean(text)
    match rule:
        case Text():
            return check_one(model, name, words)
        case Choice():
            named = {labels.choice(phrases, name, each).casefold(): each for each in rule.enum}
            same = {each.casefold(): each for each in rule.enum}
            said = words.casefold()
            return check_one(model, name, same.get(said) or named.get(said) or words)
        case Flag():
            said = words.casefold()
            if said not in {phrases.inputs.yes.casefold(), phrases.inputs.no.casefold()}:
                raise InputProblem(name, "wrong_type", limit="boolean")
            return said == phrases.inputs.yes.casefold()
        case Integer() | Number():
            return check_one(model, name, _number(name, rule, words))
        case Media():
            raise InputProblem(name, "wrong_type", limit=rule.media)


def pressed(model: Model, name: str, told: str) -> Value:
    """Return what a button says as this input; raise InputProblem for a button of other times."""
    rule = model.inputs.get(name)
    match rule:
        case Choice():
            return check_one(model, name, find(told, rule.enum))
        case Flag():
            return check_one(model, name, {YES: True, NO: False}.get(told))
        case Integer() | Number():
            return check_one(model, name, _number(name, rule, told))
        case _:
            raise InputProblem(name, "wrong_type")


def check_file(model: Model, name: str, file: File) -> None:
    """Raise InputProblem when an input of files does not take this one; alone it is never too few."""
    rule = model.media[name].model_copy(update={"min_count": 1})
    check_one(model.model_copy(update={"inputs": {name: rule}}), name, (file,))


def on_button(given: Value) -> str:
    """Return what a button carries for a value."""
    if isinstance(given, bool):
        return YES if given else NO
    return code(str(given))


def clean(text: str) -> str:
    """Return the words without what no provider, database or chat can carry: control characters, half characters."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(each for each in joined if each in LINE_BREAKS or unicodedata.category(each) != "Cc").strip()


def _number(name: str, rule: Integer | Number, words: str) -> int | Decimal:
    if not NUMBER.fullmatch(words):
        raise InputProblem(name, "wrong_type", limit=rule.type)
    number = Decimal(words.replace(",", "."))
    if isinstance(rule, Number):
        return number
    if number != number.to_integral_value():
        raise InputProblem(name, "wrong_type", limit=rule.type)
    return int(number)
