"""The chat page in a real browser: a person writes, presses, looks; on a desk and on a phone, by day and by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from bot.sandbox.identity import TOKEN
from bot.sandbox.testing import running
from tests.browser.bot.sandbox.pages import PHONE, Page

pytestmark = [pytest.mark.needs("chromium", "chromedriver"), pytest.mark.timeout(120)]


def test_a_person_writes_presses_and_gets_a_picture(page: Page) -> None:
    """The answer appears, the button gives a toast, the edit happens in place, the picture is really shown."""
    page.open()
    page.wait("#start").click()
    page.wait(".theirs .text", "You said: /start")
    page.write("a red fox in snow")
    page.wait(".theirs .text", "You said: a red fox in snow")
    page.wait(".key", "Draw it").click()
    page.wait(".toasts p", "On it")
    page.wait(".theirs .text", "Drawing…")
    picture = page.wait(".picture img")
    WebDriverWait(page.driver, 10).until(lambda _: page.script("document.querySelector('.picture img').naturalWidth"))
    assert picture.get_attribute("alt") == "Here it is"
    assert page.script("document.querySelector('.picture img').naturalWidth") == 1152
    assert [e.text for e in page.all(".key")] == ["Draw it"]
    picture.click()
    assert page.wait("#viewer-image")


def test_the_ticks_tell_whether_the_bot_has_the_message(page: Page) -> None:
    """One while it waits, two when it was taken."""
    page.open()
    httpx.post(f"{page.address}/sandbox/faults", json={"telegram_pause": "on"}, trust_env=False)
    page.write("are you there?")
    page.wait(".mine .meta [aria-label='waiting for the bot']")
    httpx.post(f"{page.address}/sandbox/faults", json={"telegram_pause": None}, trust_env=False)
    page.wait(".mine .meta [aria-label='taken by the bot']")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    """The commands open with a slash, the arrows choose, Enter sends, Tab reaches the buttons."""
    page.open()
    page.wait(".who .live, #status", "online")
    page.wait("#slash")
    page.wait("#text").send_keys("/")
    page.wait("#commands li", "/start")
    page.wait("#text").send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    page.wait(".mine .text", "/start")
    page.wait(".key", "Draw it").send_keys(Keys.ENTER)
    page.wait(".toasts p", "On it")


def test_on_a_phone_nothing_is_cut_off_and_people_are_in_a_drawer(page: Page) -> None:
    """No sideways scrolling; a new person is added and becomes the one who chats."""
    page.open(PHONE)
    page.write("x" * 300)
    page.wait(".theirs .text", "You said")
    assert page.script("document.documentElement.scrollWidth") <= PHONE[0]
    assert not page.all("#people-list")
    page.wait("#open-people").click()
    page.wait("#add-person").click()
    page.wait("#person-name").send_keys("Робин")
    page.wait("#person-language").send_keys("Р")
    page.wait("#person-form .primary").click()
    page.wait("#me-name", "Робин")
    page.write("привет")
    page.wait(".theirs .text", "You said: привет")
    users = httpx.get(f"{page.address}/sandbox/state", trust_env=False).json()["users"]
    assert users[-1] == {"id": 1003, "name": "Робин", "language": "ru", "username": None}


def test_it_follows_the_colours_of_the_system(page: Page) -> None:
    """Light on dark at night, dark on light by day."""
    brightness = "getComputedStyle(document.body).color.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)"
    page.open(scheme="light")
    assert page.script(brightness) < 200
    page.open(scheme="dark")
    assert page.script(brightness) > 600


def test_what_a_bot_writes_is_text_and_never_markup(page: Page) -> None:
    """Nothing in a message, a button or a name can become a script."""
    page.open()
    attack = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    page.write(attack)
    page.wait(".theirs .text", attack)
    body = {"chat_id": 1001, "text": "look", "reply_markup": {"inline_keyboard": [[{"text": attack, "url": "tg://x"}]]}}
    httpx.post(f"{page.address}/bot{TOKEN}/sendMessage", json=body, trust_env=False)
    page.wait(".key", attack)
    assert page.script("document.querySelectorAll('#log img, #log script').length") == 0


def test_the_page_comes_back_by_itself_when_the_sandbox_does(home: Path, portal: BlockingPortal, driver: Any) -> None:
    """It says that the sandbox is gone, and goes on when it is there again."""
    with portal.wrap_async_context_manager(running(home)) as address:
        page = Page(driver, address)
        page.open()
        page.write("before")
        page.wait(".mine .text", "before")
    page.wait("#status", "not running")
    port = int(address.rpartition(":")[2])
    with portal.wrap_async_context_manager(running(home, port)):
        page.wait("#status", "waiting for the bot")
        page.write("after")
        page.wait(".mine .text", "after")
        assert [e.text.splitlines()[0] for e in page.all(".mine .text")] == ["before", "after"]
        driver.get("about:blank")
    page.complaints()


def test_a_long_quotation_is_folded_until_it_is_pressed(page: Page) -> None:
    """As Telegram shows what a bot repeats of a person's words; a short one stands as it is."""
    page.open()
    page.write("/start")
    page.wait(".theirs .text", "You said")
    text = f"<blockquote expandable>short</blockquote>\n<blockquote expandable>{'a fox ' * 200}</blockquote>\nDone"
    body = {"chat_id": 1001, "text": text, "parse_mode": "HTML"}
    httpx.post(f"{page.address}/bot{TOKEN}/sendMessage", json=body, trust_env=False)
    page.wait(".theirs .text", "Done")
    assert len(page.all(".theirs blockquote.folded")) == 1
    assert page.script("document.querySelector('blockquote.folded').clientHeight") < 100
    page.wait("blockquote.folded").send_keys(Keys.ENTER)
    assert page.script("document.querySelector('blockquote[aria-expanded=true]').clientHeight") > 100
    page.wait("blockquote[aria-expanded=true]").click()
    assert page.wait("blockquote.folded")
