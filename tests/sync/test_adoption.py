"""What was in Benchling before us: taken over where it equals, else a person decides."""

from __future__ import annotations

import csv

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.utils import timezone

from registry_sync.models import Adoption, Change, LedgerEntry, SyncRun
from registry_sync.sync.gates.adoption_approval import ApprovedTwice, approve
from sandbox.tenant.entities import add_by_hand, edit_by_hand
from tests.support.commands import adopt
from tests.support.environment import FULL
from tests.support.factories import AdoptionFactory, LaneFactory, SyncRunFactory
from tests.support.registry import compound
from tests.support.worlds import APP, FIELDS, forget

Status = SyncRun.Status
OTHER_APP = "app_other"


def put(w, registry_id, name, *, schema=None, creator="ent_person", aliases=(), **values):
    """Make an entity in Benchling as somebody else would."""
    schema = schema or w.schema
    row = {
        "entityRegistryId": registry_id, "name": name, "schemaId": schema,
        "registryId": w.benchling_registry, "aliases": aliases,
        "fields": {field: {"value": value} for field, value in values.items()},
    }  # fmt: skip
    return add_by_hand(w.tenant, row, creator=creator)


def kind(w, n: int) -> str:
    label = compound(n)["kind"]
    return next(o["id"] for o in w.tenant.dropdowns[w.kinds]["options"] if o["name"] == label)


def equal(w, n: int, **more):
    record = compound(n)
    values = {"SMILES": record["smiles"], "Kind": kind(w, n), "Approval": record["approval"]}
    return put(w, record["id"], record["name"], **values, **more)


def waiting(**filters) -> dict[str, str]:
    rows = Adoption.objects.filter(state="open", **filters)
    return dict(rows.values_list("external_id", "how"))


@pytest.fixture
def living(world):
    """Twenty records, and a tenant in which others have made what eight of them are called."""
    w = world([compound(n) for n in range(20)])
    equal(w, 0)
    equal(w, 1, creator=OTHER_APP)
    put(w, "C-000002", "Compound 2", Approval=1900)
    put(w, "C-000003", "By another source", creator=OTHER_APP)
    put(w, "CMP-4", " compound 4 ", Approval=1954)
    put(w, "CMP-5", "Five", aliases=["Compound 5"])
    edit_by_hand(w.tenant, equal(w, 6), archived="Retired")
    samples = w.tenant.add_schema("Sample", w.benchling_registry, fields=[], prefix="SMP")
    put(w, "C-000007", "A sample", schema=samples)
    put(w, "SMP-8", "Compound 8", schema=samples)
    return w


OTHERS = ["C-000000", "C-000001", "C-000002", "C-000003", "CMP-4", "CMP-5", "C-000006",
          "C-000007", "SMP-8"]  # fmt: skip


def snapshot(w) -> dict[str, tuple]:
    return {
        e.entity_registry_id: (e.name, dict(e.fields), e.modified_at, e.archived, e.folder_id)
        for e in w.tenant.entities.values()
        if e.creator != APP
    }


@pytest.mark.invariant(11)
def test_the_first_run_reports_what_is_there_and_changes_none_of_it(living):
    w, before = living, snapshot(living)
    assert set(before) == set(OTHERS)
    run = w.sync()
    assert snapshot(w) == before
    assert (run.created, run.unchanged, run.failed) == (11, 2, 7)
    assert waiting() == {
        "C-000002": "same id", "C-000003": "same id", "C-000004": "same name",
        "C-000005": "same alias", "C-000006": "archived", "C-000007": "another schema",
        "C-000008": "another schema",
    }  # fmt: skip
    (said,) = [m["text"] for m in run.warnings if m["code"] == "adoption"]
    assert said.startswith("7 entities were in Benchling before (another schema 2, archived 1, ")
    assert len(said) <= 200 and "manage.py adopt" in said
    assert said in [m["content"] for m in w.session()["messages"]]
    assert "2 entities that were in Benchling before equal" in str(list(run.log.values("text")))
    assert "in the schema Sample" in w.open_errors()["C-000007"].message
    assert "manage.py adopt --id C-000002" in w.open_errors()["C-000002"].remedy


@pytest.mark.invariant(11)
def test_what_equals_is_taken_over_with_no_write_and_then_kept_up_to_date(living):
    w = living
    w.sync()
    row = Adoption.objects.get(external_id="C-000000")
    assert (row.state, row.actor, row.how) == ("adopted", "", "same id") and row.run_id
    assert not Change.objects.filter(external_id="C-000000").exists()
    w.registry.edit("C-000000", approval=2020)
    run = w.sync()
    assert run.updated == 1 and w.values()["C-000000"]["Approval"] == 2020
    change = Change.objects.get(external_id="C-000000")
    assert (change.before, change.after) == (1950, 2020)


