"""An override of missing paths: of these paths alone, and used up by what it was given for."""

from __future__ import annotations

import re

import pytest

from registry_sync.models import Allowance, Lane, Plan, Proposal, SyncRun
from registry_sync.sync.gates import allowances
from registry_sync.sync.plans import lifecycle
from registry_sync.sync.plans.proposals import Person, SecondPerson
from tests.support.desk import text
from tests.support.plans import apply, signed
from tests.support.registry import compound

pytestmark = pytest.mark.once
ANN, BEA = Person("ann", 1001, may_sign=True), Person("bea", 1002, may_sign=True)


def allow(by: Person = ANN) -> Allowance:
    what = Allowance.What.PATH_GONE
    return allowances.allow(Lane.objects.get(), what, "", by=by, reason="dropped")


def lose(w, *names: str) -> None:
    """Let the records of the first page lose values."""
    for record in w.registry.records[:10]:
        w.registry.edit(record["id"])
        for name in names:
            record.pop(name, None)


def test_a_plan_that_was_made_before_does_not_use_it_up(world):
    w = world([compound(n) for n in range(20)], page_size=10)
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    w.registry.edit("C-000015", name="New name")
    plan = signed(w)
    lose(w, "smiles")
    assert w.sync().error_code == "path_gone"
    override = allow()
    assert apply(plan).updated == 1
    override.refresh_from_db()
    assert override.used_by is None
    w.registry.edit("C-000016", name="Another name")
    plan = w.sync().plan
    assert plan.state == Plan.State.OPEN
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    run = apply(plan)
    override.refresh_from_db()
    assert run.updated == 1 and override.used_by == run


def test_it_does_not_let_more_paths_be_missing(world, owner):
    w = world([compound(n) for n in range(12)])
    w.sync()
    Lane.objects.update(second_allow=True)
    lose(w, "smiles")
    w.registry.records[10:] = []
    assert w.sync().error_code == "path_gone"
    with pytest.raises(SecondPerson):
        allow()
    row = Proposal.objects.get()
    assert row.text.endswith("(smiles) once.")
    w.sync()  # the same stop
    assert allow(BEA).paths == ["smiles"]
    lose(w, "approval")
    assert w.sync().error_code == "path_gone", "more is missing than both allowed"
    with pytest.raises(SecondPerson):
        allow()
    page = text(owner.get(f"/admin/registry_sync/proposal/{Proposal.objects.first().pk}/change/"))
    assert "(approval, smiles) once" in page and f"/syncrun/{SyncRun.objects.first().pk}/" in page
    allow(BEA)
    run = w.sync()
    assert run.status in run.GOOD, run.error
    assert {override.used_by for override in Allowance.objects.all()} == {run}
    listed = text(owner.get("/admin/registry_sync/allowance/"))
    assert "(smiles)<" in listed and "(approval, smiles)<" in listed


def test_what_was_shown_is_what_is_allowed(world, owner):
    w = world([compound(n) for n in range(12)])
    w.sync()
    lose(w, "smiles")
    w.registry.records[10:] = []
    lane = Lane.objects.get()
    form = "/admin/registry_sync/allowance/add/"
    cure = f"/admin/registry_sync/entityerror/cure/allow/path_gone/?lane={lane.pk}"
    asked = {"lane": lane.pk, "what": "path-gone", "external_id": "", "reason": "dropped"}
    assert "No run is stopped now" in text(owner.get(form))
    none = marks(owner, form)
    assert w.sync().error_code == "path_gone"
    shown = text(owner.get(form))
    assert "Stopped now" in shown and "smiles" in shown
    earlier, at_cure = marks(owner, form), marks(owner, cure)
    w.sync()  # the same stop
    assert (marks(owner, form), marks(owner, cure)) == (earlier, at_cure)
    lose(w, "approval")
    assert w.sync().error_code == "path_gone"
    press = {"decided": "yes", "press": "allow", "reason": "dropped"}
    for url, sent in ((form, {**asked, "mark": none}), (form, {**asked, "mark": earlier}),
                      (cure, {**press, "mark": at_cure})):  # fmt: skip
        again = text(owner.post(url, sent))
        assert "changed since this page was shown" in again and not Allowance.objects.exists()
        assert "approval" in again and found(again) == marks(owner, url) != sent["mark"]
    assert owner.post(form, {**asked, "mark": marks(owner, form)}).status_code == 302
    assert Allowance.objects.get().paths == ["approval", "smiles"]
    assert w.sync().status in SyncRun.GOOD


def marks(client, url: str) -> str:
    """Return the marks of what a page shows, as its form would send them."""
    return found(text(client.get(url)))


def found(page: str) -> str:
    (tag,) = re.findall(r'<input type="hidden" name="mark"[^>]*>', page)
    return str(re.findall(r'value="([^"]*)"', tag)[0])
