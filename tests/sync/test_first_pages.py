"""What a first page shows of the mapping: paths that no record has, values that no field takes."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.core.problems import ConfigError, Problem, SourceError
from registry_sync.ledger.lookup import LedgerView
from registry_sync.ledger.record_outcome import Outcome
from registry_sync.models import Allowance, SyncRun
from registry_sync.source.answers.blanks import Blanks
from registry_sync.sync.gates import guards
from registry_sync.sync.records import SourceRecord, record_outcome
from tests.support.contexts import context
from tests.support.factories import AllowanceFactory, LedgerEntryFactory, SyncRunFactory
from tests.support.mapping import mapping_of, schema_of

pytestmark = [pytest.mark.once, pytest.mark.django_db]
TWO = schema_of({"type": "text"}, {"type": "dropdown", "isMulti": True})


def records(count: int = 10, *, without: tuple[str, ...] = (), **values: Any) -> list[SourceRecord]:
    """Return records that have an id, a name and both fields, but for what they are without."""
    raw = {"name": "Aspirin", "f0": "a", "f1": ["Protein"], **values}
    kept = {key: value for key, value in raw.items() if key not in without}
    return [SourceRecord(f"C-{n}", {"id": f"C-{n}", **kept}, "", None) for n in range(count)]


def problem(code: str, field: str = "", n: int = 0) -> Problem:
    return Problem("source", code, f"The value {n} is wrong.", "Correct it.", field=field)


def looked(ctx: Any, some: list[SourceRecord]) -> list[str] | str:
    """Return the paths that are missing, or the code of what stops the run."""
    try:
        return guards.check_paths(ctx, some)
    except (SourceError, ConfigError) as stopped:
        return stopped.code


def whole(*, mapping: Any = None, **values: Any) -> Any:
    made = mapping or mapping_of(TWO)
    return context(made, schema=TWO, **{"reads_all": True, "kind": SyncRun.Kind.FULL, **values})


def test_a_page_that_has_everything_says_nothing():
    assert looked(whole(), records()) == []
    assert looked(whole(), records(9, without=("f0",))) == [], "nine are no evidence"
    assert looked(whole(), records(without=("f0",))) == ["f0"]
    assert looked(whole(), [*records(without=("f0",)), *records(1)]) == []


@pytest.mark.parametrize(
    ("what", "named"), [("no_id", "the id at External ID Field"), ("name", "the name at External")]
)
def test_what_everything_lacks_is_the_mappings_fault_where_everything_is_read(what, named):
    """What changed lately may well be alike."""
    some = records(without=(what,))
    if what == "no_id":
        some = [record._replace(problem=problem("no_id")) for record in some]
    with pytest.raises(ConfigError) as stopped:
        guards.check_paths(whole(), some)
    assert stopped.value.code == "path_never" and named in stopped.value.message
    assert "A record has: f0, f1, id" in stopped.value.message
    assert "integration owner" in stopped.value.remedy
    assert looked(whole(reads_all=False, kind=SyncRun.Kind.INCREMENTAL), some) == []
    assert looked(whole(), [*some, *records(1)]) == []
    other = [record._replace(problem=problem("no_detail")) for record in records()]
    assert looked(whole(), other) == []


def test_the_keys_of_the_first_record_are_named_twelve_at_most():
    some = records(without=("name",), **{f"k{n:02}": 1 for n in range(12)})
    some[1].raw["aa"] = 1
    with pytest.raises(ConfigError) as stopped:
        guards.check_paths(whole(), some)
    keys = stopped.value.message.partition("A record has: ")[2].rstrip(".").split(", ")
    assert keys == ["f0", "f1", "id", *(f"k{n:02}" for n in range(9))]


def test_a_required_field_without_its_path_is_the_mappings_fault():
    schema = schema_of({"type": "text", "isRequired": True}, {"type": "text"})
    mapping = mapping_of(schema)
    some = records(without=("f0",))
    with pytest.raises(ConfigError, match="the required field “Field 0” at its path “f0”"):
        guards.check_paths(whole(mapping=mapping), some)
    assert looked(whole(mapping=mapping, reads_all=False), some) == ["f0"]
    assert looked(whole(mapping=mapping), records(without=("f1",))) == ["f1"]


@pytest.mark.parametrize(
    ("rule", "missing"),
    [
        ({"rule": "default", "value": "a"}, []),
        ([{"rule": "default", "value": "a"}, {"rule": "number"}], ["f0"]),
    ],
    ids=["a default", "a default that another rule refuses"],
)
def test_a_default_stands_in_for_a_path(rule, missing):
    mapping = mapping_of(TWO, {"f0": rule})
    assert looked(whole(mapping=mapping), records(without=("f0",))) == missing


@pytest.mark.parametrize(("held", "stops"), [(9, False), (10, True)])
def test_a_path_is_lost_where_ten_of_these_records_had_it(held, stops):
    ctx, some = whole(), records(12, without=("f0",))
    for n in range(12):
        LedgerEntryFactory(
            lane=ctx.lane, external_id=f"C-{n}", fields={"f0": "a" if n < held else None, "f1": []}
        )
        LedgerEntryFactory(external_id=f"C-{n}", fields={"f0": "a", "f1": ["opt_b"]})
    assert looked(ctx, some) == ("path_gone" if stops else ["f0"])
    ctx.run.refresh_from_db()
    assert ctx.run.lost_paths == (["f0"] if stops else None)
    both = looked(ctx, records(12, without=("f0", "f1")))
    assert both == ("path_gone" if stops else ["f0", "f1"])
    AllowanceFactory(lane=ctx.lane, what=Allowance.What.PATH_GONE, paths=["f0"])
    assert looked(ctx, some) == ([] if stops else ["f0"])


@pytest.mark.parametrize(
    ("were", "are", "shown"),
    [
        (["salt a", "salt b"], ["salt a", " salt b "], True),
        ([1, 2.0], ["1", 2], True),
        (["HCl", "HCl"], ["HCl", "HCl"], False),
        (["salt a", "salt b"], ["salt a", "salt c"], False),
        ([1, 0], [True, False], False),
        ([True, False], [True, False], False),
        ([True, False], ["True", "False"], False),
    ],
)
def test_values_under_a_new_key_show_that_it_was_renamed(were, are, shown):
    ctx = whole(mapping=mapping_of(TWO, blanks=Blanks(absent="clear")))
    ctx.lane.source_state = {"record_keys": ["id", "name", "f0", "f1"]}
    some = records(2, without=("f0",))
    for record, was, now in zip(some, were, are, strict=True):
        record.raw["new"] = now
        LedgerEntryFactory(
            lane=ctx.lane, external_id=record.external_id, entity_hash="1", fields={"f0": was}
        )
    assert looked(ctx, some) == ("path_gone" if shown else [])


def refused(ctx: Any, some: list[SourceRecord], *problems: Problem) -> str:
    """Return what a page says whose records were refused so; "" if nothing."""
    outcomes = [
        record_outcome(record, Outcome.FAILED, problems=(one,))
        for record, one in zip(some, problems, strict=False)
    ]
    try:
        guards.check_values(ctx, some, outcomes)
    except ConfigError as stopped:
        assert stopped.code == "field_type"
        return f"{stopped.message} {stopped.remedy}"
    return ""


def ten(code: str, field: str = "Field 1") -> list[Problem]:
    return [problem(code, field, n) for n in range(10)]


def test_a_field_that_takes_no_value_of_the_page_is_mapped_wrongly():
    ctx, some = whole(), records()
    said = refused(ctx, some, *ten("wrong_type"))
    assert "The field “Field 1” is of type dropdown and takes none of the 10 values" in said
    assert "The value 0 is wrong." in said and "its former type" in said
    assert refused(ctx, some, *ten("wrong_type")[:9]) == "", "nine are no evidence"
    assert refused(ctx, records(11), *ten("wrong_type")) == "", "one fits"
    assert refused(ctx, some, *ten("option_missing")) == "", "that is each record's own error"
    assert refused(ctx, some, *ten("wrong_type", "Field 7")) == ""


@pytest.mark.parametrize("was", ["text", "dropdown", "dropdown[]"])
def test_a_field_that_was_of_another_type_takes_none_of_its_options(was):
    ctx = whole()
    SyncRunFactory(lane=ctx.lane, mapping={"types": {"f1": was}})
    said = refused(ctx, records(), *ten("option_missing"))
    former = "" if was == "dropdown[]" else f" (it was {was} when the last run ended well)"
    assert (f"is of type dropdown{former} and" in said) == bool(former)
    assert refused(ctx, records(), *ten("required_missing")) == ""
    assert f"is of type dropdown{former} and" in refused(ctx, records(), *ten("wrong_type"))


def test_a_word_for_empty_is_explained():
    said = refused(whole(), records(f1=["n/a"]), *ten("wrong_type"))
    assert 'If "n/a" means “empty”' in said and "former type" not in said


def test_long_substances_are_cut():
    found = guards.substance_problem("C-1", "a" * 201, "b" * 201)
    assert f"was “{'a' * 200}” and is now “{'b' * 200}”:" in found.message
    assert found.value == "b" * 200


def view(identity: str) -> LedgerView:
    return LedgerView(1, "C-1", "", "written", None, 1, "unchanged", identity)


@pytest.mark.parametrize(
    ("before", "now", "other"),
    [("a", "b", True), ("a", "a", False), ("", "b", False), ("a", "", False), ("[]", "b", False),
     (None, "b", False)],
)  # fmt: skip
def test_another_substance_is_known_by_two_identities(before, now, other):
    ctx = whole()
    seen = None if before is None else view(before)
    found = guards.other_substance(ctx, "C-1", seen, now)
    assert (found is not None) == other
    if found is not None:
        assert (found.code, found.value, found.kind) == ("another_substance", "b", "source")
        assert "C-1 was “a” and is now “b”" in found.message and "--id C-1" in found.remedy
        AllowanceFactory(lane=ctx.lane, what=Allowance.What.IDENTITY, external_id="C-1")
        assert guards.other_substance(ctx, "C-1", seen, now) is None
        assert guards.other_substance(ctx, "C-2", seen, now) is not None
