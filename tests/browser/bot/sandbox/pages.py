"""The chat page as a person uses it, in a real browser."""

from __future__ import annotations

from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

WIDE, PHONE = (1280, 860), (390, 780)


class Page:
    """The page, and what a person does on it."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver = driver
        self.address = address

    def open(self, size: tuple[int, int] = WIDE, scheme: str = "light", chat: int = 1001) -> None:
        """Open the page as it looks on a screen of this size and mood."""
        screen = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/#{chat}")

    def all(self, selector: str) -> list[Any]:
        """Return the visible elements of a selector, as they stand together between two changes of the page."""

        def found(driver: Any) -> list[list[Any]]:
            # In a list of its own: an empty one is an answer too.
            return [[element for element in driver.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]]

        waiting = WebDriverWait(
            self.driver, 15, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(found, f"{selector} never rests")[0]

    def wait(self, selector: str, text: str = "") -> Any:
        """Return the newest visible element of the selector that holds the text, once there is one."""

        def find(_: object) -> Any:
            return next((e for e in reversed(self.all(selector)) if text in e.text), None)

        return WebDriverWait(
            self.driver, 15, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]
        ).until(find, f"nothing of {selector} says {text!r}")

    def write(self, text: str) -> None:
        """Write a message and send it with Enter."""
        self.wait("#text").send_keys(text, Keys.ENTER)

    def script(self, source: str) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(f"return {source}")

    def complaints(self) -> list[str]:
        """Return what the browser itself found wrong, such as a breach of the content security policy."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
