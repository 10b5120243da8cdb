"""Links within a batch, ahead of it, and in circles."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from registry_sync import runs
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, SyncRun
from registry_sync.sync.gates.link_reasons import LinkReasons
from tests.support.people import by_hand, hand
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL

pytestmark = pytest.mark.once

Kind = SyncRun.Kind


@pytest.mark.invariant(12)
def test_a_circle_leaves_an_existing_entity_in_its_folder(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    elsewhere = w.tenant.add_folder("Elsewhere")
    w.tenant.entity("C-000003").folder_id = elsewhere
    later = "2026-03-01T00:00:00Z"
    # far apart, so that page and batch do not bring them together
    w.registry.records += [compound(1000, parent="C-001400", modified_at=later)]
    w.registry.records += [compound(1000 + n, modified_at=later) for n in range(1, 400)]
    w.registry.records += [compound(1400, parent="C-001000", modified_at=later)]
    w.registry.edit("C-000003", parent="C-001000")
    w.sync()
    assert not w.open_errors()
    assert w.values()["C-000003"]["Parent"] == "C-001000"
    assert w.tenant.entity("C-000003").folder_id == elsewhere


def test_forward_links_over_the_end_of_a_batch_cost_no_isolation(world, settings):
    settings.BATCH_SIZE = 50
    records = [compound(n) for n in range(200)]
    for n in range(0, 150):
        records[n]["parent"] = f"C-{n + 50:06d}"
    w = world(records, task_errors="none")
    w.sync()
    calls = w.tenant.counters["bulk_calls"] + w.tenant.counters["single_upserts"]
    assert calls <= 20, calls


def test_a_circle_behind_500_others_that_wait(world):
    records = [compound(n, parent=f"GONE-{n}") for n in range(510)]
    records += [compound(1000, parent="C-001500")]
    records += [compound(1000 + n) for n in range(1, 500)]
    records += [compound(1500, parent="C-001000")]
    w = world(records)
    w.sync()
    w.sync()
    assert "C-001500" in w.values()


def test_a_circle_waits_for_the_member_that_is_refused_for_its_name(world):
    """Its links cannot resolve, so the others are held back before anything is sent."""
    records = [compound(0)] + [compound(n, parent=f"C-{n % 3 + 1:06d}") for n in (1, 2, 3)]
    records[2]["name"] = "Compound 0"
    w = world(records)
    run = w.sync()
    assert (run.created, run.failed, w.written(), set(w.values())) == (1, 3, 1, {"C-000000"})
    codes = {external_id: error.code for external_id, error in w.open_errors().items()}
    assert codes == {
        "C-000001": "link_missing", "C-000002": "name_taken", "C-000003": "link_missing"
    }  # fmt: skip
    assert w.tenant.counters["single_upserts"] == 0 and w.tenant.counters["bulk_calls"] == 1
    w.registry.edit("C-000002", name="Compound 2")
    w.sync()
    assert not w.open_errors()
    parents = {id_: value["Parent"] for id_, value in w.values().items()}
    assert parents == {"C-000000": None} | {f"C-{n:06d}": f"C-{n % 3 + 1:06d}" for n in (1, 2, 3)}


@pytest.mark.parametrize(("archived", "arrives"), [(None, True), ("Retired", False)])
def test_only_what_is_in_use_may_be_pointed_at(world, archived, arrives):
    w = world([compound(0), compound(1, parent="C-000099")])
    by_hand(w, hand(w, "C-000099", "By hand").entity_registry_id, archived=archived)
    w.sync()
    assert ("C-000001" in w.values()) == arrives
    codes = {id_: (error.code, error.waits_for) for id_, error in w.open_errors().items()}
    assert codes == ({} if arrives else {"C-000001": ("link_missing", "link")})
    assert w.tenant.counters["single_upserts"] == 0


def test_a_record_that_waits_gives_back_the_name_it_claimed(world):
    """On a later page another record of that name arrives, and keeps it."""
    records = [compound(n) for n in range(10)]
    records[1] |= {"name": "Aspirin", "parent": "C-000099"}
    w = world([*records, compound(10, name="Aspirin")], page_size=10)
    w.sync()
    assert w.values()["C-000010"]["name"] == "Aspirin"
    assert {id_: e.code for id_, e in w.open_errors().items()} == {"C-000001": "link_missing"}
    w.registry.records.append(compound(99))
    w.registry.edit("C-000099")
    w.sync()
    assert {id_: e.code for id_, e in w.open_errors().items()} == {"C-000001": "name_taken"}


UNFIT = {
    "C-1": ("source", "points at X-1, which is an entity of the schema “Lot” in Benchling. The "
            "field “Parent” links entities of another schema."),
    "C-2": ("benchling", "points at X-2, which is archived in Benchling."),
    "C-3": ("source", "points at X-1, which is an entity of the schema “Lot” in Benchling. The "
            "field “Site” links entities of another schema."),
    "C-4": ("source", "points at GONE, which is not in Benchling."),
}  # fmt: skip


@pytest.mark.parametrize("fed", [False, True], ids=["a schema that no lane feeds", "another lane"])
def test_a_link_says_why_what_is_in_benchling_cannot_be_linked(world, fed):
    """Of the lane's own schema, and of another one. The dry run says the same."""
    links = [{"parent": "X-1"}, {"parent": "X-2"}, {"site": "X-1"}, {"parent": "GONE"}]
    records = [{**compound(n), "id": f"C-{n}", "site": None, **link}
               for n, link in enumerate(links, start=1)]  # fmt: skip
    fields = [{"name": name, "type": "entity_link"} for name in ("Parent", "Site")]
    w = world(records, fields=fields, rows=[("Parent", "parent"), ("Site", "site")])
    site = w.add_lane("Site", []).schema if fed else w.add_schema("Site")
    w.tenant.schemas[w.schema]["fieldDefinitions"][1]["schemaId"] = site
    hand(w, "X-1", "A lot", schemaId=w.add_schema("Lot"))
    hand(w, "X-2", "A compound")
    by_hand(w, "X-2", archived="Retired")
    w.sync(kind=Kind.DRY_RUN)
    for run in runs.active_runs():  # of a lane that is new
        jobs.work_to_end(run.pk)
    lane = Lane.objects.get(schema_id=w.schema)
    dry = w.sync(kind=Kind.DRY_RUN, lane=lane)
    assert {r.external_id: (r.kind, _said(r)) for r in dry.refusals.all()} == UNFIT
    w.sync(lane=lane)
    errors = w.open_errors()
    assert {id_: (error.kind, _said(error)) for id_, error in errors.items()} == UNFIT
    assert "A Benchling admin unarchives X-2" in errors["C-2"].remedy
    by_hand(w, "X-2", archived=None)
    w.sync(lane=lane)
    assert w.open_errors().keys() == {"C-1", "C-3", "C-4"} and w.values()["C-2"]["Parent"] == "X-2"


