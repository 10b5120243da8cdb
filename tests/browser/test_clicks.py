"""The clicks from Today to done, counted in a browser. docs/desk.md has the table.

Each is made by the keyboard alone. Typing is no click, and neither is a page that goes on
automatically.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.tenant.entities import add_by_hand
from tests.support.browser import CUT, FRAMES, SHOTS, log_in, tab_to
from tests.support.deployment import Service, serve, until
from tests.support.people import by_hand

pytestmark = [pytest.mark.once, pytest.mark.slow]
TABLE = Path(__file__).parents[2] / "docs" / "desk.md"
MOST = {
    "one refused name": 3,
    "all 37 refused names, by a template": 5,
    "40 missing options": 3,
    "adopt 3 entities": 3,
    "a drifted value": 3,
    "roll back with preview": 4,
}
TEMPLATE = "{name} [{id}]"


class Hand:
    """Presses and types without a mouse, and counts the presses of each path from Today on."""

    def __init__(self, service: Service, page: Any) -> None:
        self.url, self.page = service.url, page
        self.clicks = 0
        self.counted: dict[str, int] = {}

    @contextmanager
    def path(self, name: str) -> Iterator[None]:
        """Count the clicks of one path; it begins on Today."""
        self.page.goto(f"{self.url}/admin/")
        self.clicks = 0
        yield
        self.counted[name] = self.clicks

    def click(self, name: str, role: str = "button", **more: Any) -> None:
        tab_to(self.page, self.page.get_by_role(role, name=name, **more).first)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.clicks += 1

    def give_reason(self) -> None:
        tab_to(self.page, self.page.get_by_label("Reason (visible to all users)"))
        self.page.keyboard.type("As agreed")

    def confirm_number(self) -> None:
        """Type the number that a page asks for, if it asks for one."""
        asked = self.page.locator("label[for=typed]")
        if asked.count():
            numbers = re.findall(r"[Tt]ype (?:this|their) number, (\d+)", asked.inner_text())
            tab_to(self.page, self.page.locator("#typed"))
            self.page.keyboard.type(numbers[0])

    def shoot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=str(Path(SHOTS) / f"cure-{name}.png"), full_page=True)


@pytest.fixture
def hand(deploy, redis, page) -> tuple[Service, Hand]:
    """A morning with one of everything: names, options, adoptions and drift."""
    service = serve(deploy, redis, 110)
    d, w = service.d, service.d.world
    for n in range(20, 57):
        w.registry.record(f"C-{n:06}")["name"] = "Compound 0"
    for n in range(60, 100):
        w.registry.record(f"C-{n:06}")["kind"] = f"Kind {n}"
    for n in range(100, 103):
        row = {"entityRegistryId": f"CMP-{n}", "name": f"Compound {n}", "schemaId": w.schema,
               "registryId": w.benchling_registry, "aliases": (), "fields": {}}  # fmt: skip
        add_by_hand(w.tenant, row, creator="ent_ada")
    d.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000001", Approval=1)
    d.sync("--full")
    log_in(d, page, service.url)
    return service, Hand(service, page)


def test_each_path_takes_as_few_clicks_as_docs_say(hand):
    service, h = hand
    world, page = service.d.world, h.page

    def name_field() -> object:
        items = {item["path"][0]: item["value"] for item in world.tenant.config.values()}
        return items.get("External Name Field")

    for table in ("adoption", "drift"):  # whose last columns are the ones to press
        page.goto(f"{h.url}/admin/registry_sync/{table}/")
        assert page.evaluate(CUT, FRAMES) == []
    with h.path("40 missing options"):
        h.shoot("today")
        h.click("Add these options", "link")
        h.confirm_number()
        h.give_reason()
        h.shoot("options")
        h.click("Add these options")
    page.get_by_text("40 of 40 records went through").first.wait_for()
    h.shoot("outcome")
    assert world.values()["C-000099"]["Kind"] == "Kind 99"
    with h.path("adopt 3 entities"):
        h.click("Adopt these", "link")
        h.give_reason()
        h.shoot("adopt")
        h.click("Adopt these")
    page.get_by_text("3 of 3 records went through").first.wait_for()
    assert world.values()["C-000101"]["Approval"] == 1950 + 101 % 70
    with h.path("a drifted value"):
        h.click("Restore or accept", "link")
        h.give_reason()
        h.shoot("drift")
        h.click("Restore the registry's")
    page.get_by_text("passed").first.wait_for()
    assert world.values()["C-000001"]["Approval"] == 1951
    with h.path("one refused name"):
        world.registry.edit("C-000020", name="Compound 20")
        h.click("Check again: name already used", "link")
        h.give_reason()
        h.click("Check all again")
    page.get_by_text("1 of 37 records went through").first.wait_for()
    assert world.values()["C-000020"]["name"] == "Compound 20"
    world.registry.edit("C-000020", name="Compound 0")
    service.d.sync()
    with h.path("all 37 refused names, by a template"):
        h.click("Let names hold the id", "link")
        h.give_reason()
        h.shoot("names")
        h.click("Start the draft")
        page.get_by_text("What it would do to all 110 records").wait_for()
        h.click("Publish…", "link")
        h.give_reason()
        h.confirm_number()
        h.shoot("publish")
        h.click("Publish and sync")
    unfinished = "SELECT count(*) FROM registry_sync_syncrun WHERE finished_at IS NULL"
    until(lambda: service.d.rows(unfinished) == [(0,)], seconds=60, what="the sync")
    names = {entity["name"] for entity in world.values().values()}
    assert len(names) == 110 and "Compound 0 [C-000056]" in names
    assert name_field() == TEMPLATE
    with h.path("roll back with preview"):
        h.click("Mapping", "link", exact=True)
        h.click("Version 1", "link")
        h.click("Roll back to version 1")
        page.get_by_text("What it would do to the records").wait_for()
        h.give_reason()
        h.confirm_number()
        h.shoot("roll-back")
        h.click("Roll back to version 1")
    page.get_by_text("Published as version 3").wait_for()
    assert name_field() in ("", "name", None)
    assert h.counted.keys() == MOST.keys()
    assert {name: n for name, n in h.counted.items() if n > MOST[name]} == {}
    told = TABLE.read_text(encoding="utf-8")
    for name, clicks in h.counted.items():
        assert f"| {name} | {clicks} | {MOST[name]} |" in told
