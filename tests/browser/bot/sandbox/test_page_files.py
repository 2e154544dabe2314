"""Files and groups on the chat page: picked, pasted, dropped, refused; every medium shown."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import pytest
from PIL import Image
from selenium.webdriver.support.wait import WebDriverWait

from bot.sandbox.clip import clip
from bot.sandbox.identity import TOKEN
from bot.sandbox.melody import melody
from tests.browser.bot.sandbox.pages import PHONE, Page

pytestmark = [pytest.mark.needs("chromium", "chromedriver"), pytest.mark.timeout(120)]

GIVEN = """
const bytes = Uint8Array.from(atob("%s"), (letter) => letter.charCodeAt(0));
const given = new DataTransfer();
given.items.add(new File([bytes], "%s", { type: "%s" }));
"""
PASTED = 'document.querySelector("#text").dispatchEvent(new ClipboardEvent("paste", { clipboardData: given }))'
DRAGGED = 'window.dispatchEvent(new DragEvent("dragenter", { dataTransfer: given }))'
DROPPED = 'window.dispatchEvent(new DragEvent("drop", { dataTransfer: given, cancelable: true }))'


def png(colour: str = "teal") -> bytes:
    """Return a picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (640, 400), colour).save(buffer, "PNG")
    return buffer.getvalue()


