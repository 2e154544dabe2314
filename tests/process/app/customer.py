"""A user who orders from a running bot as people do: by its menu, its cards, its questions and its buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from bot import texts
from bot.catalogue import Media, Model
from bot.sandbox.client import Client
from bot.texts import Phrases, labels

Message = dict[str, Any]
Seen = Callable[[Message], bool]
PATIENCE: Final = 90.0
"""Seconds for any answer: all customers share the pace that Telegram and the provider allow."""
KINDS: Final = {"image": "photo", "video": "video", "audio": "audio", "text": "text"}
"""As what each result is shown in the chat."""
WORDS: Final = "a red fox in snow"


@dataclass
class Customer:
    """One person in a chat of their own; `files` are what they send when a medium is asked for."""

    client: Client
    chat: int
    language: str
    files: Mapping[str, tuple[str, bytes]]
    messages: dict[int, Message] = field(default_factory=dict)
    mark: int = 0

    @property
    def phrases(self) -> Phrases:
        """What the bot says in this person's language."""
        return texts.of("ru" if self.language == "ru" else "en")

    async def order(self, model: Model, **changes: str) -> tuple[str, list[Message]]:
        """Order one: /models, its category, its card, what it needs, `changes` by how their labels begin, Generate.

        Returns the text of the quote that was confirmed and the messages that brought the results.
        """
        phrases = self.phrases
        await self.write("/models")
        await self.press_what_begins(f"{phrases.cards.categories[model.category]} · ")
        await self.turn_to(f"{labels.title(phrases, model)} · ")
        await self.press(phrases.cards.button_create)
        for name, rule in model.inputs.items():
            if rule.required and rule.default is None:
                await self.answer(labels.field(phrases, name), rule if isinstance(rule, Media) else None)
        quote = await self.see(_offers(phrases.button_generate), "a price")
        for setting, value in changes.items():
            await self.press_what_begins(f"{labels.field(phrases, setting)}: ")
            await self.press_what_begins(value)
            quote = await self.see(_offers(phrases.button_generate), "a price")
        await self.press(phrases.button_generate)
        done = phrases.done.partition("{price}")[0].rpartition("\n")[2]
        end = await self.see(lambda message: done in message["text"], "the end")
        brought = [m for m in self.messages.values() if m["message_id"] > quote["message_id"] and m["from_bot"]]
        return quote["text"], [m for m in brought if m["message_id"] != end["message_id"]]

    async def answer(self, asked: str, rule: Media | None) -> None:
        """Give what is asked for: words, or a file of the right medium and Done where there could be more."""
        question = await self.see(_asks(asked), f"to be asked for {asked}")
        if rule is None:
            await self.write(WORDS)
            return
        self.mark = question["revision"]
        await self.client.attach([self.files[rule.media]], self.chat, language=self.language)
        if rule.max_count > 1:
            await self.press(self.phrases.inputs.button_done)

    async def write(self, text: str) -> None:
        """Write; what the bot said before is no answer to it."""
        self.mark = max((m["revision"] for m in self.messages.values()), default=0)
        await self.client.write(text, self.chat, language=self.language)

    async def turn_to(self, beginning: str) -> None:
        """Turn the pages of a category until the button is there, and press it."""
        while True:
            page = await self.see(_offers(self.phrases.cards.button_back), "a page of models")
            if any(label.startswith(beginning) for label in page["buttons"]):
                await self.press_what_begins(beginning)
                return
            assert self.phrases.cards.button_later in page["buttons"], f"no page has {beginning!r}"
            await self.press(self.phrases.cards.button_later)

    async def press_what_begins(self, beginning: str) -> None:
        """Press the button whose label begins so."""
        message = await self.see(lambda m: any(each.startswith(beginning) for each in m["buttons"]), beginning)
        await self.press(next(each for each in message["buttons"] if each.startswith(beginning)))

    async def press(self, label: str) -> None:
        """Press the button with this label, once it is there."""
        message = await self.see(lambda m: _offers(label)(m) or _offers(f"✓ {label}")(m), f"the button {label}")
        self.mark = message["revision"]
        await self.client.press(label, self.chat)

    async def see(self, condition: Seen, what: str) -> Message:
        """Return the newest message of the bot since the last deed that fulfils the condition, once there is one."""
        heard = -1
        with anyio.move_on_after(PATIENCE):
            while True:
                seen = await self.client.chat(self.chat, heard=heard, wait=PATIENCE)
                heard = seen["heard"]
                self.messages = {message["message_id"]: message for message in seen["messages"]}
                fresh = [m for m in self.messages.values() if m["from_bot"] and m["revision"] > self.mark]
                found = next((m for m in reversed(fresh) if condition(m)), None)
                if found is not None:
                    return found
        said = [message["text"] for message in self.messages.values()][-3:]
        raise AssertionError(f"chat {self.chat} did not see {what}; it saw {said}")


def _offers(label: str) -> Seen:
    return lambda message: label in message["buttons"]


def _asks(asked: str) -> Seen:
    """Tell a question for this input by its heading: a line of its own."""
    return lambda message: asked in message["text"].splitlines()
