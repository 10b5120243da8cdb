"""Requests that no link of the desk makes: lanes that are none, addresses that are none, NUL."""

from __future__ import annotations

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse

from registry_sync.admin.base import ReadOnly
from registry_sync.models import EntityError, Lane, SyncRun
from tests.support.desk import INDEX
from tests.support.factories import EntityErrorFactory, LaneFactory, SyncRunFactory

RECORD = reverse("admin:registry_sync_record")
STEPS = reverse("admin:registry_sync_record_steps")


@pytest.fixture
def lane(db: None) -> Lane:
    """A lane that is fed now, with an open error."""
    found = LaneFactory(position=0)
    run = SyncRunFactory(lane=found)
    EntityErrorFactory(lane=found, run=run, external_id="C-1", code="name_taken")
    return found


def address(name: str, *parts: str) -> str:
    return reverse(f"admin:registry_sync_{name}", args=parts)


@pytest.mark.once
@pytest.mark.parametrize("asked", ["abc", "0", "99999", "1 ", "-1"])
def test_what_names_no_lane_acts_on_none(lane: Lane, owner: Client, asked: str) -> None:
    sent = {"decided": "1", "reason": "to try it", "lane": asked}
    for at in (
        address("entityerror_cause", "name_taken", "dismiss"),
        address("entityerror_cure", "assign", "name_taken"), RECORD, STEPS,
        address("plan_make"), address("reconciliation_run"),
    ):  # fmt: skip
        assert owner.post(f"{at}?lane={asked}&id=C-1", sent).status_code == 404, at
    assert SyncRun.objects.count() == 1
    assert EntityError.objects.get().dismissed_at is None
    assert owner.get(f"{RECORD}?lane=&id=C-1").status_code == 200  # none is named


@pytest.mark.once
@pytest.mark.parametrize("key", ["abc", "9" * 30])
def test_a_key_that_is_none_names_no_row(admin_client: Client, key: str) -> None:
    admin_client.raise_request_exception = False
    answers = []
    for model, page in site._registry.items():
        base = f"{INDEX}{model._meta.app_label}/{model._meta.model_name}/"
        answers.append(admin_client.get(f"{base}{key}/change/"))
        if isinstance(page, ReadOnly):  # the others are Django's own
            for action in page.actions or ():
                sent = {"action": action, "_selected_action": key, "decided": "1", "reason": "x"}
                answers.append(admin_client.post(base, sent))
    assert {answer.status_code for answer in answers} <= {200, 302, 404}


@pytest.mark.once
@pytest.mark.parametrize("came", ["http://[x", "http://[::1", "//[", "http://a]b/", "http://x:y/"])
def test_a_referer_that_is_no_address_is_ignored(lane: Lane, viewer: Client, came: str) -> None:
    for at in (INDEX, RECORD, address("syncrun_changelist")):
        assert viewer.get(at, HTTP_REFERER=came).status_code == 200


def test_a_nul_is_refused_before_the_database_sees_it(lane: Lane, owner: Client) -> None:
    """PostgreSQL has none in its texts."""
    cure = address("entityerror_cure", "assign", "name_taken")
    cause = address("entityerror_cause", "name_taken", "dismiss")
    errors = address("entityerror_changelist")
    asked = f"lane={lane.pk}&id=%00"
    for at in (f"{STEPS}?{asked}", f"{RECORD}?{asked}", f"{RECORD}?q=C%00", f"{cure}?{asked}",
               f"{errors}?q=%00", f"{errors}?field=%00", f"{errors}%00/change/"):  # fmt: skip
        assert owner.get(at).status_code == 400, at
    for at in (cause, f"{cure}?lane={lane.pk}"):
        assert owner.post(at, {"decided": "1", "reason": "as\0agreed"}).status_code == 400, at
    assert EntityError.objects.get().dismissed_at is None
