"""Step by step to a quote: required inputs in the model's order, one question at a time; nothing given is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.catalogue import InputProblem, Media, Model, Value
from bot.codes import MODEL_BYTES, code, find
from bot.handlers import dialog as dialogs
from bot.handlers import questions
from bot.handlers.answers import on_button, pressed
from bot.handlers.carried import carried
from bot.handlers.dialog import Dialog, View
from bot.handlers.problems import explain
from bot.handlers.proposal import propose
from bot.handlers.questions import Question, Row, Target
from bot.handlers.quote import Change
from bot.handlers.shelf import Shelf
from bot.handlers.speaker import Speaker
from bot.handlers.taps import Tap
from bot.links import Link, data
from bot.texts import Phrases

VALUE: Final = "v"
DONE: Final = "done"
STOP: Final = "stop"


@dataclass(frozen=True, slots=True)
class Buttons:
    """What the buttons of a question do on the way to a quote."""

    phrases: Phrases
    owner: int
    model: Model

    def value(self, name: str, given: Value) -> str:
        """Return the data of a button that gives this value."""
        return data(Link(self.owner, VALUE, (code(self.model.id, MODEL_BYTES), code(name), on_button(given))))

    def last(self, name: str, given: Value | None) -> Sequence[Row]:
        """Return Cancel, whatever is asked."""
        del name, given
        return [[(self.phrases.inputs.button_cancel, data(Link(self.owner, STOP)))]]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks for what is missing."""

    shelf: Shelf

    async def begin(self, tap: Tap) -> str | None:
        """Ask for the first input of the button's model; what was given to another one goes along where it fits."""
        model = (await self.shelf.on_sale()).find(tap.argument(0))
        if model is None:
            return tap.who.phrases.cards.toast_gone
        before = self.shelf.catalogue.get(tap.dialog.model_id or "")
        # Who has a quote of this very model, and begins it anew, wants something else.
        is_anew = before is None or (before.id == model.id and tap.dialog.generation_id is not None)
        inputs = {} if before is None or is_anew else carried(before, tap.dialog.inputs, model)
        dialog = replace(tap.dialog.nowhere(), model_id=model.id, inputs=inputs)
        await self.advance(tap.who, model, dialog, in_place=tap.is_here)
        return None

    async def value(self, tap: Tap) -> str | None:
        """Take the value of a button."""
        model, dialog = self.shelf.find(tap.argument(0)), tap.dialog
        name = None if model is None else find(tap.argument(1), model.inputs)
        if model is None or name is None or dialog.model_id != model.id or dialog.generation_id is not None:
            return tap.who.phrases.toast_old_button
        try:
            given = pressed(model, name, tap.argument(2))
        except InputProblem:
            return tap.who.phrases.toast_old_button
        inputs = {**dialog.inputs, name: given}
        await self.advance(tap.who, model, replace(dialog, inputs=inputs), in_place=tap.is_here)
        return None

    async def done(self, tap: Tap) -> str | None:
        """Go on: there are files enough."""
        model, dialog = self.shelf.find(tap.argument(0)), tap.dialog
        name = None if model is None else find(tap.argument(1), model.inputs)
        if model is None or dialog.model_id != model.id or dialog.asked is None or dialog.asked != name:
            return tap.who.phrases.toast_old_button
        await self.advance(tap.who, model, dialog, in_place=tap.is_here)
        return None

    async def advance(self, who: Speaker, model: Model, dialog: Dialog, *, in_place: bool) -> None:
        """Ask for the next missing input; when none is missing, show the price, or what is wrong after all."""
        missing = next((name for name in model.inputs if is_missing(model, name, dialog)), None)
        if missing is not None:
            await self.ask(who, model, replace(dialog, asked=missing), in_place=in_place)
            return
        try:
            await propose(who, model, dialog, in_place=in_place)
        except InputProblem as problem:
            if problem.field not in model.inputs:
                # Given to an older form of the model.
                inputs = {name: value for name, value in dialog.inputs.items() if name in model.inputs}
                await self.advance(who, model, replace(dialog, inputs=inputs), in_place=in_place)
                return
            await self.refuse(who, model, dialog, problem, in_place=in_place)

    async def refuse(
        self, who: Speaker, model: Model, dialog: Dialog, problem: InputProblem, *, in_place: bool = False
    ) -> None:
        """Say what is wrong with an input and ask for it again; the others stay."""
        note = explain(who.phrases, model, problem)
        await self.ask(who, model, replace(dialog, asked=problem.field), note, in_place=in_place)

    async def ask(self, who: Speaker, model: Model, dialog: Dialog, note: str = "", *, in_place: bool) -> None:
        """Ask for the dialog's input."""
        phrases, owner, name = who.phrases, who.user.id, dialog.asked or ""
        question = Question(model, name, dialog.inputs, note, in_group=not who.is_private)
        target: Target = Buttons(phrases, owner, model)
        if dialog.generation_id is not None:
            target = Change(phrases, model, dialog.generation_id)
        keyboard = [*_done(phrases, owner, question), *questions.keyboard(phrases, question, target)]
        await dialogs.show(dialog, View(questions.text(phrases, question), keyboard), in_place=in_place)


def _done(phrases: Phrases, owner: int, question: Question) -> Sequence[Row]:
    """Return Done, once there are files enough."""
    rule, given = question.rule, question.given.get(question.name)
    if not isinstance(rule, Media) or not isinstance(given, tuple) or not rule.min_count <= len(given):
        return []
    link = Link(owner, DONE, (code(question.model.id, MODEL_BYTES), code(question.name)))
    return [[(phrases.inputs.button_done, data(link))]] if given else []


def is_missing(model: Model, name: str, dialog: Dialog) -> bool:
    """Whether an input is required and not given; files until there are enough."""
    rule, given = model.inputs[name], dialog.inputs.get(name)
    if isinstance(rule, Media) and isinstance(given, tuple) and given:
        return len(given) < rule.min_count
    return rule.required and rule.default is None and given in {None, ()}
