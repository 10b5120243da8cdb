"""Debian's Chromium, for tests that look at pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from registry_sync.core.types import Json
from tests.support.deployment import Deployment

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


CSP = "Content Security Policy"
PATIENCE = 180_000
"""Milliseconds for whatever a page waits for, on a busy machine."""
SHOTS = os.environ.get("SCREENSHOTS")
"""A folder that keeps the pictures of README and docs, where one is named."""


FRAMES = "html, main, .desk-card, #content .results"
CUT = """(frames) => [...document.querySelectorAll(frames)]
  .filter((e) => e.scrollWidth > e.clientWidth + 1)
  .map((e) => `${e.tagName}.${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""
"""What is wider than its frame."""
OVER_ICONS = """() => [...document.querySelectorAll(".object-tools .addlink")]
  .filter((e) => parseFloat(getComputedStyle(e).paddingRight) < 24)
  .map((e) => e.textContent.trim())"""
"""The buttons above a page whose text lies over the icon at their end, which takes 24 pixels."""
TABS = 250
"""Steps after which an element counts as out of the keyboard's reach."""
HAS_FOCUS = "(e) => e.isConnected ? e === document.activeElement : null"
SHOWS_FOCUS = """(e) => {
  const style = getComputedStyle(e), place = e.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const seen = place.width > 0 && place.top < innerHeight && place.bottom > 0;
  return seen && (ring || style.boxShadow !== "none");
}"""
GRAVE = {"moderate", "serious", "critical"}
FINISH = "document.getAnimations().forEach((one) => one.finish())"
"""Colours that fade into others have no contrast meanwhile: each goes to its end at once."""


def tab_to(page: Any, wanted: Any) -> None:
    """Go on with Tab until an element has the focus; fail if none comes or none is seen to."""
    wanted.wait_for()
    element = wanted.element_handle()
    for _ in range(TABS):
        # The element itself is asked: to find it by its role at each step takes longer than a step.
        has = element.evaluate(HAS_FOCUS)
        if has is None:  # the page has drawn this part again
            element = wanted.element_handle()
        elif has:
            assert element.evaluate(SHOWS_FOCUS), f"no focus is seen on {wanted}"
            return
        else:
            page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach {wanted} on {page.url}")


def axe_faults(page: Any, rules: Json | None = None, without: str = "") -> list[str]:
    """Return what axe finds on a page as it has come to rest: each rule, and where it is broken.

    `without` selects elements that it does not look at.
    """
    from axe_playwright_python.sync_playwright import Axe

    blocked = list(page.blocked)
    page.evaluate(FINISH)
    options: Json = {"resultTypes": ["violations"], "rules": rules or {}}
    context = {"exclude": [[without]]} if without else None
    found = Axe().run(page, context, options).response["violations"]
    page.blocked[:] = blocked  # axe sets inline styles of its own
    return [f"{v['id']} at {v['nodes'][0]['target']}" for v in found if v["impact"] in GRAVE]


@pytest.fixture
def page() -> Iterator[Any]:
    """One page of Debian's Chromium. What the Content-Security-Policy blocks fails the test."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("No Chromium: .ci/run installs it.")
        pytest.skip("NO BROWSER WAS TRIED: apt install chromium, and run this again.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.blocked = blocked = []
        page.on("console", lambda said: blocked.append(said.text) if CSP in said.text else None)
        yield page
        browser.close()
        if blocked:
            pytest.fail(f"The browser blocked: {blocked}")


def log_in(d: Deployment, page: Any, url: str) -> None:
    """Make an owner of the desk and log in as one."""
    d.add_superuser("olivia")
    page.goto(f"{url}/admin/")
    page.get_by_label("Username:").fill("olivia")
    page.get_by_label("Password:").fill("demo")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/login/" not in address)
