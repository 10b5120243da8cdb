"""One record at the desk: found by any of its names, its story, and why each value is there."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import requests
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from registry_sync.desk.record_history import history_of
from registry_sync.jobs import runner as jobs
from registry_sync.models import Change, EntityError, Lane, LedgerEntry, SyncRun
from sandbox.tenant.entities import edit_by_hand
from sandbox.tenant.state import Fault
from tests.support.desk import text
from tests.support.factories import EntityErrorFactory, LaneFactory, LedgerEntryFactory
from tests.support.registry import compound
from tests.support.worlds import looked_up

Status, Kind = SyncRun.Status, SyncRun.Kind
PAGE, OPEN = reverse("admin:registry_sync_record"), reverse("admin:registry_sync_record_open")


def story(client: Client, external_id: str) -> str:
    return text(client.get(PAGE, {"id": external_id}))


def test_a_record_is_found_by_any_of_its_names(world, owner, viewer):
    records = [compound(n) for n in range(4)]
    records[1]["name"] = "Compound 0"
    w = world(records)
    w.sync()
    entity = w.tenant.entity("C-000002")
    for asked in ("C-000002", "c-000002", "compound 2 ", entity.id):
        assert "Record C-000002" in text(owner.get(PAGE, {"q": asked}, follow=True)), asked
    several = text(viewer.get(PAGE, {"q": "COMPOUND 0"}))
    assert "2 records match" in several and "C-000000" in several and "name, refused" in several
    assert "No record found" in text(owner.get(PAGE, {"q": "C-000009"}))
    # Without one of that name, a part of the name finds it, and who wants the name.
    assert "Record C-000003" in text(owner.get(PAGE, {"q": "POUND 3"}, follow=True))
    parts = text(owner.get(PAGE, {"q": "pound 0"}))
    assert "2 records match" in parts and "part of the name, refused" in parts
    assert "C-000000" in parts and "C-000001" in parts and "C-000002" not in parts
    assert "No record found" in text(owner.get(PAGE, {"q": "po"}))
    assert "No record found" in text(owner.get(PAGE, {"q": "p%d 0"}))
    assert Client().get(PAGE, {"q": "C-000002"}).url.startswith(reverse("admin:login"))
    assert "C-000003" in text(owner.get(reverse("admin:registry_sync_ledgerentry_changelist")))


def test_the_story_tells_what_happened_by_which_run_and_why_each_value_is_there(world, owner):
    rules = {"Mapping Rules": {}}
    w = world([compound(n) for n in range(4)], config=rules)
    field = next(
        d["id"] for d in w.tenant.schemas[w.schema]["fieldDefinitions"] if d["name"] == "SMILES"
    )
    w.configure(**{"Mapping Rules": {field: "trim"}})
    first = w.sync(actor="Ada", trigger=SyncRun.Trigger.ADMIN)
    w.registry.edit("C-000001", smiles=" c1ccccc1 ")
    second = w.sync()
    w.registry.edit("C-000001", kind="Peptide")
    third = w.sync()
    page = story(owner, "C-000001")
    created, changed, refused = (
        page.index(f"run {first.pk}</a> <span"),
        page.index(f"run {second.pk}</a> <span"),
        page.index("“Peptide” is not an option"),
    )
    assert refused < changed < created, "newest first"
    assert "Created in Benchling." in page and "Ada" in page
    row = page[page.index('<th scope="row">SMILES</th><td>c1ccccc1</td>') :].split("</tr>")[0]
    assert ">smiles<" in row and ">trim<" in row and f"run {second.pk}</a> (schedule" in row
    assert "not up to date in Benchling" in page
    w.tenant.add_option(w.kinds, "Peptide")
    fourth = w.sync()
    after = story(owner, "C-000001")
    assert "Resolved: the record synced." in after and f"run {fourth.pk}</a>" in after
    assert third.status == Status.COMPLETED_WITH_WARNINGS


def test_a_refusal_seen_twice_is_told_when_its_run_saw_it(world, owner):
    records = [compound(n) for n in range(2)]
    records[1]["name"] = "Compound 0"
    w = world(records)
    w.sync()
    second = w.sync(kind=SyncRun.Kind.RETRY)
    error = EntityError.objects.get()
    [refused] = [
        e for e in history_of(Lane.objects.get(), "C-000001").events if e.what == "refused"
    ]
    assert refused.run == second and refused.at == error.last_seen > error.first_seen
    page = story(owner, "C-000001")
    assert re.search(
        rf"Seen 2 times, first <[^>]+>{error.first_seen:%Y-%m-%d %H:%M} UTC</time>", page
    )
    assert "outcome: refused." in page


@pytest.mark.invariant(13)
@pytest.mark.once
def test_drift_is_part_of_the_story(world, owner):
    w = world([compound(n) for n in range(3)])
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000001"), SMILES="Mine")
    w.sync(kind=Kind.FULL)
    page = story(owner, "C-000001")
    assert "Someone changed it in Benchling on or before" in page and "<td>Mine</td>" in page


@pytest.mark.once
def test_the_registry_is_asked_only_on_the_button(world, owner, viewer, monkeypatch):
    config = {"Connector Settings": looked_up()}
    w = world([compound(n) for n in range(3)], config=config)
    w.sync()
    w.registry.edit("C-000001", smiles="CCO", kind="protein")
    served = w.registry.pages_served
    story(viewer, "C-000001")
    assert w.registry.pages_served == served
    here = f"{PAGE}?id=C-000001"
    live = text(viewer.post(here, {"action": "ask"}))
    assert "The registry has a newer version" in live and "**" not in live
    assert "<td>CCO</td><td>CCO</td>" in live and "<td>protein</td><td>Protein</td>" in live
    w.registry.token = "other"
    assert "The registry did not accept the API key" in text(owner.post(here, {"action": "ask"}))
    w.tenant.faults.append(Fault("GET /api/v2/.*", "status", times=99, status=503))
    monkeypatch.setattr("registry_sync.desk.record_live.PATIENCE", 1.0)
    assert "Benchling did not answer in time" in text(owner.post(here, {"action": "ask"}))


@pytest.mark.once
def test_what_would_be_refused_is_not_told_as_empty(world, owner):
    w = world([compound(n) for n in range(2)], config={"Connector Settings": looked_up()})
    w.sync()
    w.registry.edit("C-000001", kind="Peptide")
    live = text(owner.post(f"{PAGE}?id=C-000001", {"action": "ask"}))
    now = live[live.index("Current state") : live.index("Why is this value here?")]
    assert "Nothing would be written: " in now and "“Peptide” is not an option" in now
    assert "<td>–</td>" not in now.replace("<td>–</td><td>", "")
    assert now.count("nothing would be written</span>") == 4, "name, SMILES, Approval, Parent"


@pytest.mark.once
def test_a_field_that_was_empty_from_the_start_is_said_to_be(world, owner):
    records = [compound(n) for n in range(2)]
    records[1]["approval"] = None
    w = world(records)
    run = w.sync()
    page = story(owner, "C-000001")
    row = page[page.index('<th scope="row">Approval</th><td>–</td>') :].split("</tr>")[0]
    assert (
        "none was written" in row and f"run {run.pk}</a> created it" in row and "by this" not in row
    )
    LedgerEntry.objects.all().delete()
    Change.objects.all().delete()
    w.sync(kind=Kind.FULL)
    w.sync(kind=Kind.FULL)
    assert "not written by this app: it was already in Benchling" in story(owner, "C-000001")


@pytest.mark.once
def test_just_this_one_is_synced_by_who_may(world, owner, viewer):
    w = world([compound(n) for n in range(3)])
    w.sync()
    w.registry.edit("C-000001", smiles="CCO")
    w.registry.edit("C-000002", smiles="CCO")
    here, asked = f"{PAGE}?id=C-000001", {"action": "sync_one", "decided": "yes", "reason": "Now"}
    assert viewer.post(here, asked).status_code == 403
    assert Client().post(here, asked).url.startswith(reverse("admin:login"))
    assert "Reason (visible to all users)" in text(owner.post(here, {"action": "sync_one"}))
    assert SyncRun.objects.count() == 1
    owner.post(here, asked)
    run = SyncRun.objects.first()
    assert (run.only, run.actor, run.trigger) == (["C-000001"], "Olivia", "admin")
    assert "Now" in LogEntry.objects.get().get_change_message()
    jobs.work_to_end(run.pk)
    assert w.values()["C-000001"]["SMILES"] == "CCO" != w.values()["C-000002"]["SMILES"]


@pytest.mark.once
def test_the_way_to_benchling_is_benchlings_own(world, owner, monkeypatch):
    w = world([compound(n) for n in range(2)])
    w.sync()
    url = owner.get(OPEN, {"id": "C-000001"}).url
    assert url.startswith(w.server.url) and url.endswith(w.tenant.entity("C-000001").id)
    there = requests.get(url, timeout=10)
    assert there.ok and "search=C-000001" in there.url, "the sandbox has a page there"
    assert requests.get(url + "0", timeout=10).status_code == 404
    assert owner.get(OPEN, {"id": "C-000009"}).url.startswith(PAGE)
    w.tenant.faults.append(Fault("GET /api/v2/.*", "status", times=99, status=503))
    monkeypatch.setattr("registry_sync.desk.record_live.PATIENCE", 1.0)
    back = owner.get(OPEN, {"id": "C-000001"}, follow=True)
    assert "Benchling did not answer in time" in text(back) and "Record C-000001" in text(back)


def test_a_story_asks_the_database_as_often_when_it_is_long(
    world, owner, django_assert_max_num_queries
):
    w = world([compound(n) for n in range(2)])
    w.sync()
    for year in range(1990, 1993):
        w.registry.edit("C-000001", approval=year)
        w.sync()
    with django_assert_max_num_queries(16) as asked:
        story(owner, "C-000001")
    with django_assert_max_num_queries(len(asked)):
        story(owner, "C-000000")


# -- what Benchling has now ----------------------------------------------------------------------


def top(page: str) -> str:
    """Give what stands above the table of values, without tags."""
    head = page[page.index("Record C-") : page.index("Why is this value here?")]
    return " ".join(re.sub("<[^>]+>", " ", head).split())


@pytest.mark.once
def test_a_value_that_a_person_changed_is_shown_beside_ours(world, owner):
    w = world([compound(n) for n in range(3)])
    w.sync()
    assert "in Benchling" in top(story(owner, "C-000001"))
    assert "In Benchling now" not in story(owner, "C-000001")
    options = w.tenant.dropdowns[w.kinds]["options"]
    protein = next(option["id"] for option in options if option["name"] != "Protein")
    edit_by_hand(w.tenant, w.tenant.entity("C-000001"), SMILES="Mine", Kind=protein, Approval=None)
    page = story(owner, "C-000001")
    assert "changed in Benchling" in top(page) and "3 values differ in Benchling" in top(page)
    row = page[page.index('<th scope="row">SMILES</th>') :].split("</tr>")[0]
    assert "<td>CC</td>" in row and ">Mine</strong>" in row
    row = page[page.index('<th scope="row">Kind</th>') :].split("</tr>")[0]
    assert (
        ">Protein<" in row
        and ">Small molecule<" in row
        and "sfso_" not in row.replace(f'title="{protein}"', "").replace('title="sfso_', "")
    )
    row = page[page.index('<th scope="row">Approval</th>') :].split("</tr>")[0]
    assert "<td>1951</td>" in row and ">–</strong>" in row
    told = page[page.index("History, newest first") :]
    assert "changed in Benchling</span>" in told.split("</li>")[0]
    assert "3 values differ" in told.split("</li>")[0], "and it is the newest event"


@pytest.mark.once
def test_archived_is_said_at_the_top_and_in_the_story(world, owner, viewer):
    w = world([compound(n) for n in range(3)])
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000001"), archived="Retired")
    page = story(viewer, "C-000001")
    assert "archived in Benchling" in top(page) and "Archived in Benchling (Retired)" in top(page)
    assert 'class="pill good">in Benchling' not in page
    assert "Archived in Benchling (Retired)" in page[page.index("History, newest first") :]
    w.sync(kind=Kind.FULL)
    page = story(viewer, "C-000001")
    told = page[page.index("History, newest first") :]
    assert told.count("Archived in Benchling") == 0, "the check's own event tells it now"
    assert "drifted" in told


@pytest.mark.once
def test_renamed_unregistered_moved_and_gone_are_each_said(world, owner):
    w = world([compound(n) for n in range(5)])
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000001"), name="Their name")
    page = story(owner, "C-000001")
    assert "1 value differs in Benchling" in top(page)
    row = page[page.index('<th scope="row">name</th>') :].split("</tr>")[0]
    assert "Compound 1" in row and ">Their name</strong>" in row
    w.tenant.entity("C-000002").folder_id = w.tenant.add_folder("Elsewhere")
    assert "in the folder “Elsewhere” now" in top(story(owner, "C-000002"))
    gone = w.tenant.entity("C-000003")
    del w.tenant.entities[gone.id]
    assert "not found in Benchling" in top(story(owner, "C-000003"))
    assert "A Benchling admin checks" in top(story(owner, "C-000003"))
    w.tenant.entity("C-000004").entity_registry_id = None
    page = story(owner, "C-000004")
    assert "unregistered in Benchling" in top(page)
    assert "no longer has the registry id C-000004" in top(page)


@pytest.mark.once
def test_where_benchling_cannot_be_asked_it_says_so_and_since_when(world, owner, monkeypatch):
    no_pause = SimpleNamespace(uniform=lambda *_: 0.0)  # between two attempts
    monkeypatch.setattr("registry_sync.benchling.transport.random", no_pause)
    w = world([compound(n) for n in range(3)])
    run = w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000001"), SMILES="Mine")
    for status in (403, 503):
        w.tenant.faults.clear()
        w.tenant.faults.append(Fault("GET /api/v2/.*", "status", times=99, status=status))
        page = story(owner, "C-000001")
        assert "Benchling could not be asked" in top(page), status
        assert 'class="pill good">in Benchling' not in page
        since = Lane.objects.get().looked_at
        newest = max(since, run.finished_at)
        assert f"What is shown was true on {newest:%Y-%m-%d %H:%M} UTC" in top(page)
    w.tenant.faults.clear()
    w.sync(kind=Kind.FULL)
    w.tenant.faults.clear()
    w.tenant.faults.append(Fault("GET /api/v2/.*", "status", times=99, status=503))
    page = story(owner, "C-000001")
    assert "changed in Benchling when last checked" in top(page)
    assert ">Mine</strong>" in page, "what the last check found"


def test_a_part_of_a_name_finds_each_record_once_and_says_if_there_are_more(owner):
    lanes = [LaneFactory(position=n) for n in range(2)]

    def put(lane: Lane, *numbers: int, **more: str) -> None:
        for n in numbers:
            values = {"external_id": f"C-{n}", "name": f"Compound {n}"} | more
            LedgerEntryFactory(lane=lane, name_key=values["name"].lower(), **values)

    put(lanes[0], *range(31))
    put(lanes[1], *range(1, 31))
    put(lanes[1], 0, name="Zeta")
    wants = {"waits_for": "name", "waits_key": "compound x", "external_id": "C-1"}
    EntityErrorFactory(lane=lanes[0], **wants)
    ledger = reverse("admin:registry_sync_ledgerentry_changelist")
    pages = [text(owner.get(at, {"q": "ompound"})) for at in (PAGE, ledger)]
    assert "<h2>61 records match" in pages[0] and "61 found" in pages[1]
    assert "Zeta" not in pages[1] and "More records match" not in pages[1]
    put(lanes[0], *range(31, 60))
    pages = [text(owner.get(at, {"q": "ompound"})) for at in (PAGE, ledger)]
    assert "<h2>The first 80 records that match" in pages[0]
    assert "More records match. The list has the first 50 of each lane" in pages[1]
