"""The ways in which vendors say “now empty”, with the settings that make each of them clear."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync.benchling.syncs import ConfigRow
from registry_sync.core.problems import ConfigError
from registry_sync.drafts import rule_form
from registry_sync.mapping.rules import RuleError, parse_rule
from registry_sync.mapping.transform import transform
from registry_sync.source.connector_settings import parse_connector
from registry_sync.source.paths import ABSENT
from tests.support.mapping import mapping_of, schema_of

pytestmark = pytest.mark.once
Json = dict[str, Any]
CLEAR: Json = {"absent": "clear"}
FALSE: Json = {"empty_values": [False]}

# who does so, path, settings, and a record's part before and after the value was cleared
VENDORS = [
    ("Airtable", "Notes", CLEAR, {"Notes": "x"}, {}),
    ("GraphQL", "target.name", CLEAR, {"target": {"name": "x"}}, {"target": None}),
    ("Salesforce", "Account.Owner.Name", CLEAR, {"Account": {"Owner": {"Name": "x"}}},
     {"Account": {"Owner": None}}),
    ("FHIR", "code.coding[0].display", CLEAR, {"code": {"coding": [{"display": "x"}]}},
     {"code": {}}),
    ("ServiceNow", "owner.value", CLEAR, {"owner": {"link": "u", "value": "x"}}, {"owner": ""}),
    ("ServiceNow", "owner.value", {"empty_values": [""]}, {"owner": {"value": "x"}},
     {"owner": ""}),
    ("Odoo", "note", FALSE, {"note": "x"}, {"note": False}),
    ("Odoo", "categ_id[1]", FALSE, {"categ_id": [5, "x"]}, {"categ_id": False}),
    ("Odoo", "categ_id[1]", CLEAR, {"categ_id": [5, "x"]}, {"categ_id": False}),
    ("CDD", "udf[?name=='Salt'].value", CLEAR, {"udf": [{"name": "Salt", "value": "x"}]},
     {"udf": [{"name": "Lot", "value": "y"}]}),
    ("Signals", "udf[?name=='Salt'].value", CLEAR, {"udf": [{"name": "Salt", "value": "x"}]},
     {"udf": []}),
    ("Smartsheet", "cells[?columnId==7].value", CLEAR, {"cells": [{"columnId": 7, "value": "x"}]},
     {"cells": [{"columnId": 7}]}),
    ("CSV exports", "note", {"empty_values": ["N/A"]}, {"note": "x"}, {"note": " N/A "}),
    ("openBIS", "note", {"empty_values": [{}]}, {"note": "x"}, {"note": {}}),
    ("lists", "tags[0]", CLEAR, {"tags": ["x"]}, {"tags": []}),
]  # fmt: skip


def cleared(record: Json, path: str, endpoint: Json, field: Json, rule: Any = None) -> Any:
    """Transform a record under settings; give the field's value, ABSENT, or its problem."""
    schema = schema_of(field)
    blanks = parse_connector({"endpoint": endpoint}, api_url="https://r.example.com").blanks
    rows = (ConfigRow("Row", "f0", path),)
    mapping = mapping_of(schema, {"f0": rule} if rule else None, rows=rows, blanks=blanks)
    done = transform({"id": "1", "name": "One", **record}, "1", mapping)
    return done.entity.fields.get("f0", ABSENT) if done.entity else done.problems[0]


@pytest.mark.parametrize(("vendor", "path", "endpoint", "before", "after"), VENDORS)
def test_what_a_vendor_means_by_empty_clears(
    vendor: str, path: str, endpoint: Json, before: Json, after: Json
) -> None:
    for many in (False, True):
        field = {"type": "text", "isMulti": many}
        assert cleared(before, path, endpoint, field) == (["x"] if many else "x"), vendor
        assert cleared(after, path, endpoint, field) == ([] if many else None), vendor
        rule = {"rule": "empty", **endpoint}
        assert cleared(after, path, {}, field, rule) == ([] if many else None), vendor
        unset = cleared(after, path, {}, field)
        if vendor != "CSV exports":  # a text like any other
            assert unset is ABSENT or unset.code == "wrong_type", vendor


@pytest.mark.parametrize("type_", ["text", "long_text", "integer", "float", "date", "datetime",
                                   "dropdown", "entity_link", "json"])  # fmt: skip
def test_false_is_empty_for_every_field_but_a_boolean(type_: str) -> None:
    field = {"type": type_}
    assert cleared({"v": False}, "v", FALSE, field) is None
    for value in (False, [False]):  # unset: refused, with the setting that works
        problem = cleared({"v": value}, "v", {}, field)
        assert problem.code == "wrong_type" and "“false”" in problem.message
        assert '{"endpoint": {"empty_values": [false]}} in Connector Settings' in problem.remedy
        assert '{"f0": {"rule": "empty", "empty_values": [false]}}' in problem.remedy
    for rule in ({"rule": "number"}, {"rule": "date", "format": "%Y-%m-%d"}):
        if type_ == "text":
            assert "empty_values" in cleared({"v": False}, "v", {}, field, rule).remedy
    required = cleared({"v": False}, "v", FALSE, {**field, "isRequired": True})
    assert required.code == "required_missing"


def test_other_ways_to_write_nothing_come_with_the_setting_too() -> None:
    for type_, value in (("text", {}), ("date", 0), ("dropdown", 0), ("entity_link", {})):
        remedy = cleared({"v": value}, "v", {}, {"type": type_}).remedy
        assert f'{{"empty_values": [{json.dumps(value)}]}}' in remedy, (type_, remedy)
    remedy = cleared({"v": "N/A"}, "v", {}, {"type": "boolean"}).remedy
    assert '{"f0": {"rule": "empty", "empty_values": ["N/A"]}}' in remedy
    assert "Connector Settings" not in remedy  # they do not count for it
    shown = cleared({"v": {"value": None}}, "v", {}, {"type": "text"}).message
    assert '“{"value": null}”' in shown


