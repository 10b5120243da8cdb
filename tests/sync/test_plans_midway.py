"""A plan's rows that take more than one step: circles of names, adoption, archives, overrides."""

from __future__ import annotations

import pytest

from registry_sync import ledger, runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import (
    Adoption,
    Allowance,
    Change,
    Lane,
    Plan,
    PlanRow,
    SyncRun,
    Withdrawal,
)
from registry_sync.sync.delivery.batch_delivery import BatchDelivery
from registry_sync.sync.gates.adoption_approval import approve
from registry_sync.sync.gates.allowances import allow
from registry_sync.sync.plans import lifecycle
from registry_sync.sync.plans.plan_digests import benchling_digest, matches_plan, renamed_digest
from registry_sync.sync.plans.proposals import Person
from tests.support.killing import Killed, killed
from tests.support.people import by_hand, hand
from tests.support.plans import apply, fates, in_use, signed
from tests.support.registry import compound
from tests.support.worlds import FIELDS, INCREMENTAL, ROWS

pytestmark = pytest.mark.once
Kind, Status, State = SyncRun.Kind, SyncRun.Status, Plan.State
WRITTEN, BENCHLING, SOURCE = "written", "benchling", "source"


def test_a_circle_of_names_is_written_and_an_edit_amid_it_is_kept(world):
    w = world([compound(n) for n in range(6)])
    w.sync()
    for one, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
        w.registry.edit(f"C-00000{one}", name=f"Compound {other}")
    plan = signed(w)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BatchDelivery, "rename", lambda *_: 1 / 0)
        assert apply(plan).status == Status.FAILED
    by_hand(w, "C-000003", SMILES="By hand")
    before = w.values()
    run = apply(plan)
    after = w.values()
    assert [after[f"C-00000{n}"]["name"] for n in range(2)] == ["Compound 1", "Compound 0"]
    for id_ in ("C-000002", "C-000003"):
        assert after[id_] == before[id_]
    assert run.updated == 2 and fates(plan) == {
        "C-000000": WRITTEN, "C-000001": WRITTEN, "C-000002": "refused", "C-000003": BENCHLING,
    }  # fmt: skip


def test_what_someone_edits_once_it_stood_aside_is_kept(world, monkeypatch):
    w = world([compound(n) for n in range(2)])
    w.sync()
    w.registry.edit("C-000000", name="Compound 1")
    w.registry.edit("C-000001", name="Compound 0")
    plan = signed(w)
    rename = BatchDelivery.rename

    def renamed(self, entities):
        rename(self, entities)
        by_hand(w, "C-000000", SMILES="By hand")

    monkeypatch.setattr(BatchDelivery, "rename", renamed)
    apply(plan)
    assert w.values()["C-000000"]["SMILES"] == "By hand"
    assert fates(plan) == {"C-000000": BENCHLING, "C-000001": WRITTEN}


@pytest.mark.parametrize("edited", [False, True])
def test_a_kill_right_after_a_temporary_name_leaves_no_one_with_it(world, edited):
    w = world([compound(n) for n in range(2)])
    w.sync()
    w.registry.edit("C-000000", name="Compound 1")
    w.registry.edit("C-000001", name="Compound 0")
    plan = signed(w)
    run, _ = runs.request_run(
        kind=Kind.APPLY, trigger=SyncRun.Trigger.ADMIN, lane=plan.lane, plan=plan
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger, "temporary_name_outcome", killed)
        with pytest.raises(Killed):
            jobs.work_to_end(run.pk)
    (renamed,) = [id_ for id_, v in w.values().items() if "being renamed" in v["name"]]
    if edited:
        by_hand(w, renamed, SMILES="By hand")
    SyncRun.objects.update(lease_until=None)
    jobs.work_to_end(run.pk)
    names = [w.values()[f"C-00000{n}"]["name"] for n in range(2)]
    assert (names == ["Compound 1", "Compound 0"]) != edited
    assert (w.values()[renamed]["SMILES"] == "By hand") == edited
    assert set(fates(plan).values()) == ({WRITTEN} if not edited else {"refused", BENCHLING})


