"""An integration owner before a real browser: from red to green, and every page looked at.

With SCREENSHOTS naming a folder, each page is kept there as a picture: light and dark, wide and
narrow.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.browser import OVER_ICONS, SHOTS, axe_faults, log_in
from tests.support.deployment import Service, serve, until
from tests.support.environment import FULL

pytestmark = pytest.mark.once  # a page looks the same over every database

LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
RULES = {"target-size": {"enabled": True}}
LATER_ROWS = "" if FULL else "#result_list tbody tr:nth-child(n+13)"
"""A list of a hundred changes takes as long as ten other pages, and its rows are alike by four."""


@pytest.fixture
def morning(deploy, redis, page) -> Service:
    """A night that went wrong: the registry has a kind of molecule that Benchling does not know."""
    service = serve(deploy, redis, 40)
    registry = service.d.world.registry
    status, said = service.d.sync()
    assert status == 0, said
    for number in range(5):
        registry.edit(f"C-{number:06}", kind="antibody")
    assert service.d.sync()[0] == 2
    log_in(service.d, page, service.url)
    return service


def test_who_must_act_is_not_broken_within_a_word(page):
    long = "Names must be unique in a Benchling registry. " * 5
    style = (ROOT / "registry_sync/static/registry_sync/desk.css").read_text()
    page.set_content(f"<style>{style}</style><table class='desk-causes'><tbody><tr><td>37<td>36"
                     f"<th>name already used<td>registry's<td>{long}<td>{long}")  # fmt: skip
    lines = """(e) => {
      const words = document.createRange();
      words.selectNodeContents(e);
      return words.getClientRects().length;
    }"""
    assert page.locator("td:nth-child(4)").evaluate(lines) == 1


@pytest.mark.slow
def test_from_a_red_morning_to_green(morning, page):
    world = morning.d.world
    page.get_by_text("5 records are not up to date in Benchling").first.wait_for()
    # The list for whoever repairs it: read without a script, copied with one.
    page.get_by_role("link", name="Copy for a Benchling admin").click()
    assert "C-000003" in page.get_by_label("Text for a mail or a ticket").input_value()
    page.get_by_role("button", name="Copy the text").click()
    page.get_by_text("Copied.").wait_for()
    page.go_back()
    page.get_by_role("link", name="5 × option missing in a Benchling dropdown").first.click()
    page.get_by_role("link", name="C-000003").first.wait_for()
    page.locator("#result_list a[href*='/entityerror/']").first.click()
    page.get_by_text("antibody").first.wait_for()
    # Is it corrected by now? The page tells the result when a worker has asked the registry.
    page.get_by_role("button", name="Check again…").click()
    page.get_by_label("Reason (visible to all users)").fill("The registry's owner was told")
    page.get_by_role("button", name="Check again").click()
    page.get_by_text("still refused").wait_for()
    # A mapping that knows the word, seen on real records before it is published.
    page.goto(f"{morning.url}/admin/registry_sync/mappingdraft/add/")
    page.get_by_role("button", name="Start from the live mapping").click()
    row = page.locator("table.draft-rows tbody tr", has=page.locator("input[value='kind']"))
    row.locator("select[data-rule]").select_option("labels")
    row.locator("textarea").first.fill("antibody = Protein")
    row.locator("input[name$='labels.otherwise']").fill("keep")
    page.get_by_role("button", name="Save").click()
    # It can be used; that no record has a parent is said all the same.
    page.get_by_text("no record of the sample has a value for row 4 (parent)").wait_for()
    page.get_by_role("button", name="Preview on the sample").click()
    page.get_by_text("records of the sample").first.wait_for()
    # On all of them it is a worker's job, and the page follows it by itself.
    page.get_by_role("button", name="On all records").click()
    page.get_by_text("What it would do to all 40 records").wait_for()
    page.get_by_role("status").wait_for(state="detached")
    job = "SELECT preview_state, preview_scope, preview_done FROM registry_sync_mappingdraft"
    until(lambda: morning.d.rows(job) == [("done", "all", 40)], seconds=60, what="the preview")
    page.get_by_role("link", name="Publish…").click()
    page.get_by_label("Reason (visible to all users)").fill("Antibodies are proteins here")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("Published as version").wait_for()
    page.goto(f"{morning.url}/admin/")
    # The retry writes the five; the sync reads what else the new mapping may change.
    for button in ("Retry failed", "Sync now"):
        page.get_by_role("link", name=button, exact=True).click()
        page.get_by_label("Reason").fill("The mapping knows them now")
        page.locator("#content input[type=submit]").click()
        page.locator("#content .pill.good").first.wait_for()
        page.goto(f"{morning.url}/admin/")
    page.get_by_text("Good morning. Every record that was read is in Benchling").wait_for()
    assert page.locator(".desk-health .pill.good").count() == 1
    assert world.values()["C-000003"]["Kind"] == "Protein"
    closed = "SELECT count(*) FROM registry_sync_entityerror WHERE closed_at IS NOT NULL"
    assert morning.d.rows(closed) == [(5,)]


PAGES = {
    "first": "",
    "runs": "registry_sync/syncrun/",
    "run": "registry_sync/syncrun/2/change/",
    "run-start": "registry_sync/syncrun/start/sync/",
    "errors": "registry_sync/entityerror/",
    "copy": "registry_sync/entityerror/copy/?code=dropdown_option_missing",
    "error": "registry_sync/entityerror/1/change/",
    "record": "registry_sync/ledgerentry/record/?id=C-000001",
    "steps": "registry_sync/ledgerentry/record/steps/?id=C-000001",
    "ledger": "registry_sync/ledgerentry/",
    "changes": "registry_sync/change/",
    "connect": "registry_sync/mappingdraft/connect/access/",
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
    "plans": "registry_sync/plan/",
    "proposals": "registry_sync/proposal/",
    "allowances": "registry_sync/allowance/",
    "allowance": "registry_sync/allowance/add/",
    "batches": "registry_sync/batch/",
    "chain": "registry_sync/chainhead/",
    "not-found": "registry_sync/plan/99/change/",
    "lanes": "registry_sync/lane/",
    "lane": "registry_sync/lane/1/change/",
    "alert-settings": "registry_sync/alertsettings/1/change/",
    "alerts": "registry_sync/alert/",
    "check-ups": "registry_sync/checkup/",
    "check-up": "registry_sync/checkup/1/change/",
    "deliveries": "registry_sync/webhookdelivery/",
}


@pytest.mark.slow
def test_every_page_is_accessible(morning, page):
    page.goto(f"{morning.url}/admin/registry_sync/mappingdraft/add/")
    page.get_by_role("button", name="Start from the live mapping").click()
    page.get_by_role("button", name="Preview on the sample").click()
    page.get_by_text("records of the sample").first.wait_for()
    page.goto(f"{morning.url}/admin/registry_sync/checkup/")
    page.get_by_role("button", name="Check the whole setup now").click()
    page.locator("table.desk-points").wait_for()
    found = []
    for number, (name, path) in enumerate(PAGES.items()):
        # In everyday runs each page in one look, wide and light or narrow and dark, in turn.
        for scheme, width in LOOKS if SHOTS else [LOOKS[number % 2 * 3]]:
            # Before the page comes: colours that fade into others have no contrast meanwhile.
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            answer = page.goto(f"{morning.url}/admin/{path}")
            assert answer.ok or name == "not-found", f"{name}: {answer.status}"
            if SHOTS:
                shot = Path(SHOTS) / f"desk-{name}-{scheme}-{width}.png"
                page.screenshot(path=str(shot), full_page=True)
            faults = axe_faults(page, RULES, LATER_ROWS) + page.evaluate(OVER_ICONS)
            found += [f"{name}, {scheme}, {width}: {fault}" for fault in faults]
    assert found == []
    # Times are in the reader's own zone, which each names; the title keeps UTC.
    zone = {"timezoneId": "Asia/Tokyo"}
    page.context.new_cdp_session(page).send("Emulation.setTimezoneOverride", zone)
    page.goto(f"{morning.url}/admin/")
    first = page.locator("time[data-local]").first
    assert first.inner_text().endswith(" GMT+9")
    assert str(first.get_attribute("title")).endswith(" UTC")