def test_a_boolean_field_stays_false() -> None:
    boolean = {"type": "boolean"}
    every = {"empty_values": [False, "no", 0], "absent": "clear"}
    for value in (False, "no", 0):
        assert cleared({"v": value}, "v", every, boolean) is False
    assert cleared({}, "v", every, boolean) is None
    assert cleared({"a": False}, "a.v", FALSE, boolean) is None  # on the way, it is no boolean
    rule = {"rule": "empty", "empty_values": ["no"]}
    assert cleared({"v": "no"}, "v", {}, boolean, rule) is None


def test_a_text_that_means_false_is_kept_by_a_rule() -> None:
    labels = {"rule": "labels", "table": {"false": "false", "true": "true"}}
    for value, text in ((False, "false"), (True, "true")):
        assert cleared({"v": value}, "v", {}, {"type": "text"}, labels) == text
    assert cleared({"v": "false"}, "v", FALSE, {"type": "text"}) == "false"
    kept = [{"rule": "empty", "empty_values": []}, labels]
    assert cleared({"v": False}, "v", FALSE, {"type": "text"}, kept) == "false"


@pytest.mark.parametrize(
    ("listed", "value", "is_null"),
    [(0, False, False), (0, 0.0, True), (False, 0, False), (1, True, False), ("0", 0, False),
     ("N/A", "n/a", False), ("N/A", " N/A", True), ({"a": 1}, {"a": 1.0}, False),
     ({"a": 1}, {"a": 1}, True), ([], "x", False), (None, None, True)],
)  # fmt: skip
def test_empty_values_are_compared_as_json(listed: Any, value: Any, is_null: bool) -> None:
    found = cleared({"v": value}, "v", {"empty_values": [listed]}, {"type": "text"})
    assert (found is None) == is_null


def test_empty_values_count_for_items_and_after_text_is_cut() -> None:
    listed, many = {"empty_values": ["N/A", "-"]}, {"type": "text", "isMulti": True}
    assert cleared({"v": ["a", "N/A", "b"]}, "v", listed, many) == ["a", "b"]
    split = {"rule": "split", "separator": ";"}
    assert cleared({"v": "a;N/A; -"}, "v", listed, many, split) == ["a"]
    default = {"rule": "default", "value": "none given"}
    assert cleared({"v": "-"}, "v", listed, {"type": "text"}, default) == "none given"
    assert cleared({}, "v", CLEAR, {"type": "text"}, default) == "none given"
    constant = {"rule": "constant", "value": "N/A"}
    assert cleared({}, "v", listed, {"type": "text"}, constant) == "N/A"


def test_a_rule_replaces_the_settings_of_the_connector() -> None:
    text = {"type": "text"}
    keep = {"rule": "empty", "absent": "keep"}
    assert cleared({}, "v", CLEAR, text, keep) is ABSENT
    assert cleared({"v": "-"}, "v", {"empty_values": ["-"]}, text, keep) is None
    late = ["trim", {"rule": "labels", "table": {"u": "?"}, "otherwise": "keep"},
            {"rule": "empty", "empty_values": ["?"]}]  # fmt: skip
    assert cleared({"v": " u"}, "v", {"empty_values": ["u"]}, text, late) is None
    for bad in ({}, {"absent": "delete"}, {"empty_values": "N/A"}):
        with pytest.raises(RuleError, match="rule empty"):
            parse_rule({"rule": "empty", **bad})
    for good in ({"absent": "clear"}, {"absent": "keep", "empty_values": [False, "N/A", {}]}):
        rule = {"rule": "empty", **good}
        assert rule_form.to_rule(rule_form.to_form(rule)) == rule
    typed = {"rule": "empty", "empty.empty_values": "N/A"}
    assert rule_form.to_rule(typed) == {"rule": "empty", "empty_values": ["N/A"]}


def test_a_name_that_counts_as_null_is_no_name() -> None:
    blanks = parse_connector(
        {"endpoint": {"empty_values": ["N/A"]}}, api_url="https://r.example.com"
    ).blanks
    for name, path in (("N/A", "name"), (False, "name"), ("N/A", "{name} [{id}]")):
        mapping = mapping_of(schema_of({"type": "text"}), name_field=path, blanks=blanks)
        done = transform({"id": "1", "name": name}, "1", mapping)
        assert [problem.code for problem in done.problems] == ["name_missing"]


def test_settings_that_change_nothing_leave_the_fingerprint() -> None:
    schema = schema_of({"type": "text"})

    def mark(endpoint: Json) -> str:
        settings = {"endpoint": endpoint}
        blanks = parse_connector(settings, api_url="https://r.example.com").blanks
        return mapping_of(schema, connector_settings=settings, blanks=blanks).fingerprint

    same = [mark({}), mark({"absent": "keep"}), mark({"empty_values": []}), mapping_of(
        schema, connector_settings={"endpoint": {}}).fingerprint]  # fmt: skip
    assert len(set(same)) == 1
    others = [mark(CLEAR), mark(FALSE), mark({"empty_values": [0]}), mark(CLEAR | FALSE)]
    assert len({same[0], *others}) == 5


def test_bad_settings_are_named() -> None:
    with pytest.raises(ConfigError) as failed:
        parse_connector(
            {"endpoint": {"absent": "drop", "empty_values": "N/A"}},
            api_url="https://r.example.com",
        )
    assert "endpoint.absent “drop” is not one of keep, clear" in str(failed.value)
    assert "endpoint.empty_values must be a list" in str(failed.value)