def files(folder: Path, **contents: bytes) -> str:
    """Write files, `a_png` as `a.png`, and return what a person picks."""
    paths = [folder / name.replace("_", ".") for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    return "\n".join(map(str, paths))


def pick(page: Page, paths: str) -> None:
    """Choose files as the paper clip's dialog would."""
    page.driver.find_element("id", "picker").send_keys(paths)


def loaded(page: Page, selector: str, ready: str) -> None:
    """Wait until the browser has what the element shows."""
    script = f"(() => {{ const e = document.querySelector({json.dumps(selector)}); return e && {ready}; }})()"
    WebDriverWait(page.driver, 15, poll_frequency=0.05).until(lambda _: page.script(script), f"{selector}: {ready}")


def test_picked_files_are_sent_with_a_caption_and_shown(page: Page, tmp_path: Path) -> None:
    """A photo alone has its text below; taken out of the tray, a file stays."""
    page.open()
    assert page.wait("#attach")
    pick(page, files(tmp_path, fox_png=png(), not_txt=b"x"))
    page.wait(".tray li", "not.txt").find_element("css selector", "button").click()
    page.write("make it red")
    page.wait(".mine .text", "make it red")
    page.wait(".theirs .text", "You sent: make it red")
    loaded(page, ".mine .picture img", "e.naturalWidth === 640")
    loaded(page, ".theirs .picture img", "e.naturalWidth === 640")
    assert not page.all("#tray")
    assert not page.all("#progress")


def test_every_medium_plays_or_can_be_saved(page: Page, tmp_path: Path) -> None:
    """Film and sound have controls and a length, a document its name and size."""
    page.open()
    for name, content in (("fox_mp4", clip("x")), ("song_mp3", melody("x")), ("notes_pdf", b"%PDF" * 300)):
        pick(page, files(tmp_path, **{name: content}))
        page.wait(".tray li")
        page.wait("#send").click()
        page.wait(".theirs" if name != "notes_pdf" else ".theirs .document")
    loaded(page, ".theirs video[controls]", "e.duration > 1 && e.videoWidth > 0")
    loaded(page, ".theirs audio[controls]", "e.duration > 1")
    saved = page.wait(".theirs .document", "notes.pdf")
    assert "1.2 KB" in saved.text
    assert saved.get_attribute("download") == "notes.pdf"


def test_files_are_pasted_and_dropped(page: Page) -> None:
    """While something is dragged over the page, it says where to drop it."""
    page.open()
    page.wait("#text")
    given = GIVEN % ("AAAA", "notes.txt", "text/plain")
    page.driver.execute_script(given + PASTED)
    page.wait(".tray li", "notes.txt")
    page.driver.execute_script(given + DRAGGED)
    page.wait("#drop")
    page.driver.execute_script(given + DROPPED)
    WebDriverWait(page.driver, 10).until(lambda _: len(page.all(".tray li")) == 2)
    assert not page.all("#drop")
    page.wait("#send").click()
    page.wait(".mine .document", "notes.txt")
    WebDriverWait(page.driver, 10).until(lambda _: len(page.all(".mine .document")) == 2)


def test_a_refused_file_says_why_and_stays_in_the_tray(page: Page, tmp_path: Path) -> None:
    """Nothing is sent; the caption is still there."""
    page.open()
    pick(page, files(tmp_path, empty_txt=b""))
    page.write("see this")
    page.wait(".toasts p", "file must be non-empty")
    page.wait(".tray li", "empty.txt")
    assert page.wait("#text").get_attribute("value") == "see this"
    assert not page.all(".mine")
    assert ["400" in complaint for complaint in page.complaints()] == [True]


def test_while_files_are_on_their_way_it_is_seen_how_far(page: Page, tmp_path: Path) -> None:
    """On a slow connection."""
    page.open()
    pick(page, files(tmp_path, large_txt=bytes(400_000)))
    page.wait(".tray li")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    try:
        page.wait("#send").click()
        page.wait("#progress")
        loaded(page, "#progress", "e.value > 0 && e.value < 1")
    finally:
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    page.wait(".mine .document", "large.txt")
    WebDriverWait(page.driver, 15).until(lambda _: not page.all("#progress"))


def test_an_album_stands_together_on_a_phone_too(page: Page, tmp_path: Path) -> None:
    """In one block with its caption below; nothing is cut off; an edit of the caption is seen."""
    page.open(PHONE)
    pick(page, files(tmp_path, a_png=png(), b_mp4=clip("x"), c_png=png("red")))
    page.write("all three")
    page.wait(".album.mine .album-text", "all three")
    assert len(page.all(".album.mine .message")) == 3
    assert page.script("document.documentElement.scrollWidth") <= PHONE[0]
    url = f"{page.address}/bot{TOKEN}/"
    media = [{"type": "photo", "media": "attach://a", "caption": "one"}, {"type": "photo", "media": "attach://b"}]
    sent = httpx.post(
        url + "sendMediaGroup",
        data={"chat_id": "1001", "media": json.dumps(media)},
        files={"a": ("a.png", png()), "b": ("b.png", png())},
        trust_env=False,
    ).json()["result"]
    page.wait(".album.theirs .album-text", "one")
    edit = {"chat_id": 1001, "message_id": sent[0]["message_id"], "caption": "<b>two</b>", "parse_mode": "HTML"}
    httpx.post(url + "editMessageCaption", json=edit, trust_env=False)
    page.wait(".album.theirs .album-text b", "two")
    assert len(page.all(".album.theirs .message")) == 2
    assert len(page.all(".album.theirs .album-text")) == 1


def test_in_a_group_one_chooses_who_writes_and_answers_messages(page: Page) -> None:
    """The group has its place in the list, each message its author."""
    page.open()
    page.wait("#add-group").click()
    page.wait("#title", "Group 1")
    page.write("/start")
    page.wait(".theirs .text", "You said: /start")
    page.wait(".mine .author", "Alex")
    page.script("document.querySelector('.theirs .answer').click()")
    page.wait("#replying", "You said: /start")
    page.write("and mine?")
    page.wait(".mine .reply", "You said: /start")
    page.script(
        "(() => { const w = document.querySelector('#writer'); w.value = '1002'; w.dispatchEvent(new Event('change')); })()"
    )
    page.wait(".mine .text", "and mine?")
    page.write("it is me")
    page.wait(".mine .author", "Маша")
    page.wait(".key", "Draw it").click()
    page.wait(".toasts p", "On it")
    page.wait("#groups-list button", "Group 1")
    page.wait("#people-list button", "Alex").click()
    page.wait("#title", "Vigil")
    assert page.wait("#hello")


def test_what_a_file_is_called_is_text_and_never_markup(page: Page) -> None:
    """Neither in the tray nor in the chat nor in an author's name."""
    attack = "<img src=x onerror=alert(1)>.mp3"
    page.open()
    page.wait("#text")
    page.driver.execute_script(GIVEN % ("AAAA", attack, "audio/mpeg") + PASTED)
    page.wait(".tray li", attack)
    page.wait("#send").click()
    page.wait(".mine .sound", attack)
    assert page.script("document.querySelectorAll('#log img, #tray img').length") == 0