@pytest.mark.invariant(11)
def test_a_person_takes_over_by_id(living):
    w = living
    w.sync()
    listed = adopt()
    assert "C-000002  same id  C-000002 “Compound 2”" in listed and "1900 → 1952" in listed
    assert "Taken" not in adopt("--id", "C-000002", "--reason", "Made by hand in 2019")
    assert w.values()["C-000002"]["Approval"] == 1900
    before = w.written()
    run = w.sync()
    assert w.values()["C-000002"]["Approval"] == 1952 and w.written() == before + 1
    assert run.retried == run.updated == 1 and "C-000002" not in w.open_errors()
    row = Adoption.objects.get(external_id="C-000002")
    assert row.state == "adopted" and row.actor and row.reason == "Made by hand in 2019"
    assert (row.run_id, row.decided_at is not None) == (run.pk, True)
    change = Change.objects.get(external_id="C-000002", field="Approval")
    assert (change.before, change.after) == (1900, 1952)
    assert w.tenant.entity("C-000002").folder_id is None  # it stays where it was


@pytest.mark.parametrize(("number", "entity"), [(4, "CMP-4"), (5, "CMP-5")])
@pytest.mark.once
def test_taking_over_by_name_gives_the_entity_its_registry_id(living, number, entity):
    w, external_id = living, f"C-00000{number}"
    w.sync()
    before = w.tenant.entity(entity)
    adopt("--name", before.name.strip().upper(), "--reason", "The same")
    run = w.sync()
    after = w.tenant.entity(external_id)
    assert after.id == before.id and w.tenant.entity(entity) is None
    assert after.name == f"Compound {number}" and run.updated == 1
    assert external_id not in w.open_errors() and external_id not in waiting()
    change = Change.objects.get(external_id=external_id, field_id="registry id")
    assert (change.before, change.after) == (entity, external_id)
    assert LedgerEntry.objects.get(external_id=external_id).entity_id == before.id
    assert w.sync(kind=SyncRun.Kind.FULL).updated == 0


@pytest.mark.once
def test_a_registry_id_that_benchling_refuses_comes_back_with_its_words(living):
    w = living
    w.sync()
    w.tenant.refuse["C-000004"] = "Ids of this kind are locked."
    adopt("--id", "C-000004", "--reason", "The same")
    w.sync()
    row = Adoption.objects.get(external_id="C-000004")
    assert row.state == "open" and "Ids of this kind are locked" in row.note
    assert w.tenant.entity("CMP-4") is not None and "locked" in adopt()


@pytest.mark.invariant(11)
def test_what_was_changed_after_the_decision_is_shown_again(living):
    w = living
    w.sync()
    adopt("--id", "C-000002", "--reason", "Made by hand")
    edit_by_hand(w.tenant, w.tenant.entity("C-000002"), Approval=1888)
    w.sync()
    row = Adoption.objects.get(external_id="C-000002")
    assert row.state == "open" and "Please review it again" in row.note
    assert w.values()["C-000002"]["Approval"] == 1888
    adopt("--id", "C-000002", "--reason", "Seen again")
    w.sync()
    assert w.values()["C-000002"]["Approval"] == 1952


def test_what_people_put_right_needs_no_decision(living):
    w = living
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("CMP-4"), name="Something else")
    edit_by_hand(w.tenant, w.tenant.entity("C-000006"), archived=None)
    edit_by_hand(
        w.tenant, w.tenant.entity("C-000002"),
        Approval=1952, SMILES=compound(2)["smiles"], Kind=kind(w, 2),
    )  # fmt: skip
    before = w.written()
    run = w.sync(kind=SyncRun.Kind.RETRY)
    assert not {"C-000002", "C-000004", "C-000006"} & (set(w.open_errors()) | set(waiting()))
    assert (run.created, run.unchanged, w.written()) == (1, 2, before + 1)


def test_a_csv_goes_out_and_comes_back(living, tmp_path):
    w, file = living, tmp_path / "adopt.csv"
    w.sync()
    adopt("--csv", str(file))
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert len(rows) == 7 and all(row["decision"] == "" for row in rows)
    assert all(row["modified_at"].endswith("Z") for row in rows)  # as in the desk's
    for row in rows:
        if row["external_id"] in ("C-000002", "C-000003", "C-000004"):
            row["decision"] = "Adopt"
    write(file, rows)
    assert "3 entities" in adopt("--from", str(file), "--reason", "Reviewed by Jo")
    run = w.sync()
    assert run.updated == 3 and len(waiting()) == 4
    assert w.values()["C-000003"]["name"] == "Compound 3"