def test_an_entity_about_to_lose_an_alias_is_known_in_any_order_of_the_others():
    raw = {"id": "bfi_1", "name": "A", "aliases": ["Hand", "cas 1", "ASA"], "modifiedAt": "before"}
    to_be = renamed_digest(raw, {"aliases": ["Hand", "ASA"]})
    row = PlanRow(touched_digest=to_be, benchling_digest=benchling_digest(raw))
    after = {**raw, "aliases": ["ASA", "Hand"], "modifiedAt": "after"}
    assert matches_plan(after, row) and matches_plan(raw, row)
    assert not matches_plan({**after, "aliases": ["ASA"]}, row)
    turned = {**raw, "aliases": ["cas 1", "ASA", "Hand"]}
    assert not matches_plan(turned, row), "what was signed has an order"


def test_what_a_plan_adopts_is_as_signed_on_both_sides(world):
    w = world([compound(n) for n in range(4)])
    for n in range(4):
        hand(w, f"CMP-{n}", f"Compound {n}")
    w.sync()
    assert Adoption.objects.count() == 4 and not Change.objects.exists()
    approve(Adoption.objects.all(), actor="carl", reason="The same")
    plan = signed(w)
    assert plan.changes == 4 and set(plan.rows.values_list("action", flat=True)) == {"change"}
    by_hand(w, "CMP-1", Approval=7)  # a value that the decision was about
    by_hand(w, "CMP-2")
    w.registry.edit("C-000003", approval=2020)
    run = apply(plan)
    assert fates(plan) == {
        "C-000000": WRITTEN, "C-000001": "refused", "C-000002": BENCHLING, "C-000003": SOURCE,
    }  # fmt: skip
    assert run.updated == 1 and set(w.values()) == {"C-000000", "CMP-1", "CMP-2", "CMP-3"}
    assert w.values()["C-000000"]["SMILES"] == compound(0)["smiles"]


def test_a_plan_archives_and_unarchives_what_nobody_touched_since(leaving):
    w = leaving
    for n in range(4):
        w.registry.edit(f"C-00000{n}", retired=True)
    plan = signed(w)
    assert (plan.archives, plan.writes) == (4, 4)
    by_hand(w, "C-000002", name="By hand")
    w.registry.edit("C-000003", retired=False)
    run = apply(plan)
    assert run.archived == 2 and in_use(w) == {f"C-00000{n}" for n in range(2, 8)}
    assert fates(plan) == {
        "C-000000": WRITTEN, "C-000001": WRITTEN, "C-000002": BENCHLING, "C-000003": "same",
    }  # fmt: skip
    w.registry.edit("C-000000", retired=False, name="Back, and renamed")
    w.registry.edit("C-000001", retired=False)
    back = signed(w)
    assert (back.archives, back.unarchives, back.changes) == (1, 2, 1)
    by_hand(w, "C-000001", archived="Retired")  # by someone else, again
    apply(back)
    assert w.values()["C-000000"]["name"] == "Back, and renamed"
    assert in_use(w) == {"C-000000", *(f"C-00000{n}" for n in range(3, 8))}
    found = back.rows.order_by("external_id", "action").values_list("action", "fate")
    assert [*found] == [
        ("change", WRITTEN), ("unarchive", WRITTEN), ("unarchive", BENCHLING),
        ("archive", WRITTEN),
    ]  # fmt: skip


