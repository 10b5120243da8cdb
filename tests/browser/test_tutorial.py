"""docs/tutorial.md, clicked: ChEMBL's registry mapped from nothing in real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import registry
from tests.support.browser import SHOTS
from tests.support.chembl import TOKEN, compounds
from tests.support.deployment import Deployment
from tests.support.worlds import World

FIELDS = [
    {"name": "Preferred name", "type": "text"},
    {"name": "SMILES", "type": "long_text"},
    {"name": "Molecule type", "type": "dropdown"},
    {"name": "First approval", "type": "integer"},
]
MOST_CLICKS = 15


class Hand:
    """Clicks, and counts them; takes the tutorial's pictures where a folder for them is named."""

    def __init__(self, page: Any) -> None:
        self.page, self.clicks = page, 0

    def click(self, name: str, role: str = "button") -> None:
        self.page.get_by_role(role, name=name).first.click()
        self.clicks += 1

    def shoot(self, name: str, *, card: str = "") -> None:
        """Take the page, or the card with this heading, from its first line to its last."""
        if SHOTS:
            heading = self.page.get_by_role("heading", name=card, exact=True)
            shown = self.page.locator(".desk-card", has=heading) if card else self.page
            shown.screenshot(path=str(Path(SHOTS) / f"tutorial-{name}.png"))


@pytest.fixture
def chembl(deploy, datasette, settings) -> Iterator[Deployment]:
    """A deployment whose app knows ChEMBL's registry and has no mapping yet."""
    d = deploy(0, fields=FIELDS)
    w: World = d.world
    for kind in set(registry.MOLECULE_TYPES) - {"Small molecule", "Protein"}:
        w.tenant.add_option(w.kinds, kind)
    w.configure(
        **{
            "API URL": datasette.list_url,
            "API Key": TOKEN,
            "Connector Settings": registry.registry_settings(),
            "Field Configurations": [],
        }
    )
    d.env["DJANGO_SUPERUSER_PASSWORD"] = "demo"
    status, said = d.run(
        "createsuperuser", "--noinput", "--username", "olivia", "--email", "olivia@localhost"
    )
    assert status == 0, said
    yield d


@pytest.mark.slow
@pytest.mark.once
def test_fifteen_clicks_from_nothing_to_a_mapping_that_syncs(chembl, page):
    url = chembl.serve_admin()
    hand = Hand(page)
    page.set_viewport_size({"width": 1280, "height": 640})
    page.goto(f"{url}/admin/mapping/")
    page.get_by_label("Username:").fill("olivia")
    page.get_by_label("Password:").fill("demo")
    hand.click("Log in")
    hand.click("Start a draft", "link")
    hand.shoot("1-start")
    hand.click("Start from nothing")
    page.get_by_text("200 of 200 values are SMILES").wait_for()
    hand.shoot("2-suggestions", card="Suggestions")
    hand.click("Take all suggestions above 80 %")
    page.get_by_text("This mapping is valid").wait_for()
    hand.shoot("3-rows", card="Rows")
    hand.click("Preview on the sample")
    page.get_by_text("records of the sample").first.wait_for()
    hand.shoot("4-preview")
    hand.click("Publish…", "link")
    page.get_by_label("Reason (visible to all users)").fill("ChEMBL goes live")
    page.get_by_role("button", name="Publish", exact=True).scroll_into_view_if_needed()
    hand.shoot("5-publish")
    hand.click("Publish")
    page.get_by_text("Published as version 1").wait_for()
    hand.shoot("6-versions")
    assert hand.clicks <= MOST_CLICKS and hand.clicks == 7
    status, said = chembl.sync()
    assert status == 2, said  # the 37 whose name is borne twice
    values, rows = chembl.world.values(), compounds()
    assert len(values) == len(rows) - 37
    for external_id, found in values.items():
        row = rows[external_id]
        year = int(float(row["first_approval"])) if row["first_approval"] else None
        assert found["Preferred name"] == found["name"] == row["pref_name"]
        assert (found["SMILES"] or "") == row["smiles"] and found["First approval"] == year
        assert found["Molecule type"] == row["molecule_type"]