ELSEWHERE = {
    "L-1": ("points at ASP-1, which is an alias of C-1; a link must name the id.",
            "writes C-1 instead of ASP-1 in L-1"),
    "L-2": ("points at Aspirin, which is the name of C-1; a link must name the id.",
            "writes C-1 instead of Aspirin in L-2"),
    "L-3": ("points at {}c-1, which is spelled {}C-1 in Benchling; an id must match exactly.",
            "writes C-1 instead of c-1 in L-3"),
    "L-4": ("points at {}X-{{1}}, which is in the Benchling registry “Biologics” and not in "
            "“Research”.",
            "A link cannot lead to another Benchling registry. The registry's owner corrects the"),
    "L-5": ("which is not in Benchling.", "The registry's owner checks the reference"),
    "L-6": ("points at asp-1, which is an alias of C-1;", "writes C-1 instead of asp-1 in L-6"),
    "L-7": ("which is not in Benchling.", "The registry's owner checks the reference"),
    "L-8": ("which is not in Benchling.", "The registry's owner checks the reference"),
    "L-9": ("which is not in Benchling.", "The registry's owner checks the reference"),
    "C-2": ("which is not in Benchling.", "The registry's owner checks the reference"),
}  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "CDD-"], ids=["ids as they are", "with a template"])
def test_a_link_says_what_is_known_of_a_target_that_is_not_in_benchling(world, prefix):
    """Not that it is the name of another schema's entity, of an archived one, or its own."""
    settings = {**INCREMENTAL, "registry_id_template": f"{prefix}{{id}}"}
    first = [{**compound(1), "id": "C-1", "name": "Aspirin", "synonyms": ["ASP-1"]},
             {**compound(2), "id": "C-2", "name": "CMP-8"}]  # fmt: skip
    rules = {"aliases": ["synonyms"]}
    w = world(first, config={"Mapping Rules": rules, "Connector Settings": settings})
    targets = ("ASP-1", "Aspirin", "c-1", "X-{1}", "GONE", "asp-1", "CMP-9", "PLATE", "OLD")
    lots = [{**compound(n), "id": f"L-{n}", "name": f"Lot {n}", "parent": target}
            for n, target in enumerate(targets, start=1)]  # fmt: skip
    lots[6] |= {"name": "CMP-9", "parent": None}
    added = w.add_lane("Lot", lots)
    (parent,) = (
        f for f in w.tenant.schemas[added.schema]["fieldDefinitions"] if f["name"] == "Parent"
    )
    parent["schemaId"] = w.schema
    biologics = w.tenant.add_registry("Biologics")
    other = w.tenant.add_schema("Compound", biologics, fields=[])
    hand(w, f"{prefix}X-{{1}}", "Another's", registryId=biologics, schemaId=other)
    hand(w, "P-1", "PLATE", schemaId=w.add_schema("Plate"))
    hand(w, "O-1", "OLD")
    by_hand(w, "O-1", archived="Retired")
    w.sync()
    (new,) = runs.active_runs()
    jobs.work_to_end(new.pk)
    assert new.lane.schema_id == added.schema and not {"L-7", "C-2"} & w.open_errors().keys()
    for n, target in enumerate(targets, start=1):
        added.registry.edit(f"L-{n}", parent=target)  # as L-7 had none
    w.registry.edit("C-2", parent="CMP-8")
    dry = w.sync(kind=Kind.DRY_RUN, lane=new.lane)
    told = {r.external_id: r for r in dry.refusals.all()}
    for id_ in ("L-1", "L-2", "L-3", "L-4", "L-6"):
        message, remedy = (text.format(prefix, prefix) for text in ELSEWHERE[id_])
        assert (told[id_].kind, told[id_].code) == ("source", "link_missing")
        assert message in told[id_].message and remedy in told[id_].remedy
    assert told["L-5"].code == "link_waits"
    w.sync()
    w.sync(lane=new.lane)
    errors = w.open_errors()
    assert errors.keys() == ELSEWHERE.keys()
    for id_, texts in ELSEWHERE.items():
        message, remedy = (text.format(prefix, prefix) for text in texts)
        assert message in errors[id_].message and remedy in errors[id_].remedy, id_
        assert errors[id_].waits_for == "link"


@pytest.mark.parametrize(
    "failure", [Wait(datetime.now(UTC), "busy"), Refused(403, "no access")], ids=["wait", "refusal"]
)
def test_what_could_not_be_asked_of_another_registry_is_asked_again(failure):
    answers = [failure, [{"entityRegistryId": "X-1"}]]

    def registered(ids, registry_id):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = SimpleNamespace(
        registries=lambda: [{"id": "src_2", "name": "Biologics"}], entities_registered=registered
    )
    reasons = LinkReasons(SimpleNamespace(client=client, lane=SimpleNamespace(registry_id="src_1")))
    with suppress(Wait):
        assert reasons.elsewhere(["X-1", "X-2"]) == {}
    assert reasons.elsewhere(["X-1", "X-2"]) == {"X-1": "Biologics"}
    assert reasons.elsewhere(["X-1", "X-2"]) == {"X-1": "Biologics"} and not answers


def _said(refused) -> str:
    return refused.message.removeprefix(f"{refused.external_id} ")
