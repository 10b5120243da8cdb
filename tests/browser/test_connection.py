"""From a tested connection to a published mapping, clicked in real Chromium."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import SHOTS
from tests.support.chembl import TOKEN

pytestmark = [pytest.mark.slow, pytest.mark.once]
FIELDS = [
    {"name": "Preferred name", "type": "text"},
    {"name": "SMILES", "type": "long_text"},
    {"name": "First approval", "type": "integer"},
]


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"connection-{name}.png"), full_page=True)


def test_a_tested_connection_becomes_a_published_mapping(deploy, datasette, page):
    d = deploy(0, fields=FIELDS)
    d.world.configure(**{"API URL": datasette.list_url, "API Key": TOKEN,
                         "Connector Settings": None, "Field Configurations": [],
                         "Modified Since Parameter": ""})  # fmt: skip
    d.add_superuser("olivia")
    page.goto(f"{d.serve_admin()}/admin/registry_sync/mappingdraft/test/")
    page.get_by_label("Username:").fill("olivia")
    page.get_by_label("Password:").fill("demo")
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()
    assert page.locator("input[type=password]").count() == 0
    shoot(page, "1-before")
    page.get_by_role("button", name="Test connection").click()
    page.get_by_text("none of them older").wait_for()
    shoot(page, "2-found")
    connector = json.loads(page.locator("#connector").input_value())
    assert connector["endpoint"]["data_selector"] == "rows"
    page.get_by_role("button", name="Start a mapping draft with these settings").click()
    page.get_by_text("200 of 200 values are SMILES").wait_for()
    page.get_by_role("button", name="Take all suggestions above").click()
    page.get_by_text("This mapping is valid").wait_for()
    shoot(page, "3-draft")
    page.get_by_role("button", name="Preview on the sample").first.click()
    page.get_by_text("records of the sample").first.wait_for()
    page.get_by_role("link", name="Publish…").click()
    page.get_by_label("Reason (visible to all users)").fill("First connection")
    shoot(page, "4-publish")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("Published as version 1").wait_for()
    held = [item for item in d.world.tenant.config.values()
            if item["path"] == ["Connector Settings"]]  # fmt: skip
    assert json.loads(held[0]["value"]) == connector
