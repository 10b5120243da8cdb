"""The five entries, the search, the lane's switch and the way back, on pages of every sort."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.test.utils import override_script_prefix
from django.urls import reverse

from registry_sync.desk import run_display as looks
from registry_sync.models import SyncRun
from tests.support.desk import INDEX, read, text
from tests.support.factories import EntityErrorFactory, LaneFactory, SyncRunFactory
from tests.support.registry import compound

pytestmark = pytest.mark.once
RUNS = reverse("admin:registry_sync_syncrun_changelist")
ERRORS = reverse("admin:registry_sync_entityerror_changelist")
RECORD = reverse("admin:registry_sync_record")
PAGES = {
    INDEX: "Today",
    RUNS: "Runs",
    RECORD: "Records",
    ERRORS: "Records",
    reverse("admin:mapping"): "Mapping",
    reverse("admin:registry_sync_mappingversion_changelist"): "Mapping",
    reverse("admin:settings"): "Settings",
    reverse("admin:registry_sync_lane_changelist"): "Settings",
    reverse("admin:registry_sync_batch_changelist"): "",
}


def entries(html: str) -> dict[str, str]:
    """Return the entries of a page's header and what each says about the page ("" for nothing)."""
    bar = html[html.index('aria-label="Main"') : html.index("<summary>More")]
    links = re.findall(r'<a href="[^"]+"(?: aria-current="(\w+)")?>(\w+)</a>', bar)
    return {title: current for current, title in links}


def switch(html: str) -> dict[str, str]:
    """Return the lane's switch: its choices and their addresses."""
    if 'aria-label="Lane"' not in html:
        return {}
    part = html[html.index('aria-label="Lane"') :].partition("</nav>")[0]
    return {
        title: address.replace("&amp;", "&")
        for address, title in re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', part)
    }


def crumbs(html: str) -> list[tuple[str, str]]:
    part = html[html.index('class="breadcrumbs"') :].partition("</div>")[0]
    links = re.findall(r'<a [^>]*href="([^"]+)">([^<]+)</a>', part)
    return [(title, address.replace("&amp;", "&")) for address, title in links]


def test_every_page_has_the_entries_the_search_and_its_own_mark(viewer):
    LaneFactory()
    for address, section in PAGES.items():
        html = text(viewer.get(address))
        found = entries(html)
        assert list(found) == ["Today", "Runs", "Records", "Mapping", "Settings"], address
        assert [title for title, current in found.items() if current] == [section] * bool(section)
        assert html.count('aria-label="Search all records"') == 2, "the form and its input"
        assert "<summary>More</summary>" in html and switch(html) == {}, "one lane: no switch"
        assert "style=" not in html and "<script>" not in html
    assert 'aria-label="Main"' not in text(Client().get(reverse("admin:login")))


def test_only_what_may_be_followed_is_a_link(db):
    user = User.objects.create_user("Stan", is_staff=True)
    client = Client()
    client.force_login(user)
    html = text(client.get(INDEX))
    assert list(entries(html)) == ["Today"] and "Search all records" not in html
    user.user_permissions.add(Permission.objects.get(codename="view_syncrun"))
    html = text(client.get(RUNS))
    assert list(entries(html)) == ["Today", "Runs"] and ERRORS not in html
    user.user_permissions.add(Permission.objects.get(codename="view_lane"))
    settings = text(client.get(reverse("admin:settings")))
    assert "All lanes" in settings and "Webhook" not in settings and "Overrides" not in settings
    assert reverse("admin:auth_user_changelist") not in settings
    assert client.get(reverse("admin:mapping")).status_code == 403


def test_the_switch_keeps_the_page_and_the_entries_keep_the_lane(viewer):
    one = LaneFactory(schema_id="ts_1", schema_name="Compounds")
    two = LaneFactory(schema_id="ts_2", schema_name="Lots", position=1)
    EntityErrorFactory(lane=two, external_id="L-1")
    html = text(viewer.get(f"{ERRORS}?code=refused&p=0"))
    assert switch(html) == {
        "All lanes": "?".join([ERRORS, "code=refused"]),
        "Compounds": f"{ERRORS}?code=refused&lane={one.pk}",
        "Lots": f"{ERRORS}?code=refused&lane={two.pk}",
    }
    lots = text(viewer.get(switch(html)["Lots"].replace("code=refused&", "")))
    assert "Lane: Lots" in lots and f"{RUNS}?lane={two.pk}" in lots and "L-1" in lots
    drafts = reverse("admin:registry_sync_mappingdraft_changelist")
    assert switch(text(viewer.get(drafts)))["Lots"] == f"{drafts}?schema=ts_2"
    run = reverse("admin:registry_sync_syncrun_change", args=[SyncRunFactory(lane=one).pk])
    assert switch(text(viewer.get(run)))["Lots"] == f"{RUNS}?lane={two.pk}"
    mapping = f"{reverse('admin:mapping')}?lane={two.pk}"
    assert "Mapping of Lots" in read(viewer, mapping)
    assert "Mapping of Compounds" not in read(viewer, mapping)


