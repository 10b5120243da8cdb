"""The desk as a whole: who may see it, and who may do what."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from registry_sync.models import SyncRun

from .desk import groups
from .registry import compound


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
        assert viewer.get(url, follow=True).status_code == 200, url


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
