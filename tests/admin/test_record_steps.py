"""The page that follows one record: each step's outcome, from the record's and the error's page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from registry_sync.models import EntityError, Lane, SyncRun
from tests.support.desk import read, text
from tests.support.registry import compound
from tests.support.worlds import World, looked_up

pytestmark = pytest.mark.once
STEPS = "/admin/registry_sync/ledgerentry/record/steps/"


@pytest.fixture
def synced(world: Any) -> World:
    records = [*(compound(n) for n in range(3)), compound(3, kind="Rock", apiKey="s3cret-99")]
    w: World = world(records, config={"Connector Settings": looked_up()})
    w.sync()
    return w


def words(html: str) -> list[str]:
    """Return what each step of the page came to."""
    return re.findall(
        r'<span class="pill \w+"><span aria-hidden="true">.</span> ([^<]+)</span>', html
    )


def test_each_step_has_its_outcome_and_one_press_syncs_it(synced: World, owner: Client) -> None:
    synced.registry.edit("C-000001", smiles="OCC")
    story = owner.get(reverse("admin:registry_sync_record") + "?id=C-000001").content.decode()
    (address,) = re.findall(r'<a class="button" href="([^"]+)">Step by step', story)
    html = owner.get(address.replace("&amp;", "&")).content.decode()
    assert words(html) == ["passes"] * 7 and "A run would change 1 value in Benchling." in html
    assert "<td>CC</td><td>OCC</td>" in html
    assert len(re.findall("<details", html)) >= 4
    (sync,) = re.findall(r'<form method="post" action="([^"]+)">.*?Sync just this one', html, re.S)
    count = SyncRun.objects.count()
    sent = {"action": "sync_one", "decided": "1", "reason": "It was corrected"}
    owner.post(sync.replace("&amp;", "&"), sent)
    assert SyncRun.objects.count() == count + 1 and SyncRun.objects.latest("pk").only == [
        "C-000001"
    ]


def test_where_a_record_stops_its_cures_are_offered_and_no_secret_is_shown(
    synced: World, owner: Client, viewer: Client
) -> None:
    error = EntityError.objects.get()
    rows = owner.get(reverse("admin:registry_sync_entityerror_changelist")).content.decode()
    page = owner.get(reverse("admin:registry_sync_entityerror_change", args=[error.pk]))
    address = f"{STEPS}?id=C-000003&amp;lane={error.lane_id}"
    assert address in rows and address in page.content.decode()
    html = owner.get(address.replace("&amp;", "&")).content.decode()
    assert words(html) == ["passes"] * 3 + ["stops here", "not reached", "passes", "not reached"]
    assert "Check again" in html and "s3cret-99" not in html and "(hidden: a secret)" in html
    seen = viewer.get(address.replace("&amp;", "&")).content.decode()
    assert "Rock" in seen and "Check again" not in seen and "Sync just this one" not in seen


def test_a_registry_that_refuses_is_said_and_benchling_is_still_looked_at(
    synced: World, owner: Client
) -> None:
    synced.registry.token = "other"
    html = owner.get(f"{STEPS}?id=C-000001").content.decode()
    assert words(html)[0] == "could not be asked" and words(html)[5] == "passes"
    assert "API Key" in text(owner.get(f"{STEPS}?id=C-000001"))


def test_before_any_run_it_leads_to_connecting(world: Any, owner: Client) -> None:
    world([compound(1)])
    assert not Lane.objects.exists()
    assert "Connect a registry" in read(owner, f"{STEPS}?id=C-000001")
