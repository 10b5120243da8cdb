"""The desk as a whole: who may see it, and who may do what."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from registry_sync import admin as admin_package
from registry_sync.models import Lane, SyncRun
from tests.support.desk import groups
from tests.support.registry import compound

STYLE = Path(admin_package.__file__).parent.parent / "static" / "registry_sync" / "desk.css"


@pytest.mark.django_db
def test_the_groups_are_made_by_migration():
    owners, viewers = (
        set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
        for name in (groups.OWNERS, groups.VIEWERS)
    )
    assert set(groups.OWNERS_MAY) < owners
    assert viewers == {codename for codename in owners if codename.startswith("view_")}
    assert "view_entityerror" in viewers


def test_a_viewer_opens_every_list(viewer):
    mine = [model for model in admin.site._registry if model._meta.app_label == "registry_sync"]
    assert len(mine) > 10
    for model in mine:
        url = reverse(f"admin:registry_sync_{model._meta.model_name}_changelist")
        answer = viewer.get(url, follow=True)
        assert answer.status_code == 200, url
        html = answer.content.decode()
        assert ("desk-nothing" in html) == ('id="changelist"' in html), url


def test_an_empty_list_says_why_and_a_long_one_counts_so_far(world, viewer, monkeypatch):
    url = reverse("admin:registry_sync_ledgerentry_changelist")
    assert "Nothing has been read from the registry yet." in viewer.get(url).content.decode()
    world([compound(n) for n in range(12)]).sync()
    assert "Nothing matches" in viewer.get(f"{url}?q=C-999999").content.decode()
    assert "12 records\n" in viewer.get(url).content.decode()
    monkeypatch.setattr("registry_sync.admin.base.COUNTED", 10)
    for asked, said in (("", "10 or more records"), ("?q=C-000001", "1 found")):
        assert said in viewer.get(url + asked).content.decode()


@pytest.mark.once
def test_who_may_control_a_run(world, owner, viewer):
    w = world([compound(i) for i in range(2)])
    w.sync()
    run = SyncRun.objects.get()
    SyncRun.objects.update(status="QUEUED")
    url = reverse("admin:registry_sync_syncrun_changelist")
    asked = {"action": "pause", "_selected_action": run.pk, "decided": "yes", "reason": "Lunch"}
    assert Client().post(url, asked).url.startswith(reverse("admin:login"))
    viewer.post(url, asked)
    run.refresh_from_db()
    assert run.paused_at is None
    owner.post(url, asked)
    run.refresh_from_db()
    assert run.paused_by == "Olivia" and run.paused_reason == "Lunch"


@pytest.mark.once
def test_times_name_their_zone_and_no_link_leads_nowhere(world, owner):
    w = world([compound(1)])
    w.sync()
    at = Lane.objects.get().created_at
    page = owner.get("/admin/registry_sync/lane/").content.decode()
    assert f">{at:%Y-%m-%d %H:%M} UTC</time>" in page
    assert "View site" not in page, "there is no page at /"


@pytest.mark.once
def test_the_style_sheet_closes_what_it_opens():
    """A rule swallowed by the @media before it is seen by narrow pages alone."""
    depth = 0
    for number, line in enumerate(STYLE.read_text(encoding="utf-8").splitlines(), 1):
        assert depth == 0 or not line.startswith(("@", "/*")), f"line {number}"
        depth += line.count("{") - line.count("}")
    assert depth == 0