@pytest.mark.once
def test_a_csv_with_faults_decides_nothing_and_names_them_all(living, tmp_path):
    w, file = living, tmp_path / "adopt.csv"
    w.sync()
    adopt("--csv", str(file))
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    for row in rows:
        row["decision"] = "adopt" if row["external_id"] != "C-000003" else "maybe"
    rows.append({**rows[0], "external_id": "C-9"})
    write(file, rows)
    with pytest.raises(CommandError) as refused:
        adopt("--from", str(file), "--reason", "All of them")
    said = str(refused.value)
    assert refused.value.returncode == 64 and len(waiting()) == 7
    for words in ("“maybe” is not", "C-9 with", "is archived", "belongs to Sample"):
        assert words in said


def write(file, rows) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    "words",
    [
        ("--id", "C-000002"),
        ("--id", "C-000099", "--reason", "why"),
        ("--id", "C-000006", "--reason", "why"),
        ("--from", "/nowhere.csv", "--reason", "why"),
    ],
)
@pytest.mark.once
def test_adopt_refuses_what_makes_no_sense(living, words):
    living.sync()
    with pytest.raises(CommandError) as refused:
        adopt(*words)
    assert refused.value.returncode == 64 and "Errno" not in str(refused.value)
    assert not Adoption.objects.filter(state="approved").exists()


@pytest.mark.parametrize("when", ["before the first run", "between two runs"])
@pytest.mark.once
def test_what_others_made_may_be_pointed_at(world, when):
    w = world([compound(n) for n in range(4)] + [compound(20, parent="C-000099")])
    if when == "between two runs":
        w.sync()
        assert w.open_errors()["C-000020"].code == "link_missing"
    put(w, "C-000099", "By hand")
    before = snapshot(w)
    assert w.sync().status == Status.SUCCEEDED and not w.open_errors()
    assert w.values()["C-000020"]["Parent"] == "C-000099" and snapshot(w) == before


@pytest.mark.once
def test_what_is_unarchived_is_looked_at_again_by_any_run(living):
    w = living
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000006"), archived=None)
    assert w.sync().kind == SyncRun.Kind.INCREMENTAL
    assert "C-000006" not in w.open_errors() and "C-000006" not in waiting()


@pytest.mark.parametrize("tenant", ["keep", "clear"])
@pytest.mark.once
def test_what_we_made_and_others_archived_is_ours_again_once_unarchived(world, tenant):
    fields = [*FIELDS, {"name": "Notes", "type": "text"}]
    w = world([compound(n) for n in range(5)], fields=fields, omitted_fields=tenant)
    w.sync()
    forget()
    ours, elsewhere = w.tenant.entity("C-000003"), w.tenant.add_folder("Elsewhere")
    edit_by_hand(w.tenant, ours, archived="Retired", Notes="Mine", Approval=1900)
    ours.folder_id = elsewhere
    w.sync(kind=SyncRun.Kind.FULL)
    assert w.open_errors()["C-000003"].code == "archived"
    edit_by_hand(w.tenant, ours, archived=None)
    run = w.sync()
    assert (run.created, run.updated, run.status) == (0, 1, Status.SUCCEEDED)
    values = w.values()["C-000003"]
    assert (values["Approval"], values["Notes"], ours.folder_id) == (1953, "Mine", elsewhere)
    change = Change.objects.get(external_id="C-000003", field="Approval")
    assert (change.before, change.after, change.created) == (1900, 1953, False)


@pytest.mark.invariant(11)
@pytest.mark.once
def test_a_circle_of_links_takes_over_nobody_elses_entity(world):
    w = world([compound(n) for n in range(4)] + [compound(10, parent="C-000011")])
    w.sync()
    put(w, "C-000010", "By hand")  # while the record waits for the one it points at
    before = snapshot(w)
    w.registry.records.append(compound(11, parent="C-000010"))
    w.registry.edit("C-000011")
    w.sync()
    assert snapshot(w) == before and w.open_errors()["C-000010"].code == "not_ours"
    assert w.values()["C-000011"]["Parent"] == "C-000010"


@pytest.mark.invariant(11)
@pytest.mark.once
def test_two_entities_that_one_record_is_called_are_not_both_taken(world):
    w = world([compound(n) for n in range(3)])
    put(w, "CMP-1", "One", aliases=["Compound 1"])
    w.sync()
    put(w, "CMP-2", "Two")
    w.tenant.entity("CMP-2").aliases.append("compound 1")
    w.sync(kind=SyncRun.Kind.RETRY)
    assert waiting() == {"C-000001": "same alias"}


