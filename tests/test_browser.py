"""A scientist before a real browser: real webhooks, a real Redis, real workers, a real kill."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .deployment import kill, serve
from .test_faults import deploy, redis  # noqa: F401

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SHOTS = os.environ.get("SCREENSHOTS")
"""A folder that keeps the pictures of README and docs, where one is named."""


@pytest.fixture
def page() -> Iterator[Any]:
    """One page of Debian's Chromium."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("No Chromium: .ci/run installs it.")
        pytest.skip("NO BROWSER WAS TRIED: apt install chromium, and run this again.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(20_000)
        yield page
        browser.close()


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.locator(".canvas").first.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def test_manual_sync_as_a_scientist_presses_it(deploy, redis, page):  # noqa: F811
    service = serve(deploy, redis, 1500, task_base=0.4)
    tenant = service.d.world
    page.goto(tenant.server.url)
    page.get_by_text("Insert it into an entry").click()
    page.get_by_text("The registry was never synced").wait_for()
    shoot(page, "canvas-never")
    button = page.get_by_role("button", name="Manual Sync")
    button.dblclick()  # twice quickly
    page.get_by_text("started by Ada Byron").wait_for(timeout=10_000)
    page.get_by_text("of 1,500 records done").wait_for()
    shoot(page, "canvas-syncing")
    page.get_by_text("Up to date").wait_for(timeout=60_000)
    page.get_by_text("1,500 new.").wait_for()
    shoot(page, "canvas-finished")
    assert button.is_enabled() and len(tenant.values()) == 1500
    assert service.d.statuses() == ["SUCCEEDED"]
    page.get_by_label("One record's id or name").fill("compound 7")
    page.get_by_role("button", name="Look up").click()
    page.get_by_text("is in Benchling as “Compound 7”").wait_for()
    shoot(page, "canvas-record")
    tenant.tenant.refuse["C-000004"] = "The SMILES is not a valid structure."
    tenant.registry.edit("C-000004", smiles="?")
    button.click()
    page.get_by_text("Synced, with warnings").wait_for(timeout=60_000)
    page.get_by_text("is not a valid structure").first.wait_for()
    shoot(page, "canvas-warnings")
    tenant.registry.token = "other"
    button.click()
    page.get_by_text("The last sync failed").first.wait_for(timeout=60_000)
    shoot(page, "canvas-failed")
    assert button.is_enabled()


def test_a_worker_killed_under_the_button(deploy, redis, page):  # noqa: F811
    service = serve(deploy, redis, 1500, task_base=0.4)
    world = service.d.world
    page.goto(world.server.url)
    page.get_by_text("Insert it into an entry").click()
    button = page.get_by_role("button", name="Manual Sync")
    page.get_by_text("The registry was never synced").wait_for()
    button.click()
    page.get_by_text("of 1,500 records done").wait_for()
    kill(service.worker)
    service.d.start("rqworker", "sync", log="second")
    page.get_by_text("Up to date").wait_for(timeout=60_000)
    assert button.is_enabled() and len(world.values()) == 1500
    assert world.written() <= 1600
