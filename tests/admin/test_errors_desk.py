"""Errors at the desk: by cause, tried again, dismissed, assigned, and closed by themselves."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import EntityError, SyncRun
from registry_sync.reporting.error_groups import error_groups
from registry_sync.reporting.redaction import HIDDEN, redact, secret_mark
from tests.support.desk import read, text
from tests.support.factories import EntityErrorFactory, LaneFactory, SyncRunFactory
from tests.support.registry import compound

Status, Kind = SyncRun.Status, SyncRun.Kind
LIST = reverse("admin:registry_sync_entityerror_changelist")
ALL = LIST + "?state=all&lane=all"


def cause(code: str, what: str) -> str:
    return reverse("admin:registry_sync_entityerror_cause", args=[code, what])


def act(client: Client, action: str, *errors: EntityError, reason: str = "Because") -> Any:
    """Do what a person does: choose an action, then say why on the page that asks."""
    asked = {"action": action, "_selected_action": [error.pk for error in errors]}
    page = client.post(ALL, asked)
    assert page.status_code != 200 or "Reason (visible to all users)" in page.content.decode()
    return client.post(ALL, {**asked, "decided": "yes", "reason": reason}, follow=True)


def three_causes(world: Any) -> Any:
    """Make a lane with one name borne twice, options missing, and a link to nothing."""
    records = [compound(n) for n in range(8)]
    records[1]["name"] = "compound 0"
    records[2]["kind"] = records[3]["kind"] = "Peptide"
    records[4]["parent"] = "C-000100"
    w = world(records)
    assert w.sync().failed == 4
    return w


def test_errors_are_grouped_by_cause_and_say_what_they_wait_for(world, owner, viewer):
    w = three_causes(world)
    page = text(owner.get(LIST))
    assert "2 × option missing in a Benchling dropdown" in page
    assert "1 × name already used in this Benchling registry" in page
    assert "waits for the name “compound 0”, which C-000000 uses" in page
    assert "waits for C-000100 to arrive in Benchling" in page
    assert "waits for the option “Peptide” in the dropdown of Kind" in page
    assert page.index("2 × option") < page.index("1 × linked") < page.index("1 × name already")
    one = text(owner.get(LIST + "?code=link_missing"))
    assert "C-000004" in one and "C-000002" not in one and "2 × option" in one
    assert "C-000003" in text(owner.get(LIST + "?q=C-000003"))
    seen = text(viewer.get(LIST))
    assert "2 × option" in seen and "Retry all" not in seen
    assert Client().get(LIST).url.startswith(reverse("admin:login"))
    error = w.open_errors()["C-000001"]
    assert "a Benchling admin" in page and "the registry&#x27;s owner" in page
    detail = text(owner.get(reverse("admin:registry_sync_entityerror_change", args=[error.pk])))
    assert "Give C-000001 or C-000000 another name" in detail and "&quot;smiles&quot;" in detail


@pytest.mark.invariant(3)
def test_errors_close_by_themselves_and_say_by_which_run(world, owner):
    w = three_causes(world)
    w.tenant.add_option(w.kinds, "Peptide")
    w.registry.edit("C-000000", name="Something else")
    w.registry.records.append(compound(100))
    w.registry.edit("C-000100")
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not w.open_errors()
    assert "No open errors" in text(owner.get(LIST))
    closed = text(owner.get(LIST + "?state=closed"))
    assert closed.count(f"nothing: closed by run {run.pk}") == 4


def test_only_the_selected_are_retried(world, owner, viewer):
    w = world([compound(n) for n in range(6)])
    for n in (1, 2, 3):
        w.tenant.refuse[f"C-{n:06d}"] = "Not this one."
    w.sync()
    w.tenant.refuse.clear()
    first, second, third = (w.open_errors()[f"C-00000{n}"] for n in (1, 2, 3))
    asked = {"action": "retry", "_selected_action": first.pk, "decided": "yes", "reason": "No"}
    viewer.post(ALL, asked)
    assert Client().post(ALL, asked).url.startswith(reverse("admin:login"))
    assert SyncRun.objects.count() == 1
    page = act(owner, "retry", first, second, reason="Repaired")
    run = SyncRun.objects.first()
    assert (run.kind, run.only, run.actor) == (Kind.RETRY, ["C-000001", "C-000002"], "Olivia")
    assert f"Run {run.pk}" in text(page)
    other = act(owner, "retry", third)
    assert "is already active" in text(other) and SyncRun.objects.count() == 2
    run = jobs.work_to_end(run.pk)
    assert set(w.open_errors()) == {"C-000003"} and run.retried == 2 and w.written() == 5
    first.refresh_from_db()
    assert first.closed_by_run == run
    shown = text(owner.get(reverse("admin:registry_sync_entityerror_change", args=[first.pk])))
    assert f"Retried by run {run.pk}: Repaired" in shown


def test_a_whole_cause_is_retried_and_nothing_else(world, owner, viewer):
    w = world([compound(n) for n in range(9)])
    for n in range(4):
        w.tenant.refuse[f"C-{n:06d}"] = "Not this one."
    w.registry.record("C-000008")["kind"] = "Peptide"
    w.sync()
    w.tenant.refuse.clear()
    act(owner, "dismiss", w.open_errors()["C-000000"])
    assert viewer.get(cause("refused", "retry")).status_code == 403
    asked = {"decided": "yes", "reason": "Benchling is well again"}
    assert viewer.post(cause("refused", "retry"), asked).status_code == 403
    assert "3 × refused by Benchling" in text(owner.get(cause("refused", "retry")))
    assert SyncRun.objects.count() == 1
    owner.post(cause("refused", "retry"), asked)
    run = SyncRun.objects.first()
    assert (run.kind, run.only, run.only_cause) == (Kind.RETRY, [], "refused")
    run = jobs.work_to_end(run.pk)
    assert (run.retried, run.created) == (3, 3)
    assert set(w.open_errors()) == {"C-000000", "C-000008"}


def test_a_dismissed_error_rests_until_its_record_changes(world, owner):
    w = world([compound(n) for n in range(4)])
    w.tenant.refuse["C-000001"] = "Not this one."
    assert w.sync().status == Status.COMPLETED_WITH_WARNINGS
    error = w.open_errors()["C-000001"]
    act(owner, "dismiss", error, reason="Known")
    assert "No open errors" in text(owner.get(LIST))
    assert "is dismissed until its record changes" in text(owner.get(LIST + "?state=dismissed"))
    assert w.sync().status == Status.SUCCEEDED and w.sync(kind=Kind.RETRY).read == 0
    act(owner, "bring_back", error)
    assert w.sync().status == Status.COMPLETED_WITH_WARNINGS
    act(owner, "dismiss", error)
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED
    w.registry.edit("C-000001", approval=2020)
    assert w.sync().status == Status.COMPLETED_WITH_WARNINGS
    assert "Not this one" in text(owner.get(LIST))
    error.refresh_from_db()
    assert error.dismissed_at is None and error.closed_at is None


def test_a_cause_is_dismissed_whole_and_an_error_is_assigned(world, owner, viewer):
    w = three_causes(world)
    post = {"decided": "yes", "reason": "Not wanted"}
    assert viewer.post(cause("dropdown_option_missing", "dismiss"), post).status_code == 403
    owner.post(cause("dropdown_option_missing", "dismiss"), post)
    assert {e.dismissed_by for e in w.open_errors().values()} == {"", "Olivia"}
    assert EntityError.objects.filter(dismissed_reason="Not wanted").count() == 2
    error = w.open_errors()["C-000001"]
    act(owner, "to_mapping", error, reason="We add the id to names")
    error.refresh_from_db()
    assert (error.assigned, error.assigned_by) == ("mapping", "Olivia")
    groups = {group.code: group.who for group in error_groups(runs.open_errors(error.lane))}
    assert groups["name_taken"] == ("the integration owner",)
    w.sync(kind=Kind.RETRY)
    error.refresh_from_db()
    assert error.assigned == "mapping"
    act(owner, "unassign", error)
    error.refresh_from_db()
    assert error.assigned == ""


def test_the_list_asks_the_database_as_often_for_fifty_as_for_five(world, owner):
    w = three_causes(world)
    model = w.open_errors()["C-000001"]

    def queries() -> int:
        from django.db import connection

        with CaptureQueriesContext(connection) as asked:
            text(owner.get(LIST))
            text(owner.get(LIST + "?state=all"))
        counts = [q["sql"] for q in asked if "COUNT(*)" in q["sql"]]
        assert counts and all("LIMIT" in sql or '"closed_at" IS NULL' in sql for sql in counts)
        return len(asked)

    few = queries()
    for n in range(50):
        model.pk, model.external_id = None, f"D-{n}"
        model.waits_key = f"compound {n}"
        model.save(force_insert=True)
    assert queries() == few


@pytest.mark.once
@pytest.mark.invariant(9)
def test_secrets_are_hidden_by_name_and_by_value(settings):
    settings.BENCHLING_CLIENT_SECRET = "s3cret-of-ours"
    raw = {
        "id": 1,
        "api_key": "abc",
        "note": "sent with s3cret-of-ours",
        "links": [{"self": "https://r/x?key=reg-key-1&page=2"}, "reg-key-1"],
        "token": None,
    }
    raw["sent"], raw["phrase"] = "Bearer a+b/c==", "open sesame"
    shown = redact(
        raw, [secret_mark("reg-key-1"), secret_mark("a+b/c=="), secret_mark("open sesame")]
    )
    assert (shown["sent"], shown["phrase"]) == (f"Bearer {HIDDEN}", HIDDEN)
    assert shown["api_key"] == HIDDEN and shown["note"] == f"sent with {HIDDEN}"
    assert shown["links"] == [{"self": f"https://r/x?key={HIDDEN}&page=2"}, HIDDEN]
    assert shown["id"] == 1 and shown["token"] is None
    assert "reg-key-1" not in secret_mark("reg-key-1") and raw["api_key"] == "abc"


@pytest.mark.invariant(9)
@pytest.mark.once
def test_the_raw_record_is_shown_without_secrets(world, owner):
    bad = compound(1, kind="Peptide", password="hunter2", via="key")
    w = world([compound(0), bad], config={"API Key": "key"})
    w.sync()
    error = w.open_errors()["C-000001"]
    page = text(owner.get(reverse("admin:registry_sync_entityerror_change", args=[error.pk])))
    assert "Peptide" in page and "hunter2" not in page
    assert json.dumps("via")[1:-1] in page and "&quot;key&quot;" not in page


def hidden(page: Any) -> dict[str, str]:
    """Return the hidden values of the form that asks for a reason."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode())
    return {name: value for name, value in found if not name.startswith("csrf")}


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("whole", [False, True], ids=["all of the list", "a cause"])
def test_what_came_after_the_question_is_not_decided(owner, whole):
    lane = LaneFactory()
    run = SyncRunFactory(lane=lane)
    first = EntityErrorFactory(lane=lane, run=run, external_id="C-1", code="refused")
    other = EntityErrorFactory(lane=lane, run=run, external_id="C-2", code="wrong_type")
    where, asked = LIST + "?code=refused", {"action": "dismiss", "select_across": "1"}
    if whole:
        where, asked = cause("refused", "dismiss"), {}
    page = owner.post(where, {**asked, "_selected_action": first.pk})
    sent = {**hidden(page), "reason": "Known"}
    later = EntityErrorFactory(lane=lane, run=run, external_id="C-3", code="refused")
    EntityError.objects.filter(pk=other.pk).update(code="refused")  # refused again, for this cause
    again = owner.post(where, sent)
    assert "More match now than the 1 that were shown. Nothing was done" in text(again)
    assert not EntityError.objects.filter(dismissed_at__isnull=False).exists()
    owner.post(where, {**hidden(again), "reason": "Known"})
    assert set(EntityError.objects.filter(dismissed_at__isnull=False)) == {first, other}
    later.refresh_from_db()
    assert later.dismissed_at is None


@pytest.mark.once
@pytest.mark.django_db
def test_who_must_act_leads_to_the_list_for_them(owner):
    lane = LaneFactory()
    EntityErrorFactory(lane=lane, run=SyncRunFactory(lane=lane), code="name_taken", kind="source")
    page = owner.get(LIST).content.decode()
    link = re.search(r'<a href="([^"]+)">the registry&#x27;s owner</a>', page)
    assert link and "Copy for the registry's owner" in read(owner, html.unescape(link[1]))
