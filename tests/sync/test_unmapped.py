"""What we do not map stays as it is, whatever the tenant does with what an update leaves out."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.ledger import chain_check
from registry_sync.models import Change, Lane, SyncRun
from registry_sync.sync.delivery import unmapped_fields as unmapped
from registry_sync.sync.delivery.left_out import KINDS
from sandbox.tenant.entities import add_by_hand, edit_by_hand
from tests.support.registry import compound
from tests.support.worlds import FIELDS, ROWS

pytestmark = pytest.mark.once  # what a tenant keeps of a field is no matter of the database

Status = SyncRun.Status
OWN = [{"name": "Notes", "type": "text"}, {"name": "Shelf", "type": "integer"}]
TENANTS = pytest.mark.parametrize("tenant", ["keep", "clear"])


@pytest.fixture
def noted(world, request):
    """Sixty compounds; people have written notes, a shelf and an alias on thirty of them."""

    def make(tenant: str, **more):
        w = world(
            [compound(n) for n in range(60)], fields=FIELDS + OWN, rows=ROWS,
            omitted_fields=tenant, **more,
        )  # fmt: skip
        w.sync()
        for n in range(30, 60):
            entity = w.tenant.entity(f"C-{n:06d}")
            edit_by_hand(w.tenant, entity, Notes=f"Seen {n}", Shelf=n)
            entity.aliases.append(f"alias {n}")
            entity.custom_fields["Legacy ID"] = f"L{n}"
            entity.authors.append("ent_ada")
            entity.folder_id = w.tenant.add_folder(f"Elsewhere {n}")
        return w

    return make


def notes(w) -> dict[str, tuple]:
    return {
        registry_id: (values["Notes"], values["Shelf"], *entity.aliases, *entity.authors,
                      dict(entity.custom_fields), entity.folder_id)
        for registry_id, values in w.values().items()
        if (entity := w.tenant.entity(registry_id))
    }  # fmt: skip


@pytest.mark.parametrize("tenant", ["keep", "clear", "clear_fields"])
@pytest.mark.invariant(12)
def test_notes_of_people_survive_every_update(noted, tenant):
    w = noted(tenant)
    before = notes(w)
    for n in range(25, 60):
        w.registry.edit(f"C-{n:06d}", approval=2020)
    run = w.sync()
    assert run.updated == 35 and notes(w) == before
    values = w.values()
    assert all(values[f"C-{n:06d}"]["Approval"] == 2020 for n in range(25, 60))
    lane = Lane.objects.get()
    assert lane.trial is None and {*lane.kept, *lane.cleared} == set(KINDS)
    assert lane.cleared == {"keep": [], "clear": list(KINDS), "clear_fields": ["fields"]}[tenant]
    said = str(list(run.log.values_list("text", flat=True)))
    assert ("This tenant clears what an update leaves out" in said) == (tenant != "keep")
    for n in range(30, 60):
        w.registry.edit(f"C-{n:06d}", smiles="N" * n)
    assert w.sync().updated == 30 and notes(w) == before


@TENANTS
@pytest.mark.invariant(12)
def test_the_first_update_is_one_row_read_back(noted, tenant):
    w = noted(tenant)
    bulk = w.tenant.counters["bulk_calls"]
    for n in range(30, 50):
        w.registry.edit(f"C-{n:06d}", approval=2020)
    w.sync()
    sizes = sorted(run.size for run in SyncRun.objects.first().batches.all())
    assert sizes == [1, 19] and w.tenant.counters["bulk_calls"] == bulk + 2
    # What had been cleared was written once more, to put it back.
    assert max(w.tenant.writes.values()) == (3 if tenant == "clear" else 2)


@TENANTS
@pytest.mark.invariant(12)
def test_a_value_that_the_record_lacks_stays(noted, tenant):
    """A mapped field that is left out of the record is left out of the update, too."""
    w = noted(tenant)
    for n in range(30, 60):
        if n % 2:
            del w.registry.record(f"C-{n:06d}")["smiles"]
        w.registry.edit(f"C-{n:06d}", approval=2020)
    before = {i: v["SMILES"] for i, v in w.values().items()}
    assert w.sync().updated == 30
    assert {i: v["SMILES"] for i, v in w.values().items()} == before


@TENANTS
@pytest.mark.invariant(12)
def test_a_process_that_dies_after_the_first_update_loses_nothing(noted, tenant, monkeypatch):
    w = noted(tenant)
    before = notes(w)
    for n in range(30, 60):
        w.registry.edit(f"C-{n:06d}", approval=2020)

    def die(self) -> None:
        if self.lane.trial and dies:
            dies.clear()
            raise SystemExit("killed")
        really(self)

    dies, really = [True], unmapped.UnmappedFields.conclude
    monkeypatch.setattr(unmapped.UnmappedFields, "conclude", die)
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.raises(SystemExit):
        jobs.work_to_end(run.pk)
    SyncRun.objects.update(lease_until=None)
    assert Lane.objects.get().trial
    run = jobs.work_to_end(run.pk)
    assert run.status == Status.SUCCEEDED and notes(w) == before
    assert ("fields" in Lane.objects.get().cleared) == (tenant == "clear")


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.invariant(12)
def test_what_was_cleared_and_put_back_is_told_to_the_auditor(noted, monkeypatch, dies):
    w = noted("clear")
    before = notes(w)
    w.registry.edit("C-000030", approval=2020)
    run, _ = runs.request_run(
        kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.ADMIN, actor="Ann"
    )
    if dies:  # when it is put back, and not yet told

        def die(*args: object) -> None:
            raise SystemExit("killed")

        with monkeypatch.context() as patched:
            patched.setattr(unmapped.UnmappedFields, "_record_changes", die)
            with pytest.raises(SystemExit):
                jobs.work_to_end(run.pk)
        SyncRun.objects.update(lease_until=None)
        assert notes(w) == before
    assert jobs.work_to_end(run.pk).status == Status.SUCCEEDED and notes(w) == before
    rows = Change.objects.filter(external_id="C-000030", run=run, actor="Ann").order_by("id")
    told = [(c.field, c.before, c.after) for c in rows if c.field in ("Notes", "Shelf")]
    assert sorted(told, key=lambda row: row[0]) == [
        ("Notes", "Seen 30", None), ("Notes", None, "Seen 30"),
        ("Shelf", 30, None), ("Shelf", None, 30),
    ]  # fmt: skip
    notes_id = w.tenant.field_id(w.schema, "Notes")
    assert {c.field_id for c in rows if c.field == "Notes"} == {notes_id}
    assert chain_check.verify_chain(Lane.objects.get()).broken == ""


def test_a_first_update_that_benchling_refuses_teaches_nothing(noted):
    w = noted("clear")
    before = notes(w)
    w.tenant.refuse["C-000030"] = "Not today."
    w.registry.edit("C-000030", approval=2020)
    run = w.sync()
    assert run.failed == 1 and Lane.objects.get().kept == []
    del w.tenant.refuse["C-000030"]
    w.registry.edit("C-000031", approval=2020)
    assert w.sync(kind=SyncRun.Kind.RETRY).updated == 1
    assert notes(w) == before and Lane.objects.get().cleared == list(KINDS)
    w.sync()
    assert notes(w) == before


@TENANTS
@pytest.mark.invariant(12)
def test_swapped_names_keep_their_notes(noted, tenant):
    w = noted(tenant)
    before = notes(w)
    w.registry.edit("C-000040", name="Compound 41")
    w.registry.edit("C-000041", name="Compound 40")
    run = w.sync()
    assert w.values()["C-000040"]["name"] == "Compound 41" and not w.open_errors(), run.error
    assert notes(w) == before


@TENANTS
@pytest.mark.invariant(12)
def test_an_entity_taken_over_keeps_what_its_makers_wrote(world, tenant):
    w = world([compound(n) for n in range(3)], fields=FIELDS + OWN, omitted_fields=tenant)
    add_by_hand(
        w.tenant,
        {
            "entityRegistryId": "C-000001", "name": "Compound 1", "schemaId": w.schema,
            "registryId": w.benchling_registry, "aliases": ["Uno"],
            "fields": {"Notes": {"value": "By hand"}},
        },
    )  # fmt: skip
    w.sync()
    from tests.support.commands import adopt

    adopt("--id", "C-000001", "--reason", "Ours")
    assert w.sync().updated == 1
    assert notes(w)["C-000001"] == ("By hand", None, "Uno", {}, None)


def test_what_is_known_is_not_asked_again(world):
    """The folder shows at the first update; fields nobody filled in can teach nothing."""
    w = world([compound(n) for n in range(60)], fields=FIELDS + OWN)
    w.sync()
    for year, calls in ((2020, 2), (2021, 1)):
        for n in range(60):
            w.registry.edit(f"C-{n:06d}", approval=year)
        bulk = w.tenant.counters["bulk_calls"]
        assert w.sync().updated == 60 and w.tenant.counters["bulk_calls"] == bulk + calls
    assert Lane.objects.get().kept == ["folderId"]


@TENANTS
@pytest.mark.invariant(12)
def test_a_first_update_that_lacks_a_path_judges_the_tenant_rightly(world, tenant):
    """The ledger's row still names the field that the record lacks: nothing was lost."""
    w = world([compound(n) for n in range(2)], fields=FIELDS + OWN, omitted_fields=tenant)
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000001"), Notes="Seen")
    before = {**w.values()["C-000001"], "Approval": 2020}
    del w.registry.record("C-000001")["smiles"]
    w.registry.edit("C-000001", approval=2020)
    w.sync()
    lane = Lane.objects.get()
    assert w.values()["C-000001"] == before
    assert ("fields" in lane.cleared, "fields" in lane.kept) == (
        tenant == "clear",
        tenant == "keep",
    )
    rows = Change.objects.filter(external_id="C-000001", created=False)
    happened = {("Approval", 1951, 2020)}
    if tenant == "clear":
        text = before["SMILES"]
        happened |= {("SMILES", text, None), ("SMILES", None, text),
                     ("Notes", "Seen", None), ("Notes", None, "Seen"),
                     ("folder", w.folder, None), ("folder", None, w.folder)}  # fmt: skip
    assert {(c.field, c.before, c.after) for c in rows} == happened
    assert w.tenant.writes["C-000001"] == (3 if tenant == "clear" else 2)