@pytest.mark.parametrize("back", [False, True])
def test_a_kill_right_after_an_archive_or_unarchive_is_known_as_this_app_s(leaving, back):
    w, id_ = leaving, "C-000001"
    w.registry.edit(id_, retired=True)
    if back:
        w.sync()
        w.registry.edit(id_, retired=False)
    plan = signed(w)
    run, _ = runs.request_run(
        kind=Kind.APPLY, trigger=SyncRun.Trigger.ADMIN, lane=plan.lane, plan=plan
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger, "record_archiving", killed)
        with pytest.raises(Killed):
            jobs.work_to_end(run.pk)
    assert (id_ in in_use(w)) == back
    SyncRun.objects.update(lease_until=None)
    run = jobs.work_to_end(run.pk)
    assert run.status == Status.SUCCEEDED, run.warnings
    assert fates(plan) == {id_: WRITTEN}
    kinds = Change.objects.filter(run=run).values_list("kind", flat=True)
    assert [*kinds] == ["unarchived" if back else "archived"]
    assert Withdrawal.objects.filter(closed_at=None).exists() != back


SUBSTANCE = {**INCREMENTAL, "identity": ["smiles"]}


def test_an_override_of_a_record_waits_for_the_plan_that_has_it(world):
    w = world([compound(n) for n in range(2)], config={"Connector Settings": SUBSTANCE})
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    w.registry.edit("C-000001", smiles="c1ccccc1")
    noting(w)
    assert w.open_errors()["C-000001"].code == "another_substance"
    w.registry.edit("C-000000", name="Another name")
    unrelated = signed(w)
    how = {"by": Person("ann"), "reason": "It was drawn wrongly"}
    override = allow(Lane.objects.get(), Allowance.What.IDENTITY, "C-000001", **how)
    assert w.sync(kind=Kind.RETRY, only=["C-000001"]).held
    assert apply(unrelated).updated == 1
    override.refresh_from_db()
    assert override.used_by is None and w.values()["C-000001"]["SMILES"] == compound(1)["smiles"]
    run = apply(signed(w))
    override.refresh_from_db()
    assert w.values()["C-000001"]["SMILES"] == "c1ccccc1" and not w.open_errors()
    assert override.used_by == run


def noting(w, lane=None) -> Plan:
    """Make a plan, have it signed if it writes anything, and apply it."""
    plan = Plan.objects.get(pk=w.sync(kind=Kind.PLAN, lane=lane).plan_id)
    if plan.state == State.OPEN:
        lifecycle.sign_plan(plan, actor="bea", reason="checked")
        apply(plan)
    while (run := runs.active()) is not None:
        jobs.work_to_end(run.pk)
    return plan


def test_circles_of_links_are_planned_in_a_lane_and_across_lanes(world):
    link = {"name": "Lot", "type": "entity_link"}
    records = [compound(n) for n in range(3)]
    records[0]["lot"], records[1]["parent"], records[2]["parent"] = "L-0", "C-000002", "C-000001"
    w = world(records, page_size=1, fields=[*FIELDS, link], rows=[*ROWS, ("Lot", "lot")])
    lot = {**compound(9), "id": "L-0", "name": "Lot", "compound": "C-000000"}
    back = {"name": "Compound", "type": "entity_link", "schemaId": w.schema}
    lane = w.add_lane("Lot", [lot], fields=[back], rows=[("Compound", "compound")])
    for definition in w.tenant.schemas[w.schema]["fieldDefinitions"]:
        if definition["name"] == "Lot":
            definition["schemaId"] = lane.schema
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    w.sync(kind=Kind.DRY_RUN)
    lanes = runs.current_lanes()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    while runs.active() is not None:
        jobs.work_to_end(runs.active().pk)
    for _ in range(5):
        plans = [noting(w, one) for one in lanes]
    values = w.values()
    assert (values["C-000001"]["Parent"], values["C-000002"]["Parent"]) == ("C-000002", "C-000001")
    assert (values["C-000000"]["Lot"], values["L-0"]["Compound"]) == ("L-0", "C-000000")
    assert not w.open_errors() and not any(plan.writes for plan in plans)
    assert not PlanRow.objects.exclude(fate=WRITTEN).exists()
