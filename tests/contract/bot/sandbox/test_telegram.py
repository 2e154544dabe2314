"""python-telegram-bot 22, unmodified, against the sandbox's Bot API."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable

import anyio
import pytest
from PIL import Image
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.request import HTTPXRequest

from bot import delivery
from bot.sandbox.client import Client
from bot.sandbox.testing import api, until

KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Generate", callback_data="go")]])


def _is_polling(sandbox: Client) -> Callable[[], Awaitable[bool]]:
    async def is_polling() -> bool:
        return bool((await sandbox.get("/sandbox/state"))["bot"]["polling"])

    return is_polling


def png(width: int = 640, height: int = 400) -> bytes:
    """Return a picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


async def test_get_me_names_the_bot_of_the_token(bot: Bot) -> None:
    """The id is the token's digits."""
    assert (bot.id, bot.bot.is_bot) == (7000000001, True)
    assert bot.username == "vigil_sandbox_bot"


async def test_a_token_of_another_form_is_unauthorized(sandbox: Client) -> None:
    """Telegram's own 401, which python-telegram-bot knows as InvalidToken."""
    answer = await api(sandbox, "getMe", token="nonsense")
    assert answer.status_code == 401
    assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    async with HTTPXRequest(httpx_kwargs={"trust_env": False}) as request:
        with pytest.raises(InvalidToken):
            await Bot("nonsense:x", base_url=f"{sandbox.address}/bot", request=request).get_me()


async def test_an_unknown_method_is_not_found_and_names_are_taken_in_any_case(sandbox: Client) -> None:
    """As api.telegram.org does."""
    assert (await api(sandbox, "inventMe")).status_code == 404
    assert (await api(sandbox, "GETME")).json()["ok"]


async def test_parameters_come_by_query_form_and_json(sandbox: Client) -> None:
    """GET with a query and POST with a form mean the same as JSON."""
    await sandbox.write("/start", 1001)
    url = f"{sandbox.address}/bot7000000001:x/sendMessage"
    by_query = await sandbox.http.get(url, params={"chat_id": 1001, "text": "query"})
    by_form = await sandbox.http.post(url, data={"chat_id": "1001", "text": "form"})
    assert [a.json()["result"]["text"] for a in (by_query, by_form)] == ["query", "form"]


async def test_a_person_who_never_wrote_is_not_found(bot: Bot) -> None:
    """A bot cannot begin a conversation."""
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(1001, "hello")


async def test_a_text_arrives_with_its_formatting_and_keyboard(bot: Bot, sandbox: Client) -> None:
    """HTML becomes entities; the person sees the labels."""
    await sandbox.write("/start", 1001)
    sent = await bot.send_message(1001, "<b>Red</b> &lt;fox&gt;", parse_mode="HTML", reply_markup=KEYBOARD)
    assert sent.text == "Red <fox>"
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [("bold", 0, 3)]
    seen = (await sandbox.chat(1001))["messages"][-1]
    assert (seen["kind"], seen["text"], seen["buttons"]) == ("text", "Red <fox>", ["Generate"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "Message text is empty"),
        ("<b></b>", "Message text is empty"),
        ("x" * 4097, "Message is too long"),
        ("<b>open", "Can't parse entities: can't find end tag corresponding to start tag"),
    ],
)
async def test_a_text_telegram_would_refuse_is_refused_in_its_words(
    bot: Bot, sandbox: Client, text: str, error: str
) -> None:
    """Empty, too long, badly marked up."""
    await sandbox.write("hi", 1001)
    with pytest.raises(BadRequest) as caught:
        await bot.send_message(1001, text, parse_mode="HTML")
    assert error.lower() in caught.value.message.lower()