@pytest.mark.invariant(8)
@pytest.mark.once
def test_a_dry_run_foretells_it_and_takes_nothing_over(living):
    w, before = living, snapshot(living)
    run = w.sync(kind=SyncRun.Kind.DRY_RUN)
    assert (run.created, run.unchanged, run.failed) == (11, 2, 7) and w.written() == 0
    assert len(waiting()) == 7 and not Adoption.objects.filter(state="adopted").exists()
    adopt("--id", "C-000002", "--reason", "why")
    assert w.sync(kind=SyncRun.Kind.DRY_RUN).updated == 1 and snapshot(w) == before
    run = w.sync()
    assert (run.created, run.unchanged, run.updated, run.failed) == (11, 2, 1, 6)


@pytest.mark.parametrize("behaviour", ["refuse", "move"])
@pytest.mark.invariant(11)
@pytest.mark.once
def test_an_entity_of_another_schema_is_never_sent(living, behaviour):
    w = living
    w.tenant.switches.other_schema = behaviour
    before = snapshot(w)
    w.sync()
    w.sync(kind=SyncRun.Kind.RETRY)
    assert snapshot(w) == before


@pytest.mark.invariant(11)
@pytest.mark.once
def test_an_entity_made_in_another_schema_after_the_first_run_is_left_too(living):
    w = living
    w.tenant.switches.other_schema = "move"
    w.sync()
    samples = next(s for s, d in w.tenant.schemas.items() if d["name"] == "Sample")
    put(w, "C-000030", "A late sample", schema=samples)
    before = snapshot(w)
    w.registry.records.append(compound(30))
    w.registry.edit("C-000030")
    run = w.sync()
    assert snapshot(w) == before and "C-000030" in w.open_errors() and run.failed == 1


@pytest.mark.invariant(11)
@pytest.mark.once
def test_the_admin_shows_both_sides_and_asks_why(living, admin_client):
    w = living
    w.sync()
    url = "/admin/registry_sync/adoption/"
    row = Adoption.objects.get(external_id="C-000002")
    page = admin_client.get(f"{url}{row.pk}/change/").content.decode()
    assert "In Benchling now" in page and "1900" in page and "1952" in page
    chosen = list(Adoption.objects.filter(state="open").values_list("pk", flat=True))
    asked = {"action": "take_over", "_selected_action": chosen}
    page = admin_client.post(url, asked).content.decode()
    assert "Reason (kept permanently)" in page and "3 of those you selected" in page
    assert not Adoption.objects.filter(state="approved").exists()
    admin_client.post(url, {**asked, "decided": "yes", "reason": "Reviewed"})
    assert Adoption.objects.filter(state="approved", actor="admin").count() == 4
    w.sync()
    assert w.values()["C-000002"]["Approval"] == 1952


@pytest.mark.invariant(11)
@pytest.mark.once
def test_nobody_without_the_permission_takes_over(living, client):
    living.sync()
    client.force_login(User.objects.create_user("viewer", is_staff=True))
    chosen = list(Adoption.objects.values_list("pk", flat=True))
    said = {"action": "take_over", "_selected_action": chosen, "decided": "yes", "reason": "x"}
    assert client.post("/admin/registry_sync/adoption/", said).status_code == 403
    assert not Adoption.objects.filter(state="approved").exists()


@pytest.mark.slow
@pytest.mark.once
def test_forty_thousand_by_hand_scaled_to_hundreds(world):
    """Pages, batches and lists of ids longer than one request takes."""
    count, taken = (1200, 172) if FULL else (800, 115)
    w = world([compound(n) for n in range(count)], contract="after", page_size=700, rate_limit=0)
    for n in range(count):
        equal(w, n) if n % 7 else put(w, f"C-{n:06d}", f"Compound {n}", Approval=1900)
    before = snapshot(w)
    run = w.sync()
    assert (run.unchanged, run.failed, w.written()) == (count - taken, taken, 0) and snapshot(
        w
    ) == before
    assert f"{taken} entities are taken" in adopt("--all", "same id", "--reason", "Reviewed")
    run = w.sync()
    assert (run.updated, w.written(), run.status) == (taken, taken, Status.SUCCEEDED)
    assert w.sync(kind=SyncRun.Kind.FULL).unchanged == count


