"""The presses of the cures, and what is true on both sides after each."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry_sync import runs
from registry_sync.desk import cures
from registry_sync.desk.cures.base import page
from registry_sync.desk.cures.press import CannotCure, CureOrder
from registry_sync.ledger import pins
from registry_sync.models import (
    Allowance,
    Drift,
    EntityError,
    Lane,
    MappingDraft,
    Pin,
    Proposal,
    SyncRun,
    Withdrawal,
)
from registry_sync.sync.plans.proposals import Person
from sandbox.tenant.entities import add_by_hand
from tests.support import factories as made
from tests.support.desk import groups, person, text
from tests.support.factories import WithdrawalFactory
from tests.support.people import by_hand
from tests.support.presses import REASON, page_of, press, ticked, words, work
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, looked_up

pytestmark = pytest.mark.once
LIST = "/admin/registry_sync/entityerror/"


def put(w, registry_id, name, **values):
    """Make an entity in Benchling as someone else would."""
    row = {
        "entityRegistryId": registry_id, "name": name, "schemaId": w.schema, "aliases": (),
        "registryId": w.benchling_registry,
        "fields": {field: {"value": value} for field, value in values.items()},
    }  # fmt: skip
    return add_by_hand(w.tenant, row, creator="ent_ada")


def logged() -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.all()]


def test_entities_that_were_there_are_adopted_many_at_once(world, owner, viewer):
    w = world([compound(n) for n in range(4)])
    put(w, "CMP-1", "Compound 1", Approval=1900)
    put(w, "CMP-2", "Compound 2", Approval=1901)
    put(w, "CMP-9", "Nine", Approval=1)
    put(w, "C-000003", "By someone", Approval=1)
    w.sync()
    url = page_of("adoptions")
    assert "C-000001" in ticked(text(owner.get(page_of("name_taken", "adopt"))))
    page = text(owner.get(url))
    assert ticked(page) == {"C-000001": True, "C-000002": True, "C-000003": True}
    assert "Approval: 1900 → 1951" in page
    assert viewer.post(url, {"decided": "1", "reason": REASON}).status_code == 403
    answer = press(owner, url, ["C-000001", "C-000002"])
    work()
    told = words(owner, answer.url)
    assert "2 of 2 records went through" in told
    values = w.values()
    assert values["C-000001"]["Approval"] == 1951 and "CMP-1" not in values
    assert values["C-000003"]["name"] == "By someone"
    assert any(REASON in line for line in logged())


def test_drift_is_restored_or_accepted_row_by_row(world, owner):
    w = world([compound(n) for n in range(4)], config={"Connector Settings": looked_up()})
    w.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000001", Approval=1)
    by_hand(w, "C-000002", Approval=2)
    by_hand(w, "C-000003", archived="Retired")
    w.sync(kind=SyncRun.Kind.FULL)
    one = page_of("drift", "", "C-000001")
    assert ticked(text(owner.get(one))) == {"C-000001": True}
    answer = press(owner, one, press="restore")
    work()
    assert "went through" in words(owner, answer.url) or "passed" in words(owner, answer.url)
    assert w.values()["C-000001"]["Approval"] == 1951 and w.values()["C-000002"]["Approval"] == 2
    answer = press(owner, page_of("drift"), press="accept")
    assert Pin.objects.get().external_id == "C-000002"
    assert not Drift.objects.filter(closed_at=None).exclude(field_id="archived")
    assert cures.best_cure(Lane.objects.get(), "drift") is None
    assert "Nothing differs" in text(owner.get(one))


@pytest.mark.parametrize("decision", ["restore", "accept"])
def test_only_what_was_decided_is_told_and_noted(db, monkeypatch, decision):
    entry = made.LedgerEntryFactory(fields={"f": "a", "g": "a"}, entity_hash="written")
    drift = {"lane": entry.lane, "external_id": entry.external_id, "ours": "a", "theirs": "b"}
    first, second = (made.DriftFactory(field_id=field, **drift) for field in "fg")
    do = getattr(pins, decision)

    def decide(*args, **values):
        Drift.objects.filter(pk=first.pk).update(closed_at=timezone.now())  # by someone else
        return do(*args, **values)

    monkeypatch.setattr(pins, decision, decide)
    monkeypatch.setattr(CureOrder, "check", lambda *_: None)
    order = CureOrder(Person("Olivia"), REASON, decision, (str(first.pk), str(second.pk)))
    done = cures.find_cure("drift", "drift").do(cures.CureCase(entry.lane, "drift"), order)
    assert done.noted == [second]
    assert done.warnings[0].startswith("1 difference could not be decided")


@pytest.mark.parametrize(
    ("code", "make"), [("drift", made.DriftFactory), ("adoptions", made.AdoptionFactory)]
)
def test_the_queries_for_many_rows_are_bounded(owner, code, make):
    lane = made.LaneFactory()
    rows = make.create_batch(12, lane=lane)
    url = page_of(code)
    with CaptureQueriesContext(connection) as asked:
        assert len(ticked(text(owner.get(url)))) == 12
    assert len(asked) <= 14
    order = CureOrder(Person("Olivia"), REASON, "accept", (str(rows[3].pk), "9" * 30, "x"))
    with CaptureQueriesContext(connection) as asked, suppress(CannotCure):
        cures.find_cure(code if code == "drift" else "adopt", code).do(
            cures.CureCase(lane, code), order
        )
    table = make._meta.model._meta.db_table
    first = next(q["sql"] for q in asked if f'FROM "{table}"' in q["sql"])
    assert f"IN ({rows[3].pk})" in first


def test_another_substance_is_allowed_once_and_written(world, owner):
    config = {"Connector Settings": {**INCREMENTAL, "identity": ["smiles"]}}
    w = world([compound(n) for n in range(3)], config=config)
    w.sync()
    w.registry.edit("C-000001", smiles="N")
    w.registry.edit("C-000002", smiles="O")
    w.sync()
    url = page_of("another_substance", "allow-record")
    page = text(owner.get(url))
    assert ticked(page) == {"C-000001": False, "C-000002": False} and "CCC" in page
    assert "Tick at least one" in text(press(owner, url))
    press(owner, url, ["C-000002"])
    run = work()
    assert Allowance.objects.get().used_by == run
    assert w.values()["C-000002"]["SMILES"] == "O" and w.values()["C-000001"]["SMILES"] == "CC"


def test_records_that_take_two_people_are_proposed_together(owner):
    lane = made.LaneFactory(second_allow=True)
    wanted = {"lane": lane, "code": "another_substance"}
    errors = made.EntityErrorFactory.create_batch(3, **wanted)
    ids = [error.external_id for error in errors]
    url = page_of("another_substance", "allow-record")
    for _ in range(2):  # a second press of the same person changes nothing
        answer = press(owner, url, ids[:2])
        assert answer.status_code == 302 and not Allowance.objects.exists()
        told = words(owner, answer.url)
        assert "second person: the override for 2 records is proposed" in told
    assert Proposal.objects.filter(state="open").count() == 2 and not lane.runs.filter(only=ids[:2])
    answer = press(person("Mona", groups.OWNERS), url, ids)
    assert set(Allowance.objects.values_list("external_id", "actor")) == {
        (ids[0], "Mona"), (ids[1], "Mona"),
    }  # fmt: skip
    assert Proposal.objects.get(state="open").subject["external_id"] == ids[2]
    run = lane.runs.get(status="QUEUED")
    assert run.only == sorted(ids[:2])
    noted = LogEntry.objects.filter(change_message__contains="Overridden once for 2 records")
    assert {entry.object_id for entry in noted} == {str(error.pk) for error in errors[:2]}


@pytest.mark.parametrize("second", [False, True])
def test_the_queries_to_allow_many_records_do_not_grow_with_them(owner, second):
    lane = made.LaneFactory(second_allow=second)
    made.SyncRunFactory(lane=lane, status="RUNNING")  # each run follows this one
    errors = made.EntityErrorFactory.create_batch(42, lane=lane, code="another_substance")
    ids = [error.external_id for error in errors]
    url, asked = page_of("another_substance", "allow-record"), list[list[int]]()
    for some in (ids[:2], ids[2:]):
        counts = list[int]()
        for client in (owner, person(f"Mona {len(some)}", groups.OWNERS)):
            with CaptureQueriesContext(connection) as queries:
                assert press(client, url, some, typed=str(len(some))).status_code == 302
            counts.append(len(queries))
        asked.append(counts)
        assert Allowance.objects.filter(external_id__among=some).count() == len(some)
    assert asked[0] == asked[1]


def test_a_stopped_run_is_allowed_once_and_synced(world, owner):
    w = world([compound(n) for n in range(30)])
    w.sync()
    for record in w.registry.records:
        del record["approval"]
    assert w.sync(kind=SyncRun.Kind.FULL).error_code == "path_gone"
    url = page_of("path_gone")
    assert "None of the 30 records of the first page has" in words(owner, url)
    answer = press(owner, url, press="sync")
    run = work()
    assert answer.url.endswith(f"/syncrun/{run.pk}/change/")
    assert run.status in SyncRun.GOOD and Allowance.objects.get().used_by == run
    assert cures.best_cure(Lane.objects.get(), "path_gone") is None


def test_names_hold_the_id_after_a_draft_with_its_preview(world, owner, settings):
    records = [compound(n) for n in range(5)]
    records[3]["name"] = records[4]["name"] = "Compound 0"
    w = world(records)
    w.sync()
    url = page_of("name_taken")
    told = words(owner, url)
    assert "External Name Field: name → {name} [{id}]" in told
    assert "C-000003 Compound 0 Compound 0 [C-000003]" in told
    answer = press(owner, url)
    draft = MappingDraft.objects.get()
    assert draft.name_field == "{name} [{id}]" and draft.preview["refused"] == 0
    assert answer.url.endswith(f"/mappingdraft/{draft.pk}/preview/")
    assert "sample alone" in words(owner, answer.url)
    w.configure(**{"External Name Field": "{name} [{id}]"})
    assert "Names hold the id already" in text(owner.get(url))


def test_an_archived_entity_names_who_did_it_and_this_apps_own_comes_back(world, owner):
    flag = {"endpoint": {**INCREMENTAL["endpoint"], "deletes": {"mode": "flag", "path": "retired"}}}
    w = world([compound(n) for n in range(4)], config={"Connector Settings": flag})
    w.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000001", archived="Made in error")
    w.registry.edit("C-000001", approval=1)
    w.sync()
    assert EntityError.objects.get(closed_at=None).code == "archived"
    offer = cures.best_cure(Lane.objects.get(), "archived")
    assert offer.label == "See who archived it"
    told = words(owner, offer.address)
    assert "Archived by someone else" in told and "Made in error" in told and "Ada Byron" in told
    error = EntityError.objects.get(closed_at=None)
    run = SyncRun.objects.latest("pk")
    entity = w.tenant.entity("C-000001")
    row = WithdrawalFactory(
        lane=error.lane, external_id="C-000001", entity_id=entity.id, reason="Made in error",
        entity_registry_id="C-000001", how="flag", state="archived", found_run=run, archive_run=run,
        found_at=run.created_at, archived_at=entity.modified_at,
    )  # fmt: skip
    offer = cures.best_cure(Lane.objects.get(), "archived")
    assert offer.label == "Unarchive"
    press(owner, offer.address)
    row.refresh_from_db()
    assert row.state == Withdrawal.State.UNDO and row.decision == REASON
    work()
    assert w.tenant.entity("C-000001").archived is None


def test_the_connection_is_tested_without_showing_the_key(world, owner):
    w = world([compound(n) for n in range(2)], config={"API Key": "hush-1234"})
    w.registry.token = "other"
    assert w.sync().error_code == "registry_unauthorised"
    url = page_of("registry_unauthorised")
    told = words(owner, url)
    assert f"GET {w.registry.url}" in told and "401" in told and "unauthorised" in told
    assert "hush-1234" not in told and "The registry refuses the request" in told
    w.registry.token = "hush-1234"
    assert "The registry answers" in words(owner, url) and "Compound 1" in words(owner, url)
    press(owner, url)
    assert work().status == "SUCCEEDED"


def test_a_former_lane_says_that_no_run_starts(owner):
    lane = made.LaneFactory(position=None)
    made.SyncRunFactory(lane=made.LaneFactory())
    error = made.EntityErrorFactory(lane=lane, code="another_substance")
    query = f"?lane={lane.pk}"
    answer = press(owner, page("entityerror_cure", "allow-record", error.code) + query,
                   [error.external_id])  # fmt: skip
    assert "no longer synced, so no run was started" in words(owner, answer.url)
    url = page("entityerror_cure", "test-connection", "registry_unauthorised") + query
    for answer in (owner.get(url), press(owner, url)):
        said = text(answer)
        assert "no longer synced, so its connection cannot be tested" in said
        assert "Sync now" not in said
    assert not SyncRun.objects.filter(status="QUEUED").exists()


def test_errors_are_assigned_to_a_user_and_found_by_it(world, owner):
    records = [compound(n) for n in range(4)]
    records[2]["approval"] = records[3]["approval"] = "x"
    world(records).sync()
    ada = User.objects.create_superuser("ada", first_name="Ada", last_name="Byron")
    User.objects.create_user("Stan", is_staff=True)
    code = EntityError.objects.first().code
    url = page_of(code, "assign", "C-000002")
    page = text(owner.get(url))
    assert "Ada Byron (ada)" in page and "Stan" not in page
    press(owner, url, person=str(ada.pk))
    error = EntityError.objects.get(assigned_to=ada)
    assert error.external_id == "C-000002" and any("Ada Byron" in line for line in logged())
    mine = words(owner, f"{LIST}?user={ada.pk}")
    assert "C-000002" in mine and "C-000003" not in mine and "Ada Byron (ada)" in mine
    press(owner, url, person="")
    assert not EntityError.objects.filter(assigned_to=ada).exists()


def test_a_dismissed_error_comes_back_when_it_says_something_else(world, owner):
    records = [compound(n) for n in range(3)]
    records[2]["kind"] = "Peptide"
    w = world(records)
    w.sync()
    EntityError.objects.update(dismissed_at=EntityError.objects.get().first_seen)
    w.sync(kind=SyncRun.Kind.FULL)
    assert EntityError.objects.get().dismissed_at is not None
    w.tenant.add_option(w.kinds, "PEPTIDE")
    w.tenant.add_option(w.kinds, "peptide")
    w.sync(kind=SyncRun.Kind.FULL)
    error = EntityError.objects.get()
    assert (error.code, error.dismissed_at) == ("dropdown_ambiguous", None)


def test_a_press_for_one_record_leaves_the_others_of_its_cause(db, owner, viewer):
    kept = {"code": "name_taken", "raw": {}}
    lane = (error := made.EntityErrorFactory(**kept)).lane
    others = [made.EntityErrorFactory(lane=lane, run=error.run, **kept) for _ in range(3)]
    mine = [error.external_id, others[0].external_id]
    offered = {one.name: one.address for one in cures.all_of(lane, "name_taken", mine)}
    asked = text(owner.get(offered["dismiss"]))
    assert "2 × name already used" in asked and "<h1>Dismiss: name already" in asked
    assert others[1].external_id not in asked and "Dismiss all" not in asked
    assert viewer.post(offered["dismiss"], {"decided": "1", "reason": REASON}).status_code == 403
    retry = offered["check"].replace("/check/", "/retry/")
    for address, only in ((offered["check"], mine), (retry, mine)):
        owner.post(address, {"decided": "1", "reason": REASON})
        run = SyncRun.objects.get(status="QUEUED")
        assert run.only == sorted(only)
        SyncRun.objects.filter(pk=run.pk).update(status="CANCELLED")
    told = text(owner.post(offered["dismiss"], {"decided": "1", "reason": REASON}, follow=True))
    assert "2 errors dismissed." in told
    assert {one.external_id for one in runs.open_errors(lane)} == {
        others[1].external_id, others[2].external_id,
    }  # fmt: skip
    assert owner.get(f"{page('entityerror_cause', 'name_taken', 'dismiss')}?id=").status_code == 302