def test_lanes_that_were_judged_wrongly_are_judged_again(noted):
    w = noted("keep")
    migration = importlib.import_module("registry_sync.migrations.0014_judge_again")
    Lane.objects.update(cleared=["fields", "aliases"])
    migration.judge_again(apps, None)
    assert Lane.objects.get().cleared == ["aliases"]
    w.registry.edit("C-000030", approval=2020)
    w.sync()
    assert "fields" in Lane.objects.get().kept


@pytest.mark.parametrize("tenant", ["keep", "clear"])
@pytest.mark.invariant(12)
def test_a_list_that_lags_behind_does_not_judge_the_tenant(noted, tenant, monkeypatch):
    """The list still shows the entity as it was: nothing seems lost, whatever the update did."""
    monkeypatch.setattr(unmapped, "LAG_SECONDS", 0.01)
    w = noted(tenant)
    before = notes(w)
    w.tenant.switches.list_lag = 60
    w.tenant.clock.advance(61)
    w.registry.edit("C-000030", approval=2020)
    w.sync()
    lane = Lane.objects.get()
    assert (lane.kept, lane.cleared) == ([], []) and lane.trial["registry_id"] == "C-000030"
    w.tenant.clock.advance(61)
    w.registry.edit("C-000031", approval=2020)
    w.sync()
    lane.refresh_from_db()
    assert lane.trial is None and notes(w) == before
    assert set(lane.kept if tenant == "keep" else lane.cleared) == set(KINDS)
