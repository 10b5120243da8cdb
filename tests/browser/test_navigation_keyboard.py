"""The five entries walked by keyboard, wide and on a phone: nothing cut, nothing too small."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.browser import CUT, FRAMES, axe_faults, log_in
from tests.support.deployment import Deployment

pytestmark = [pytest.mark.once, pytest.mark.slow]

ENTRIES = ("Today", "Runs", "Records", "Mapping", "Settings")
BESIDE = ("registry_sync/entityerror/?code=dropdown_option_missing", "registry_sync/change/",
          "registry_sync/syncrun/1/change/", "registry_sync/entityerror/1/change/",
          "registry_sync/ledgerentry/")  # fmt: skip
LOOKS = ((1280, "light"), (390, "dark"))
PRESSED = "a, button, input, select, summary, textarea"
SMALL = """(pressed) => [...document.querySelectorAll(pressed)]
  .filter((e) => e.checkVisibility() && e.type !== "hidden")
  .filter((e) => !e.closest("svg, .skip-to-content-link"))
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([e, r]) => r.width && r.right > 0 && (r.width < 24 || r.height < 24))
  .filter(([e]) => !(e.tagName === "A" && getComputedStyle(e).display === "inline"))
  .map(([e, r]) => `${e.tagName} ${e.innerText || e.id} ${r.width} x ${r.height}`)"""
"""Links inside a sentence have the height of its line: they are the exception of WCAG 2.5.8."""


def press_until(page: Any, name: str) -> None:
    """Go on with Tab until the entry has the focus, then press Enter."""
    for _ in range(14):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == name:
            with page.expect_navigation():  # the page that is left has long been loaded
                page.keyboard.press("Enter")
            return
    pytest.fail(f"{name} was not reached by keyboard")


def faults(page: Any) -> list[str]:
    """Return what a page does wrong: cut, too small, or not accessible."""
    page.wait_for_function("!document.querySelector('time:not([data-local])')")
    return [
        *(f"cut: {one}" for one in page.evaluate(CUT, FRAMES)),
        *(f"small: {one}" for one in page.evaluate(SMALL, PRESSED)),
        *axe_faults(page, {"target-size": {"enabled": True}}),
    ]


def test_the_entries_are_walked_by_keyboard(deploy, page):
    d: Deployment = deploy(12)
    for number in range(5):
        d.world.registry.edit(f"C-{number:06}", kind="antibody")
    assert d.sync()[0] == 2
    url = d.serve_admin()
    log_in(d, page, url)
    wrong = []
    for width, scheme in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{url}/admin/")
        for name in ENTRIES:
            press_until(page, name)
            assert page.locator(".shell-entries [aria-current=page]").inner_text() == name
            wrong += [f"{name}, {width}: {fault}" for fault in faults(page)]
        for path in BESIDE:
            page.goto(f"{url}/admin/{path}")
            wrong += [f"{path}, {width}: {fault}" for fault in faults(page)]
    assert wrong == []
    # More opens and closes by keyboard, and the search finds from any page.
    more = page.locator(".shell-entries summary")
    more.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Batches").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Batches").wait_for(state="hidden")
    page.get_by_role("searchbox", name="Search all records").first.fill("C-000007")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Record C-000007").wait_for()