async def test_an_edit_replaces_text_and_keyboard_and_the_same_again_is_not_modified(bot: Bot, sandbox: Client) -> None:
    """The keyboard goes when the edit brings none."""
    await sandbox.write("hi", 1001)
    sent = await bot.send_message(1001, "working", reply_markup=KEYBOARD)
    edited = await bot.edit_message_text("done", 1001, sent.message_id)
    assert not isinstance(edited, bool)
    assert (edited.text, edited.reply_markup, edited.edit_date is not None) == ("done", None, True)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("done", 1001, sent.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("done", 1001, 4711)
    with pytest.raises(BadRequest, match="no caption in the message"):
        await bot.edit_message_caption(1001, sent.message_id, caption="x")
    await bot.edit_message_reply_markup(1001, sent.message_id, reply_markup=KEYBOARD)
    assert (await sandbox.chat(1001))["messages"][-1]["buttons"] == ["Generate"]


async def test_a_persons_message_can_be_deleted_but_not_edited(bot: Bot, sandbox: Client) -> None:
    """As in a private chat."""
    written = await sandbox.write("hi", 1001)
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("no", 1001, written["message_id"])
    assert await bot.delete_message(1001, written["message_id"])
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(1001, written["message_id"])
    assert (await sandbox.chat(1001))["messages"][-1]["deleted"]


async def test_a_press_is_answered_with_a_toast(bot: Bot, sandbox: Client) -> None:
    """The answer reaches the person; an unknown query is too old."""
    await sandbox.write("hi", 1001)
    await bot.send_message(1001, "ready?", reply_markup=KEYBOARD)
    await sandbox.press("generate", 1001)
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("go", 1001)
    assert await bot.answer_callback_query(query.id, "On it", show_alert=True)
    answers = (await sandbox.chat(1001))["answers"]
    assert [(a["text"], a["alert"]) for a in answers] == [("On it", True)]
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("12345", "late")


async def test_an_uploaded_photo_is_measured_and_can_be_sent_again_by_its_file_id(bot: Bot, sandbox: Client) -> None:
    """The sizes are the picture's own; the bytes come back unchanged."""
    await sandbox.write("hi", 1001)
    picture = png()
    sent = await bot.send_photo(1001, picture, caption="<i>a fox</i>", parse_mode="HTML")
    assert [(p.width, p.height) for p in sent.photo] == [(90, 56), (320, 200), (640, 400)]
    assert sent.caption == "a fox"
    assert sent.photo[-1].file_size == len(picture)
    again = await bot.send_photo(1001, sent.photo[-1].file_id)
    assert again.photo[-1].file_unique_id == sent.photo[-1].file_unique_id
    seen = (await sandbox.chat(1001))["messages"][-1]
    assert seen["kind"] == "photo"
    assert (await sandbox.http.get(sandbox.address + seen["file_url"])).content == picture
    assert await anyio.Path(seen["file"]).read_bytes() == picture


@pytest.mark.parametrize(
    ("photo", "error"),
    [
        (b"no picture at all", "Image_process_failed"),
        (png(2100, 100), "Photo_invalid_dimensions"),
        ("AgACunknown", "Wrong file identifier/http url specified"),
        ("http://example.com/fox.png", "Failed to get http url content"),
    ],
)
async def test_what_is_no_photo_is_refused(bot: Bot, sandbox: Client, photo: bytes | str, error: str) -> None:
    """The picture is really decoded, and nothing outside this machine is fetched."""
    await sandbox.write("hi", 1001)
    with pytest.raises(BadRequest) as caught:
        await bot.send_photo(1001, photo)
    assert error.lower() in caught.value.message.lower()


async def test_a_document_keeps_its_name(bot: Bot, sandbox: Client) -> None:
    """Any file, served as an attachment."""
    await sandbox.write("hi", 1001)
    sent = await bot.send_document(1001, b"%PDF-1.7 not really", filename="заметки.pdf")
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("заметки.pdf", 19)
    seen = (await sandbox.chat(1001))["messages"][-1]
    answer = await sandbox.http.get(sandbox.address + seen["file_url"])
    assert answer.headers["content-disposition"].startswith("attachment")


async def test_commands_are_kept_by_language(bot: Bot, sandbox: Client) -> None:
    """A Russian sees the Russian menu, everyone else the default one."""
    await bot.set_my_commands([BotCommand("start", "Begin")])
    await bot.set_my_commands([BotCommand("start", "Начать")], language_code="ru")
    assert [c.description for c in await bot.get_my_commands(language_code="ru")] == ["Начать"]
    menus = [(await sandbox.get("/sandbox/state", chat=chat))["commands"] for chat in (1001, 1002)]
    assert [menu[0]["description"] for menu in menus] == ["Begin", "Начать"]


async def test_a_chat_action_is_seen_until_the_next_message(bot: Bot, sandbox: Client) -> None:
    """The person sees what the bot is doing."""
    await sandbox.write("hi", 1001)
    assert await bot.send_chat_action(1001, "upload_photo")
    assert (await sandbox.chat(1001))["action"] == "upload_photo"
    await bot.send_message(1001, "here")
    assert (await sandbox.chat(1001))["action"] is None


async def test_faults_of_sends_reach_python_telegram_bot_as_its_own_errors(bot: Bot, sandbox: Client) -> None:
    """5xx, flood control, a blocked bot; with a count they end by themselves, and reads are left alone."""
    await sandbox.write("hi", 1001)
    await sandbox.set_faults(telegram_http="502*1", telegram_retry_after="7*1", telegram_blocked="on*1")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(1001, "one")
    await bot.get_me()
    with pytest.raises(RetryAfter) as flood:
        await bot.send_message(1001, "two")
    assert "Retry in 7" in str(flood.value) or "0:00:07" in str(flood.value)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(1001, "three")
    assert (await bot.send_message(1001, "four")).text == "four"


async def test_limits_are_telegrams_own_and_refused_calls_do_not_count(bot: Bot, sandbox: Client) -> None:
    """One a second in a chat, twenty a minute in a group, so many of the bot; answers to buttons are free."""
    await sandbox.write("hi", 1001)
    await sandbox.write("hi", 1002)
    await sandbox.set_faults(telegram_limits="on")
    await bot.send_message(1001, "one")
    for _ in range(2):
        with pytest.raises(RetryAfter) as flood:
            await bot.send_message(1001, "two")
        assert delivery.wait_asked(flood.value) == 1
    await bot.send_chat_action(1001, "typing")
    await bot.send_message(1002, "one")
    await sandbox.set_faults(telegram_limits="9/1,2/60,100/1")
    for text in ("one", "two"):
        assert (await bot.send_message(-77, text)).chat.type == "group"
    with pytest.raises(RetryAfter) as flood:
        await bot.send_message(-77, "three")
    assert 55 < delivery.wait_asked(flood.value) <= 60
    await sandbox.set_faults(telegram_limits="9/1,9/60,1/60")
    await bot.send_message(1001, "three")
    with pytest.raises(RetryAfter):
        await bot.send_message(1002, "two")


@pytest.mark.parametrize(
    ("value", "said"),
    [("on", "blocked by the user"), ("deactivated", "deactivated"), ("kicked", "kicked from the group")],
)
async def test_whoever_takes_nothing_any_more_says_why(bot: Bot, sandbox: Client, value: str, said: str) -> None:
    """And only the chats that are named."""
    await sandbox.write("hi", 1001)
    await sandbox.set_faults(telegram_blocked=value, telegram_chats="-5,1001")
    for chat in (-5, 1001):
        with pytest.raises(Forbidden, match=said):
            await bot.send_message(chat, "one")
    assert (await bot.send_message(-6, "one")).text == "one"


async def test_a_group_that_moved_names_its_new_id(bot: Bot, sandbox: Client) -> None:
    """A group by its old id only; the new one is a supergroup."""
    await sandbox.set_faults(telegram_migrated="-5>-1005")
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(-5, "one")
    assert moved.value.new_chat_id == -1005
    assert (await bot.send_message(-1005, "one")).chat.type == "supergroup"


async def test_a_lost_reply_is_a_send_that_happened(bot: Bot, sandbox: Client) -> None:
    """The ambiguity that no client can remove: done, but told as failed; here for one method only."""
    await sandbox.write("hi", 1001)
    await sandbox.set_faults(telegram_lose_reply="504*1", telegram_only="sendMessage")
    await bot.send_chat_action(1001, "typing")
    with pytest.raises(NetworkError):
        await bot.send_message(1001, "once")
    assert [m["text"] for m in (await sandbox.chat(1001))["messages"]][-1] == "once"
    assert [call["status"] for call in await sandbox.calls("sendMessage")] == [504]


async def test_get_updates_confirms_by_offset(bot: Bot, sandbox: Client) -> None:
    """An update comes again until a higher offset was asked for; -1 leaves the newest only."""
    for text in ("one", "two", "three"):
        await sandbox.write(text, 1001)
    first = await bot.get_updates(limit=2)
    assert [u.message.text for u in first if u.message] == ["one", "two"]
    assert [u.update_id for u in await bot.get_updates(limit=2)] == [u.update_id for u in first]
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["three"]
    await sandbox.write("four", 1001)
    assert [u.message.text for u in await bot.get_updates(offset=-1) if u.message] == ["four"]
    assert len(await bot.get_updates()) == 1


async def test_a_long_poll_ends_with_the_first_update(bot: Bot, sandbox: Client) -> None:
    """It waits, and does not wait longer than needed."""
    got: list[int] = []

    async def poll() -> None:
        got.extend(u.update_id for u in await bot.get_updates(timeout=20))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(poll)
            await sandbox.write("wake up", 1001)
    assert len(got) == 1


async def test_a_second_poller_ends_the_first_with_a_conflict(bot: Bot, sandbox: Client) -> None:
    """Two bots on one token kick each other, as with Telegram: of two that wait, the older one goes."""
    conflicts: list[str] = []

    async def poll(seconds: int) -> None:
        answer = (await api(sandbox, "getUpdates", timeout=seconds)).json()
        conflicts.append(answer.get("description", ""))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(poll, 20)
            await until(_is_polling(sandbox), "the first poll waits")
            await poll(1)
    nothing, conflict = sorted(conflicts)
    assert nothing == ""
    assert conflict.startswith("Conflict: terminated by other getUpdates request")


async def test_get_updates_conflicts_with_a_webhook(bot: Bot, sandbox: Client) -> None:
    """409 while one is set; fine again after deleteWebhook."""
    assert await bot.set_webhook("http://127.0.0.1:9/hook", secret_token="s3cret")
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    assert (await bot.get_webhook_info()).url == "http://127.0.0.1:9/hook"
    assert await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_a_bad_webhook_is_refused(bot: Bot) -> None:
    """Another machine, or a secret with other letters."""
    with pytest.raises(BadRequest, match="Bad webhook"):
        await bot.set_webhook("https://example.com/hook")
    with pytest.raises(BadRequest, match="Secret token contains unallowed characters"):
        await bot.set_webhook("http://127.0.0.1:9/hook", secret_token="not allowed!")
