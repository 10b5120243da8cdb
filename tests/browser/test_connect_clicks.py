"""A registry of one's own, from the first page to a green dry run: few presses, by keyboard.

The presses are in docs/desk.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.browser import SHOTS, axe_faults, log_in
from tests.support.lims import FIELDS, KEY, lims

pytestmark = [pytest.mark.slow, pytest.mark.once]
MOST_PRESSES = 12
TABLE = ROOT / "docs" / "desk.md"
FOCUSED = "document.activeElement && document.activeElement.innerText || ''"
SKIP = "Skip to main content"


class Keyboard:
    """Someone without a mouse: Tab to a button or link, Enter to press it. Presses are counted."""

    def __init__(self, page: Any) -> None:
        self.page, self.presses, self.found = page, 0, list[str]()
        self.widths = [1280, 390]

    def press(self, name: str) -> None:
        """Press the button or link whose text begins with `name`."""
        for _ in range(60):
            self.page.keyboard.press("Tab")
            focused = self.page.evaluate(FOCUSED).strip()
            if focused == SKIP:
                self.page.keyboard.press("Enter")
            if focused.startswith(name):
                break
        else:
            pytest.fail(f"Tab does not reach “{name}” on {self.page.url}")
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.presses += 1

    def look(self, name: str) -> None:
        """Check the page's width at both sizes, and with axe at the one that the way goes on in."""
        self.widths.reverse()
        for width in self.widths:
            self.page.set_viewport_size({"width": width, "height": 900})
            if SHOTS:
                shot = str(Path(SHOTS) / f"connect-{name}-light-{width}.png")
                self.page.screenshot(path=shot, full_page=True)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.found.append(f"{name} at {width}: {wide} px wide")
        self.found += [f"{name}: {fault}" for fault in axe_faults(self.page)]


def test_ones_own_registry_is_connected_by_keyboard(deploy: Any, serve: Any, page: Any) -> None:
    d = deploy(0, fields=FIELDS)
    registry = {"API URL": serve(lims).url + "/list", "API Key": KEY}
    rest = {"Connector Settings": None, "Field Configurations": [], "Modified Since Parameter": ""}
    d.world.configure(**{**rest, "API URL": None, "API Key": None})
    log_in(d, page, d.serve_admin())
    hand = Keyboard(page)
    page.get_by_text("No registry is connected yet").wait_for()
    hand.look("today")
    hand.press("Connect a registry")
    page.get_by_text("API URL is missing").first.wait_for()
    hand.look("1-access")
    d.world.configure(**registry)  # typed in Benchling
    hand.press("I filled them in")
    hand.press("Test")
    page.get_by_text("the key was refused").first.wait_for()
    hand.look("2-test")
    hand.press("Next: Settings")
    hand.look("3-settings")
    hand.press("Use these settings")
    page.get_by_text("K-000").first.wait_for()
    hand.look("4-records")
    hand.press("Next: Mapping")
    hand.press("Take all suggestions above")
    hand.press("Take code")
    page.get_by_text("This mapping is valid").wait_for()
    hand.look("5-mapping")
    hand.press("Preview on the sample")
    hand.look("6-preview")
    hand.press("Publish…")
    hand.look("7-publish")
    page.get_by_label("Reason (visible to all users)").fill("It is ours")
    hand.press("Publish and dry-run")
    at = page.url
    page.goto(
        "about:blank"
    )  # the run's page would load itself again, in the midst of the next step
    status, said = d.sync("--dry-run")
    assert status == 0, said
    page.goto(at)
    assert page.locator(".connect-bar li.done").count() == 8
    hand.look("8-dry-run")
    assert d.world.tenant.counters["objects_written"] == 0
    assert hand.presses <= MOST_PRESSES
    row = f"| one's own registry to a green dry run | {hand.presses} | {MOST_PRESSES} |"
    assert row in TABLE.read_text(encoding="utf-8")
    assert hand.found == []
