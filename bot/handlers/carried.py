"""What goes along to another model: the words and the files that it takes as well; pure.

Words go where words of the same name are wanted: a text to be spoken is no description. Files go where the same kind of
file is needed, or where the input has the same name, while there is room. Settings stay: each model has its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.catalogue import File, InputProblem, Model, Value, check_one
from bot.handlers.answers import check_file


def carried(model: Model, inputs: Mapping[str, Value], other: Model) -> dict[str, Value]:
    """Return what of one model's inputs another one takes."""
    found: dict[str, Value] = {}
    words = model.words
    if words is not None and words == other.words and words in inputs and _is_taken(other, words, inputs[words]):
        found[words] = inputs[words]
    for name in model.media:
        files = inputs.get(name, ())
        for file in files if isinstance(files, tuple) else ():
            place = _place(other, name, file, found)
            if place is not None:
                found[place] = (*_files(found, place), file)
    return found


def _place(other: Model, name: str, file: File, found: Mapping[str, Value]) -> str | None:
    """Return the other model's input that the file goes into; None when there is none."""
    places = sorted(other.media, key=lambda each: each != name)
    for place in places:
        rule = other.media[place]
        if (rule.required or place == name) and len(_files(found, place)) < rule.max_count:
            try:
                check_file(other, place, file)
            except InputProblem:
                continue
            return place
    return None


def _files(found: Mapping[str, Value], name: str) -> tuple[File, ...]:
    files = found.get(name, ())
    return files if isinstance(files, tuple) else ()


def _is_taken(other: Model, name: str, value: Value) -> bool:
    try:
        check_one(other, name, value)
    except InputProblem:
        return False
    return True
