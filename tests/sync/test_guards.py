"""A great change asks first, and a person lets it pass once."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from registry_sync.models import Allowance, Change, Lane, SyncRun
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, ROWS

pytestmark = pytest.mark.once  # what is a great change is no matter of the database

Status = SyncRun.Status
MANY = 1200
SUBSTANCE = {**INCREMENTAL, "identity": ["smiles"]}


def allow(*words: str) -> str:
    out = io.StringIO()
    call_command("allow", *words, stdout=out)
    return out.getvalue()


def mistake(w, numbers) -> None:
    for n in numbers:
        w.registry.edit(f"C-{n:06d}", approval=1)


@pytest.mark.invariant(14)
def test_a_bulk_mistake_stops_at_the_limit_and_again_until_it_is_allowed(world):
    w = world([compound(n) for n in range(MANY)], contract="after")
    w.sync()
    mistake(w, range(700))
    first = w.sync()
    assert first.status == Status.FAILED and first.error_code == "great_change"
    assert "600 of the 1,200" in first.error and "manage.py allow" in first.remedy
    assert w.written() - MANY <= 600
    again = w.sync()
    assert again.error_code == "great_change" and w.written() - MANY <= 600
    allow("great-change", "--reason", "The approvals were really wrong")
    run = w.sync()
    assert run.status == Status.SUCCEEDED and w.written() - MANY == 700
    values = w.values()
    assert all(values[f"C-{n:06d}"]["Approval"] == 1 for n in range(700))
    assert Allowance.objects.get().used_by == run
    mistake(w, range(0, 700))
    for n in range(700):
        w.registry.edit(f"C-{n:06d}", approval=2)
    assert w.sync().error_code == "great_change"  # it was allowed once, not for ever


@pytest.mark.invariant(14)
def test_the_stop_lifts_by_itself_when_the_registry_is_put_right(world):
    w = world([compound(n) for n in range(MANY)], contract="after")
    w.sync()
    mistake(w, range(MANY))
    assert w.sync().error_code == "great_change"
    for n in range(MANY):
        w.registry.edit(f"C-{n:06d}", approval=compound(n)["approval"])
    run = w.sync()
    assert run.status == Status.SUCCEEDED
    values = w.values()
    assert all(values[f"C-{n:06d}"]["Approval"] == 1950 + n % 70 for n in range(MANY))


@pytest.mark.invariant(14)
def test_another_mapping_may_change_everything(world):
    w = world([compound(n) for n in range(MANY)], contract="after")
    w.sync()
    w.configure(**{"External Name Field": "{name} [{id}]"})
    run = w.sync()
    assert run.status == Status.SUCCEEDED and run.updated == MANY


@pytest.mark.invariant(14)
def test_a_key_renamed_at_the_source_blanks_nothing(world):
    w = world([compound(n) for n in range(300)], contract="after")
    w.sync()
    before = w.values()
    for record in w.registry.records:
        record["structure"] = record.pop("smiles")
    run = w.sync(kind=SyncRun.Kind.FULL)
    assert run.status == Status.FAILED and run.error_code == "path_gone"
    assert "“smiles” (for “SMILES”)" in run.error and w.values() == before and w.written() == 300
    allow("path-gone", "--reason", "We keep what is there")
    assert w.sync(kind=SyncRun.Kind.FULL).status == Status.SUCCEEDED
    assert w.values() == before
    for record in w.registry.records:
        record["smiles"] = record.pop("structure")
    assert w.sync(kind=SyncRun.Kind.FULL).status == Status.SUCCEEDED
    assert not w.open_errors()


@pytest.mark.parametrize("mended", ["the registry", "the mapping"])
@pytest.mark.invariant(14)
def test_a_path_that_is_back_lifts_the_stop_by_itself(world, mended):
    w = world([compound(n) for n in range(20)])
    w.sync()
    for n, record in enumerate(w.registry.records):
        record["structure"] = record.pop("smiles")
        w.registry.edit(record["id"], approval=2000 + n)
    assert w.sync().error_code == "path_gone" and w.written() == 20
    if mended == "the registry":
        for record in w.registry.records:
            record["smiles"] = record.pop("structure")
    else:
        w.configure(**{"Field Configurations": [("SMILES", "structure"), *ROWS[1:]]})
    run = w.sync()
    assert run.status == Status.SUCCEEDED and run.updated == 20 and not Allowance.objects.exists()
    assert w.values()["C-000007"]["SMILES"] == "C" * 8
    assert w.values()["C-000007"]["Approval"] == 2007


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"External ID Field": "ID"}, "External ID Field"),
        ({"External Name Field": "title"}, "External Name Field"),
    ],
)
def test_a_wrong_id_or_name_path_is_one_failure(world, changed, named):
    w = world([compound(n) for n in range(50)], config=changed)
    run = w.sync()
    assert run.status == Status.FAILED and named in run.error and "smiles" in run.error
    assert not w.open_errors() and w.written() == 0


def test_a_path_that_no_record_has_is_told(world):
    w = world([compound(n) for n in range(50)], rows=[("SMILES", "smile"), ("Kind", "kind")])
    run = w.sync()
    assert run.status == Status.SUCCEEDED and len(w.values()) == 50
    assert "“smile”" in run.log.get(level="WARNING").text


@pytest.mark.invariant(5)
def test_a_list_whose_only_page_names_no_next_one_is_not_green(world):
    paging = {"endpoint": {"paginator": {"type": "json_link", "next_url_path": "nxt"}}}
    w = world([compound(n) for n in range(30)], page_size=20, config={"Connector Settings": paging})
    run = w.sync()
    assert len(w.values()) == 20
    said = run.log.get(text__contains="nothing at “nxt”").text
    assert "the integration owner corrects that path" in said
    assert (run.status, [warning["code"] for warning in run.warnings]) == (
        Status.COMPLETED_WITH_WARNINGS,
        ["next_unseen", "short_read"],
    )


@pytest.mark.invariant(14)
def test_another_substance_under_a_known_id_is_one_error_and_the_rest_goes_on(world):
    w = world([compound(n) for n in range(50)], config={"Connector Settings": SUBSTANCE})
    w.sync()
    w.registry.edit("C-000007", smiles="c1ccccc1", name="Benzene")
    w.registry.edit("C-000008", approval=2001)
    run = w.sync()
    assert (run.status, run.updated, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1, 1)
    error = w.open_errors()["C-000007"]
    assert "CCCCCCCC" in error.message and "c1ccccc1" in error.message
    assert w.values()["C-000007"]["name"] == "Compound 7"
    assert w.values()["C-000008"]["Approval"] == 2001
    w.sync()
    assert w.values()["C-000007"]["name"] == "Compound 7"
    allow("identity", "--id", "C-000007", "--reason", "It was drawn wrongly")
    run = w.sync()
    assert run.status == Status.SUCCEEDED and w.values()["C-000007"]["SMILES"] == "c1ccccc1"
    w.registry.edit("C-000007", smiles="CCO")
    assert w.sync().failed == 1  # allowed once


def test_a_record_that_says_no_identity_for_once_does_not_forget_it(world):
    settings = {**INCREMENTAL, "identity": ["key"]}
    records = [compound(n, key=f"K{n}") for n in range(5)]
    records.append(compound(10, key="K10", parent="C-000011"))  # waits for the next run's record
    w = world(records, config={"Connector Settings": settings})
    w.sync()
    w.registry.edit("C-000001", key=None, approval=2001)
    w.registry.records.append(compound(11, key="K11", parent="C-000010"))
    w.registry.edit("C-000011")
    assert w.sync().status == Status.SUCCEEDED
    for external_id in ("C-000001", "C-000010"):
        w.registry.edit(external_id, key="Another", approval=2002)
    assert w.sync().failed == 2
    assert {error.code for error in w.open_errors().values()} == {"another_substance"}
    assert w.values()["C-000001"]["Approval"] == 2001


@pytest.mark.invariant(14)
def test_a_substance_put_back_closes_its_error(world):
    w = world([compound(n) for n in range(20)], config={"Connector Settings": SUBSTANCE})
    w.sync()
    w.registry.edit("C-000007", smiles="c1ccccc1")
    assert w.sync().failed == 1
    w.registry.edit("C-000007", smiles="C" * 8)
    assert w.sync().status == Status.SUCCEEDED and not w.open_errors()
    assert Change.objects.filter(external_id="C-000007", created=False).count() == 0


@pytest.mark.parametrize(
    "words",
    [
        ("great-change", "--reason", " "),
        ("great-change", "--id", "C-1", "--reason", "why"),
        ("identity", "--reason", "why"),
    ],
)
def test_allow_wants_a_reason_and_the_right_words(db, words):
    with pytest.raises(CommandError) as refused:
        allow(*words)
    assert refused.value.returncode == 64 and not Allowance.objects.exists()


def test_a_record_that_nothing_is_known_of_cannot_be_allowed(world):
    w = world([compound(1)])
    w.sync()
    with pytest.raises(CommandError, match="There is no record c-000001 in") as refused:
        allow("identity", "--id", "c-000001", "--reason", "why")
    assert refused.value.returncode == 1 and not Allowance.objects.exists()


def refused(*words: str) -> str:
    """Run the command where there is nothing to override; what it said."""
    before = Allowance.objects.count()
    with pytest.raises(CommandError) as told:
        allow(*words, "--reason", "why")
    assert told.value.returncode == 1 and Allowance.objects.count() == before
    return str(told.value)


def lose_smiles(w, there="smiles", gone="structure") -> None:
    for n, record in enumerate(w.registry.records):
        record[gone] = record.pop(there)
        w.registry.edit(record["id"], approval=2000 + n)


def test_what_stopped_no_run_cannot_be_allowed(world):
    w = world([compound(n) for n in range(20)])
    w.sync()
    assert "there is nothing to override" in refused("great-change")
    assert "there is nothing to override" in refused("path-gone")
    lose_smiles(w)
    assert w.sync(kind=SyncRun.Kind.DRY_RUN).error_code == "path_gone"
    assert "there is nothing to override" in refused("path-gone")  # no run was stopped yet
    assert w.sync().error_code == "path_gone"
    assert "there is nothing to override" in refused("great-change")
    token, w.registry.token = w.registry.token, "other"
    assert w.sync().error_code == "registry_unauthorised"  # the stop before it still stands
    w.registry.token = token
    allow("path-gone", "--reason", "We keep what is there")
    assert "has already overridden it (“We keep what is there”)" in refused("path-gone")
    assert w.sync().status == Status.SUCCEEDED
    assert "there is nothing to override" in refused("path-gone")


def test_the_desk_takes_no_allowance_that_the_command_refuses(world, admin_client):
    w = world([compound(n) for n in range(20)])
    w.sync()
    url, lane = reverse("admin:registry_sync_allowance_add"), Lane.objects.get()

    def add(what: str, external_id: str = "") -> str:
        given = {"lane": lane.pk, "what": what, "external_id": external_id, "reason": "why"}
        return admin_client.post(url, given).content.decode()

    assert "there is nothing to override" in add("path-gone")
    assert "its external id is missing" in add("identity")
    assert "There is no record c-000001" in add("identity", "c-000001")
    assert "only identity and drawings take an external id" in add("great-change", "C-000001")
    assert not Allowance.objects.exists()
    lose_smiles(w)
    assert w.sync().error_code == "path_gone"
    assert "error" not in add("path-gone")
    kept = Allowance.objects.get()
    assert (kept.what, kept.actor, kept.reason) == ("path-gone", "admin", "why")


@pytest.mark.invariant(3)
def test_ten_nameless_new_records_stop_nobody_else(world):
    w = world([compound(n) for n in range(30)])
    w.sync()
    later = "2026-03-01T00:00:00Z"
    w.registry.records += [compound(100 + n, name=None, modified_at=later) for n in range(10)]
    w.registry.records[29]["modified_at"] = "2026-02-01T00:00:00Z"
    w.registry.records = [r for r in w.registry.records if r["id"] != "C-000029"]
    w.registry.records.append(compound(29, smiles="N", modified_at="2026-02-01T00:00:00Z"))
    run = w.sync()
    assert (run.status, run.updated, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1, 10)
    assert {error.code for error in w.open_errors().values()} == {"name_missing"}
    assert w.values()["C-000029"]["SMILES"] == "N" and len(w.values()) == 30


def test_a_first_page_of_nameless_new_records_stops_nobody_else(world):
    w = world([compound(n) for n in range(30)], page_size=10)
    w.sync()
    later = "2026-03-01T00:00:00Z"
    w.registry.records[0:0] = [compound(100 + n, name=None, modified_at=later) for n in range(10)]
    w.registry.edit("C-000005", smiles="N")
    run = w.sync()
    assert (run.status, run.updated, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1, 10)
    assert {error.code for error in w.open_errors().values()} == {"name_missing"}
    assert w.values()["C-000005"]["SMILES"] == "N"


@pytest.mark.invariant(8)
def test_a_dry_run_uses_up_no_override(world):
    w = world([compound(n) for n in range(20)])
    w.sync()
    lose_smiles(w)
    assert w.sync().error_code == "path_gone"
    allow("path-gone", "--reason", "We keep what is there")
    for _ in range(2):
        dry = w.sync(kind=SyncRun.Kind.DRY_RUN)
        assert (dry.error, dry.updated) == ("", 20)
    assert Allowance.objects.get().used_by is None
    run = w.sync()
    assert (run.status, run.updated) == (Status.SUCCEEDED, 20)
    assert Allowance.objects.get().used_by == run


@pytest.mark.parametrize(("count", "stops"), [(9, False), (10, True)])
@pytest.mark.invariant(14)
def test_ten_records_without_a_path_are_evidence_and_nine_are_none(world, count, stops):
    w = world([compound(n) for n in range(count)])
    w.sync()
    lose_smiles(w)
    run = w.sync()
    assert (run.error_code == "path_gone") == stops
    assert run.updated == (0 if stops else count)


@pytest.mark.parametrize(("held", "stops"), [(9, False), (10, True)])
@pytest.mark.invariant(14)
def test_a_path_is_gone_only_where_ten_records_had_it(world, held, stops):
    records = [compound(n) for n in range(20)]
    for record in records[held:]:
        del record["smiles"]
    w = world(records)
    w.sync()
    for n, record in enumerate(w.registry.records):
        record.pop("smiles", None)
        w.registry.edit(record["id"], approval=2000 + n)
    assert (w.sync().error_code == "path_gone") == stops


@pytest.mark.invariant(3)
def test_ten_bad_values_of_a_field_cost_ten_errors_where_the_others_fit(world):
    records = [compound(n, approval="unknown" if n < 10 else 1950 + n) for n in range(30)]
    w = world(records)
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 20, 10)
    assert {error.code for error in w.open_errors().values()} == {"wrong_type"}
    assert w.values()["C-000020"]["Approval"] == 1970


@pytest.mark.parametrize(("count", "stops"), [(9, False), (10, True)])
@pytest.mark.invariant(6)
def test_nine_nameless_records_are_nine_errors_and_ten_are_one_failure(world, count, stops):
    w = world([compound(n) for n in range(count)], config={"External Name Field": "title"})
    run = w.sync()
    codes = [error.code for error in w.open_errors().values()]
    assert (run.error_code == "path_never") == stops
    assert codes == ([] if stops else ["name_missing"] * count)


def test_a_record_is_not_overridden_twice(world):
    w = world([compound(1)])
    w.sync()
    words = ("identity", "--id", "C-000001", "--reason", "salt")
    allow(*words)
    with pytest.raises(CommandError, match="has already overridden it"):
        allow(*words)
    assert Allowance.objects.count() == 1