@pytest.mark.invariant(11)
@pytest.mark.once
def test_an_entity_that_differs_in_its_name_alone_is_not_taken_over(world):
    w = world([compound(n) for n in range(3)])
    record = compound(1)
    values = {"SMILES": record["smiles"], "Kind": kind(w, 1), "Approval": record["approval"]}
    put(w, "C-000001", "Their own name", **values)
    before = snapshot(w)
    run = w.sync()
    assert (run.created, run.unchanged, run.failed) == (2, 0, 1) and snapshot(w) == before
    row = Adoption.objects.get()
    assert (row.state, row.how) == ("open", "same id")
    assert row.differences == [["name", "Their own name", "Compound 1"]]


def test_an_entity_is_approved_for_one_record_and_a_record_for_one_entity(db):
    lane, other = LaneFactory(), LaneFactory(schema_id="ts_1")
    first = AdoptionFactory(
        lane=lane, external_id="C-1", entity_id="bfi_1", entity_registry_id="CMP-1"
    )
    assert approve([first], actor="ann", reason="Same substance") == 1
    rivals = [
        AdoptionFactory(lane=lane, external_id="C-2", entity_id="bfi_1"),
        AdoptionFactory(lane=lane, external_id="C-1", entity_id="bfi_2"),
        AdoptionFactory(lane=other, external_id="L-1", entity_id="bfi_1"),
    ]
    for rival in rivals:
        with pytest.raises(ApprovedTwice, match=r"^CMP-1 was already approved for C-1 by ann"):
            approve([rival], actor="bea", reason="Mine")
    same_id = AdoptionFactory(lane=other, external_id="C-1", entity_id="bfi_3")
    assert approve([same_id], actor="bea", reason="Another lane's record") == 1
    with pytest.raises(ApprovedTwice, match="bfi_4 was chosen together with"):
        approve([AdoptionFactory(lane=lane, entity_id="bfi_4") for _ in "ab"], actor="c", reason="")
    assert set(Adoption.objects.filter(state="approved")) == {first, same_id}
    # A run began since and did not do it: the record may have left the registry.
    SyncRunFactory(lane=lane, status=Status.SUCCEEDED, started_at=timezone.now())
    assert approve(rivals[:1], actor="bea", reason="Mine") == 1


@pytest.mark.once
def test_pages_and_the_command_name_who_approved_an_entity_first(db, admin_client):
    lane = LaneFactory(position=0)
    two = [AdoptionFactory(lane=lane, external_id=f"C-{n}", entity_id="bfi_1") for n in (1, 2)]
    approve(two[:1], actor="ann", reason="Same substance")
    said = "bfi_1 was already approved for C-1 by ann."
    with pytest.raises(CommandError, match=said) as refused:
        adopt("--id", "C-2", "--reason", "Mine")
    assert refused.value.returncode == 64
    url = "/admin/registry_sync/adoption/"
    asked = {"action": "take_over", "_selected_action": [two[1].pk]}
    for more in ({}, {"decided": "yes", "reason": "Mine"}):
        page = admin_client.post(url, {**asked, **more}).content.decode()
        assert said in page and "disabled" in page
    two[1].refresh_from_db()
    assert two[1].state == "open"


@pytest.mark.invariant(11)
@pytest.mark.once
def test_an_entity_that_two_records_were_approved_for_is_taken_over_once(world):
    """Versions before this one let two people approve it."""
    w = world([compound(n) for n in range(3)])
    put(w, "CMP-1", "Compound 1", aliases=["Compound 2"], Approval=1900)
    w.sync()
    assert waiting() == {"C-000001": "same name", "C-000002": "same alias"}
    Adoption.objects.update(state="approved", actor="ann", reason="Seen")
    w.sync()
    (entity_id,) = set(Adoption.objects.values_list("entity_id", flat=True))
    held = LedgerEntry.objects.filter(entity_id=entity_id).exclude(entity_hash="")
    assert [entry.external_id for entry in held] == ["C-000001"]
    states = dict(Adoption.objects.values_list("external_id", "state"))
    assert states == {"C-000001": "adopted", "C-000002": "void"}


@pytest.mark.invariant(11)
@pytest.mark.once
def test_an_entity_that_a_record_has_by_itself_is_not_the_one_approved_for_it(world):
    w = world([compound(n) for n in range(3)])
    given = {"SMILES": compound(1)["smiles"], "Kind": kind(w, 1), "Approval": 1900}
    put(w, "C-000001", "Compound 1", aliases=["Compound 2"], **given)
    w.sync()
    approve(list(Adoption.objects.filter(external_id="C-000002")), actor="ann", reason="Seen")
    w.registry.edit("C-000001", approval=1900)  # equal from now on
    w.registry.edit("C-000002", approval=1950)
    w.sync()
    held = LedgerEntry.objects.exclude(entity_hash="").values_list("entity_id", flat=True)
    assert len(held) == len(set(held))
    assert w.values()["C-000001"]["Approval"] == 1900