def test_breadcrumbs_lead_back_to_the_list_as_it_was_left(viewer):
    error = EntityErrorFactory(external_id="C-1")
    page = reverse("admin:registry_sync_entityerror_change", args=[error.pk])
    plain = [("Today", INDEX), ("Records", RECORD), ("Errors", ERRORS)]
    assert crumbs(text(viewer.get(page))) == plain
    left = f"{ERRORS}?code={error.code}&state=all"
    back = text(viewer.get(page, HTTP_REFERER=f"http://testserver{left}"))
    assert crumbs(back) == [*plain[:2], ("Errors", left)]
    run = reverse("admin:registry_sync_syncrun_change", args=[error.run_id])
    from_run = text(viewer.get(page, HTTP_REFERER=f"http://testserver{run}"))
    assert crumbs(from_run) == [(f"← Run {error.run_id}", run), *plain]
    for elsewhere in (f"http://evil.example{run}", "http://testserver/admin/nowhere/"):
        assert crumbs(text(viewer.get(page, HTTP_REFERER=elsewhere))) == plain


def test_under_a_path_every_link_keeps_it(viewer, settings):
    settings.FORCE_SCRIPT_NAME = "/sync"
    with override_script_prefix("/sync/"):
        html = text(viewer.get("/admin/settings/"))
    inside = re.findall(r'(?:href|action)="(/[^"]*)"', html)
    pages = [one for one in inside if not one.startswith(settings.STATIC_URL)]
    assert len(pages) > 20
    assert [one for one in pages if not one.startswith("/sync/admin/")] == []


def test_a_run_is_marked_by_its_own_outcome(world, owner):
    w = world([compound(n) for n in range(3)])
    w.registry.record("C-000001")["kind"] = "Peptide"
    assert looks.pill(w.sync()) == "warning", "it refused one"
    w.registry.records.append(compound(7))
    run = w.sync(kind=SyncRun.Kind.INCREMENTAL)
    assert (run.created, run.failed, run.status) == (1, 0, "COMPLETED_WITH_WARNINGS")
    assert (looks.pill(run), looks.status_words(run)) == ("good", "succeeded")
    page = read(owner, reverse("admin:registry_sync_syncrun_change", args=[run.pk]))
    assert "succeeded Duration" in page
    assert "The lane 1 record refused by earlier runs is still open." in page
    assert "succeeded earlier errors open" in read(owner, RUNS)
    # Each run repeats what its lane waits for; drift is a full run's own finding.
    run.warnings = [{"code": "adoption", "text": "1 waits."}, {"code": "drift", "text": "1 too."}]
    run.save(update_fields=["warnings"])
    assert "succeeded earlier decisions open" in read(owner, RUNS)
    run.reads_all = True
    run.save(update_fields=["reads_all"])
    assert "with warnings" in read(owner, RUNS)
    only = SyncRunFactory(lane=run.lane, only=["C-1", "C-2"])
    retry = SyncRunFactory(lane=run.lane, kind="retry")
    dry = SyncRunFactory(lane=run.lane, kind="dry run")
    assert [looks.sort(one) for one in (run, only, retry, dry)] == [
        "", "2 records", "retry", "dry run",
    ]  # fmt: skip


def test_the_mapping_in_use_is_read_without_a_run_being_looked_for(world, owner):
    w = world([compound(1)])
    page = reverse("admin:mapping")
    assert "←" not in owner.get(page).content.decode()
    run = w.sync()
    shown = owner.get(page).content.decode()
    assert "<li>Approval ← approval (" in shown and "Parent ← parent" in shown
    address = reverse("admin:registry_sync_syncrun_change", args=[run.pk])
    assert f'<a href="{address}">As run {run.pk} used them</a>' in shown


def test_names_that_are_taken_are_a_line_each_with_links(world, owner):
    records = [compound(n) for n in range(4)]
    records[1]["name"] = records[2]["name"] = "Compound 0"
    world(records).sync()
    html = text(owner.get(f"{ERRORS}?code=name_taken"))
    rows = re.findall(r"<tr>(?:(?!</tr>).)*action-select.*?</tr>", html, re.DOTALL)
    assert len(rows) == 2
    for row in rows:
        said = " ".join(re.sub(r"<[^>]+>", " ", row).split())
        assert re.fullmatch(r"C-00000[12] step by step Compound 0 C-000000 – \S+ \S+ UTC", said)
        for label in ("Record", "Name it wants", "Who holds the name", "Since"):
            assert f'data-label="{label}"' in row
        assert len(re.findall(r"<a ", row)) == 4 and "id=C-000000" in row
    mixed = text(owner.get(ERRORS))
    assert 'which <a href="' in mixed and "id=C-000000" in mixed


def test_a_sync_needs_no_reason_and_says_who_wanted_it(owner, db):
    LaneFactory()
    owner.post(
        reverse("admin:registry_sync_syncrun_start", args=["sync"]), {"decided": "yes"}
    )  # fmt: skip
    run = SyncRun.objects.get()
    assert run.created_at <= datetime.now(UTC)
    assert [line.text for line in run.log.all()][-1] == "Sync now, requested by Olivia"
