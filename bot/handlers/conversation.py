"""What people send that is no command: an answer to what is asked, or the beginning of something.

asked ── words, a file ──▶ the answer, or what is wrong with it and the question again; a file that comes before the words
                           goes where the model wants one
a best price asked for ── words, a photo ──▶ the cheapest model's quote
nothing asked ── words ──▶ a picture of them
              ── a photo, with words under it or without ──▶ an edit
              ── another file ──▶ the menu
An album comes as several updates: its files go where the first one went, while there is room, and else nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from telegram import Message, Update

from bot.catalogue import Catalogue, Category, File, InputProblem, Media, Model, Text
from bot.handlers import automatic, bargain
from bot.handlers import dialog as dialogs
from bot.handlers.answers import check_file, clean, written
from bot.handlers.asking import Asking
from bot.handlers.attachment import attachment
from bot.handlers.automatic import Automatic
from bot.handlers.dialog import Dialog
from bot.handlers.menu import Menu
from bot.handlers.prompt import draw
from bot.handlers.speaker import Context, Speaker, speaker
from bot.routing import OF_A_PICTURE


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody sent; `album` names the one that the file belongs to."""

    file: File | None
    words: str
    album: str | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Takes every message that is for the bot."""

    asking: Asking
    menu: Menu
    automatic: Automatic

    async def message(self, update: Update, _context: Context) -> None:
        """Take it as an answer, or begin something with it."""
        who, message = await speaker(update), update.effective_message
        if who is None or message is None:
            return
        sent, dialog = _read(message), await dialogs.find(who.chat_id, who.user.id)
        model = self.asking.shelf.catalogue.get(dialog.model_id or "")
        if sent.album is not None and sent.album == dialog.album:
            if model is not None:
                await self._rest(who, model, dialog, sent)
        elif model is not None and dialog.asked in model.inputs:
            await self._answer(who, model, dialog, sent)
        elif (category := bargain.wanted(dialog)) is None:
            await self._begin(who, sent)
        elif _suffices(sent, category):
            await self._begin(who, sent, category)
        else:
            await bargain.ask(who, dialog, category, in_place=False)

    async def _answer(self, who: Speaker, model: Model, dialog: Dialog, sent: Sent) -> None:
        """Take what was asked, or say what is wrong with it."""
        asked = _place(model, dialog, sent)
        try:
            if isinstance(model.inputs[asked], Media):
                dialog = _with_file(model, dialog, asked, sent)
            else:
                # A file answers no question for words, whatever stands under it.
                said = "" if sent.file else sent.words
                given = written(who.phrases, model, asked, said)
                dialog = replace(dialog, inputs={**dialog.inputs, asked: given}, album=None)
        except InputProblem as problem:
            # Of an album that nobody asked for, one answer is enough; of one that was asked for, each file has its own.
            album = dialog.album if isinstance(model.inputs[asked], Media) else sent.album
            await self.asking.refuse(who, model, replace(dialog, album=album), problem)
            return
        await self._go_on(who, model, _with_words(who, model, dialog, sent), asked, in_place=False)

    async def _rest(self, who: Speaker, model: Model, dialog: Dialog, sent: Sent) -> None:
        """Add another file of an album, in silence when there is no room for it."""
        name = next((name for name, rule in model.media.items() if dialog.inputs.get(name) and rule.many), None)
        room = 0 if name is None else model.media[name].max_count - len(_files(dialog, name))
        if name is None or room < 1 or sent.file is None:
            return
        try:
            dialog = _with_file(model, dialog, name, sent)
        except InputProblem as problem:
            if dialog.asked == name:
                await self.asking.refuse(who, model, dialog, problem)
            return
        await self._go_on(who, model, _with_words(who, model, dialog, sent), name, in_place=True)

    async def _go_on(self, who: Speaker, model: Model, dialog: Dialog, name: str, *, in_place: bool) -> None:
        """Ask for more of the same files while they are wanted, else for what is next."""
        rule = model.inputs[name]
        if isinstance(rule, Media) and dialog.asked == name and len(_files(dialog, name)) < rule.max_count:
            await self.asking.ask(who, model, dialog, in_place=in_place)
            return
        await self.asking.advance(who, model, dialog, in_place=in_place)

    async def _begin(self, who: Speaker, sent: Sent, category: Category | None = None) -> None:
        """Begin something with what was sent; in a category, at the best price."""
        catalogue = (await self.asking.shelf.on_sale()).catalogue
        if sent.file is None:
            if sent.words:
                await self._draw(who, catalogue, sent.words, category)
            elif who.is_private:
                await who.tell(who.phrases.only_words)
            return
        photo = sent.file if sent.file.media == "image" else None
        request = automatic.request_for(clean(sent.words), photo, category)
        route = None if photo is None else self.automatic.route(catalogue, request)
        if route is None and photo is not None and self.automatic.is_away(catalogue, request):
            await who.tell(who.phrases.trouble.models_away)
            return
        model = None if photo is None else automatic.usual(catalogue, category, photo)
        model = model if route is None else route.model
        if model is None:
            await self.menu.open(who, who.phrases.cards.which_model)
            return
        name = next(name for name, rule in model.media.items() if rule.media == "image")
        dialog = Dialog(who.chat_id, who.user.id, model.id, asked=name)
        if route is not None:
            chosen = {key: value for key, value in route.inputs.items() if key in model.choices}
            dialog = replace(dialog, inputs=chosen, routed=route.told)
        try:
            dialog = _with_words(who, model, _with_file(model, dialog, name, sent), sent)
        except InputProblem as problem:
            await self.asking.refuse(who, model, dialog, problem)
            return
        await self.asking.advance(who, model, dialog, in_place=False)

    async def _draw(self, who: Speaker, catalogue: Catalogue, said: str, category: Category | None) -> None:
        """Answer words with a price of the model that suits them."""
        request = automatic.request_for(clean(said), category=category)
        route = self.automatic.route(catalogue, request)
        if route is None and self.automatic.is_away(catalogue, request):
            await who.tell(who.phrases.trouble.models_away)
            return
        model = automatic.usual(self.asking.shelf.catalogue, category) if route is None else route.model
        await draw(who, model or automatic.for_words(self.asking.shelf.catalogue), said, route)


def _read(message: Message) -> Sent:
    return Sent(attachment(message), message.text or message.caption or "", message.media_group_id)


def _suffices(sent: Sent, category: Category) -> bool:
    """Whether it says what to make in the category; the words to a photo may come after it."""
    if category in OF_A_PICTURE:
        return sent.file is not None and sent.file.media == "image"
    return sent.file is None and bool(sent.words)


def _files(dialog: Dialog, name: str) -> tuple[File, ...]:
    files = dialog.inputs.get(name, ())
    return files if isinstance(files, tuple) else ()


def _place(model: Model, dialog: Dialog, sent: Sent) -> str:
    """Return the input that this answers: what was asked, or for a file that comes before the words, the one it is for."""
    asked = dialog.asked or ""
    if sent.file is None or asked != model.words or dialog.generation_id is not None:
        return asked
    fits = [name for name, rule in model.media.items() if rule.required and rule.media == sent.file.media]
    return next((name for name in fits if len(_files(dialog, name)) < model.media[name].max_count), asked)


def _with_file(model: Model, dialog: Dialog, name: str, sent: Sent) -> Dialog:
    """Return the dialog with one file more; raise InputProblem when the input does not take it."""
    rule = model.media[name]
    if sent.file is None:
        raise InputProblem(name, "wrong_type", limit=rule.media)
    check_file(model, name, sent.file)
    files = (*_files(dialog, name), sent.file)
    if len(files) > rule.max_count:
        raise InputProblem(name, "too_many", found=len(files), limit=rule.max_count)
    return replace(dialog, inputs={**dialog.inputs, name: files}, album=sent.album)


def _with_words(who: Speaker, model: Model, dialog: Dialog, sent: Sent) -> Dialog:
    """Return the dialog with the words under a file, where the model takes words and has none; unfit ones are asked for."""
    name = model.words
    if sent.file is None or not sent.words or name is None or name in dialog.inputs:
        return dialog
    if not isinstance(model.inputs[name], Text):
        return dialog
    try:
        return replace(dialog, inputs={**dialog.inputs, name: written(who.phrases, model, name, sent.words)})
    except InputProblem:
        return dialog
