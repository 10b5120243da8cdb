"""A scientist before a real browser: real webhooks, a real Redis, real workers, a real kill."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.control import cancel_run
from registry_sync.models import SyncRun
from tests.support.browser import SHOTS
from tests.support.canvas import Page, work
from tests.support.deployment import LEASE, kill, serve
from tests.support.worlds import World

pytestmark = pytest.mark.once  # a page looks the same over every database


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        canvas = page.locator(".canvas").first
        canvas.evaluate("(e) => { e.style.maxWidth = '480px'; }")  # two stand beside each other
        canvas.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def hold(world: World) -> threading.Event:
    """Let the registry give two pages, and the others once the event is set."""
    gate = threading.Event()
    world.registry.on_page = lambda number: gate.wait(600) if number > 2 else None  # type: ignore[func-returns-value]
    return gate


@pytest.mark.slow
def test_manual_sync_as_a_scientist_presses_it(deploy, redis, page):
    service = serve(deploy, redis, 1500)
    tenant = service.d.world
    gate = hold(tenant)
    page.goto(tenant.server.url)
    page.get_by_text("Insert it into an entry").click()
    page.get_by_text("The registry has never been synced").wait_for()
    shoot(page, "canvas-never")
    button = page.get_by_role("button", name="Manual Sync")
    button.dblclick()  # twice quickly
    page.get_by_text("started by Ada Byron").wait_for()
    page.get_by_text("of 1,500 records done").wait_for()
    shoot(page, "canvas-syncing")
    gate.set()
    page.get_by_text("Up to date").wait_for()
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
    page.get_by_text("Synced, with warnings").wait_for()
    page.get_by_text("is not a valid structure").first.wait_for()
    shoot(page, "canvas-warnings")
    tenant.registry.token = "other"
    button.click()
    page.get_by_text("The last sync failed").first.wait_for()
    shoot(page, "canvas-failed")
    assert button.is_enabled()


@pytest.mark.slow
@pytest.mark.invariant(4)
def test_a_worker_killed_under_the_button(deploy, redis, page):
    service = serve(deploy, redis, 1500, lease=LEASE)
    world = service.d.world
    gate = hold(world)
    page.goto(world.server.url)
    page.get_by_text("Insert it into an entry").click()
    button = page.get_by_role("button", name="Manual Sync")
    page.get_by_text("The registry has never been synced").wait_for()
    button.click()
    page.get_by_text("of 1,500 records done").wait_for()
    kill(service.worker)
    gate.set()
    service.d.start("rqworker", "sync", log="second")
    page.get_by_text("Up to date").wait_for()
    assert button.is_enabled() and len(world.values()) == 1500
    assert world.written() <= 1600


def test_every_state_as_a_scientist_sees_it(w, page, settings, monkeypatch):
    """All states of a canvas in one sitting; the service works in this process."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop is no request's
    settings.BATCH_SIZE = 5
    canvas = Page(w)
    page.goto(w.server.url)

    def shows(text: str, name: str) -> None:
        page.evaluate("draw()")
        page.get_by_text(text).first.wait_for()
        assert page.get_by_role("button", name="Manual Sync").first.is_enabled()
        shoot(page, f"canvas-{name}")

    shows("The registry has never been synced", "never")
    canvas.press("preview")
    work()
    shows("20 would be created", "preview")
    canvas.tell({"type": "v2.app.deactivated"})
    shows("was switched off in Benchling", "deactivated")
    canvas.tell({"type": "v2.app.activateRequested"})
    settings.OBJECTS_PER_HOUR = 10
    canvas.press("manual_sync")
    run = runs.active()
    while jobs.work_slice(run.pk) is not jobs.SliceEnd.WAITING:
        pass
    shows("resumes automatically", "waiting")
    settings.OBJECTS_PER_HOUR = 0
    so_far = {"read": 1200, "created": 1200, "source_total": 2628, "waiting_until": None,
              "phase_seconds": {"upsert": 400}}  # fmt: skip
    was = SyncRun.objects.filter(pk=run.pk).values("read", "created", "source_total").get()
    SyncRun.objects.filter(pk=run.pk).update(**so_far)
    Page(w, "etr_2", "ent_max").press("manual_sync")
    canvas.press("refresh")
    shows("About 8 min left", "syncing")
    SyncRun.objects.filter(pk=run.pk).update(**was, phase_seconds={})
    cancel_run(SyncRun.objects.get(pk=run.pk), actor="Jo Field", reason="the lab registers now")
    shows("was cancelled", "cancelled")
    canvas.press("manual_sync")
    work()
    shows("Up to date", "finished")
    for number in (3, 4):
        w.tenant.refuse[f"C-{number:06d}"] = "The SMILES is not a valid structure."
        w.registry.edit(f"C-{number:06d}", smiles="?")
    w.registry.edit("C-000005", kind="Peptide")
    w.registry.edit("C-000006", parent="C-000099")
    canvas.press("manual_sync")
    work()
    shows("Synced, with warnings", "warnings")
    canvas.press("look_up", record="Compound 6")
    shows("It waits for C-000099", "record")
    w.registry.token = "other"
    canvas.press("manual_sync")
    work()
    shows("The last sync failed", "failed")
    w.configure(**{"External Name Field": "{name"})
    canvas.tell({"type": "v2-beta.app.configuration.updated"})
    shows("cannot run until its configuration is corrected", "misconfigured")
