"""The desk's pictures in docs/images, from the demo: `python -m tools.pictures [NAME …]`.

The demo's story is told; then someone edits in Benchling, adds an entity, a draft is previewed, the
setup is checked and a plan is made, so that each page has something to show. Chromium is Debian's.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import requests
from playwright.sync_api import Page, sync_playwright

from sandbox import registry
from sandbox.demo.stay import open_desk
from sandbox.demo.story import story
from sandbox.demo.world import MANAGE, World, build
from sandbox.redis import RedisServer
from sandbox.tenant.entities import add_by_hand, edit_by_hand

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PAGES = {
    "today": "",
    "runs": "registry_sync/syncrun/",
    "run": "registry_sync/syncrun/1/change/",
    "run-start": "registry_sync/syncrun/start/sync/",
    "errors": "registry_sync/entityerror/",
    "error": "registry_sync/entityerror/1/change/",
    "record": "registry_sync/ledgerentry/record/?id=CHEMBL25",
    "steps": "registry_sync/ledgerentry/record/steps/?id=CHEMBL965&lane=1",
    "ledger": "registry_sync/ledgerentry/",
    "changes": "registry_sync/change/",
    "mapping": "mapping/",
    "connect": "registry_sync/mappingdraft/connect/",
    "drafts": "registry_sync/mappingdraft/",
    "draft-start": "registry_sync/mappingdraft/add/",
    "draft": "registry_sync/mappingdraft/1/change/",
    "preview": "registry_sync/mappingdraft/1/preview/",
    "publish": "registry_sync/mappingdraft/1/publish/",
    "versions": "registry_sync/mappingversion/",
    "adoptions": "registry_sync/adoption/",
    "drift": "registry_sync/drift/",
    "withdrawals": "registry_sync/withdrawal/",
    "merges": "registry_sync/merge/",
    "allowances": "registry_sync/allowance/",
    "plans": "registry_sync/plan/",
    "plan": "registry_sync/plan/1/change/",
    "proposals": "registry_sync/proposal/",
    "settings": "settings/",
    "lanes": "registry_sync/lane/",
    "lane": "registry_sync/lane/1/change/",
    "alert-settings": "registry_sync/alertsettings/",
    "alerts": "registry_sync/alert/",
    "check-ups": "registry_sync/checkup/",
    "check-up": "registry_sync/checkup/1/change/",
    "deliveries": "registry_sync/webhookdelivery/",
}
IN_EVERY_LOOK = {"today", "errors", "record"}
"""Pages that are kept in dark and on a phone, too."""
SOME_ROWS = {"changes": 1500, "ledger": 1500, "errors": 2600, "check-up": 2000}
"""Heights in which pages of many rows show enough of them."""
LOWEST, HIGHEST = 400, 4000
END = """(most) => {
  const whole = document.documentElement.scrollHeight;
  const ends = [...document.querySelectorAll("#result_list tr, .desk-points tr, .desk-card")]
    .map((e) => Math.ceil(e.getBoundingClientRect().bottom + scrollY));
  return whole <= most ? whole : Math.max(...ends.filter((end) => end <= most));
}"""
"""Where a page ends, or its last row or card above a height: no picture is cut within one."""


def happen(world: World) -> None:
    """Do what the demo's story leaves out."""
    state = world.tenant.state
    aspirin = state.entity("CHEMBL25")
    assert aspirin is not None
    compound = aspirin.schema_id
    edit_by_hand(state, aspirin, **{"First approval": 1901})
    number = "CHEMBL9999999"
    add_by_hand(state, {"entityRegistryId": number, "name": "EXAMPLAMAB", "schemaId": compound,
                        "registryId": state.schemas[compound]["registryId"]})  # fmt: skip
    registry.add(world.database, id=number, name="EXAMPLAMAB", molecule_type="Antibody")
    world.manage("sync_registry", "--full", "--lane", "Compound")
    for record in ("CHEMBL12", "CHEMBL6", "CHEMBL14"):
        registry.edit(world.database, record, first_approval=1990)
    world.manage("plan", "make", "--lane", "Compound")
    world.manage("doctor")


def prepare(page: Page, desk: str) -> None:
    """Log in and make a draft with a preview."""
    page.goto(desk)
    page.get_by_label("Username:").fill("demo")
    page.get_by_label("Password:").fill("demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(desk)  # the next page would end the login
    page.goto(f"{desk}registry_sync/mappingdraft/add/")
    page.get_by_role("button", name="Start from the live mapping").first.click()
    page.get_by_role("button", name="Preview on the sample").click()
    page.get_by_text("records of the sample").first.wait_for()


def publish(page: Page) -> None:
    """Publish the draft whose page is open, so that there is a version."""
    page.get_by_label("Reason (visible to all users)").fill("First mapping from the desk")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("Published as version").wait_for()


BEFORE: dict[str, Callable[[Page], None]] = {"versions": publish}
"""What is done on the page before, so that a picture has something to show."""


def take(page: Page, desk: str, folder: Path, wanted: set[str]) -> None:
    """Take the wanted pictures."""
    for name, path in PAGES.items():
        if wanted and name not in wanted:
            continue
        if name in BEFORE:
            BEFORE[name](page)
        looks = [("light", 1280)]
        if name in IN_EVERY_LOOK:
            looks += [("dark", 1280), ("light", 390)]
        for look, width in looks:
            page.emulate_media(color_scheme=look)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": LOWEST})
            answer = page.goto(desk + path)
            if answer is None or not answer.ok:
                print(f"{name}: {answer and answer.status}", file=sys.stderr)
                break
            page.wait_for_load_state("networkidle")
            height = page.evaluate(END, SOME_ROWS.get(name, HIGHEST))
            clip = {"x": 0, "y": 0, "width": width, "height": height}
            page.screenshot(path=folder / f"desk-{name}-{look}-{width}.png", full_page=True,
                            clip=clip)  # type: ignore[arg-type] # fmt: skip


def serve(world: World) -> str:
    """Open the desk and start a worker; return the desk's address."""
    url = open_desk(world)
    world.start(*MANAGE, "rqworker", "interactive", log="interactive.log")
    world.tenant.state.apps["app_demo"]["webhook_url"] = f"{url}/benchling/webhooks"
    requests.post(f"{world.tenant.url}/sandbox/insert", json={}, timeout=10).raise_for_status()
    return f"{url}/admin/"


def main() -> None:
    """Tell the story, take the pictures, end everything."""
    folder, redis = Path(tempfile.mkdtemp(prefix="registry-sync-pictures-")), RedisServer().start()
    world = build(folder, redis.url, name_template="name")
    try:
        story(world, name_template="name")
        happen(world)
        desk = serve(world)
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(120_000)  # on a busy machine
            prepare(page, desk)
            take(page, desk, IMAGES, set(sys.argv[1:]))
            browser.close()
    finally:
        for child in world.children:
            child.terminate()
        world.registry.stop()
        world.tenant.stop()
        redis.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
