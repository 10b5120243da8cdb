"""From a record and a mapping to an entity or its problems: pure, total, and never silent."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.benchling.schema import MAPPABLE
from registry_sync.benchling.syncs import ConfigRow
from registry_sync.core.problems import ConfigError
from registry_sync.core.text import name_key
from registry_sync.mapping.codec import canonical_fields, external_id_of, payload
from registry_sync.mapping.model import Entity
from registry_sync.mapping.rules import RULES, RuleError, parse_rule
from registry_sync.mapping.transform import transform
from tests.support.mapping import mapping_of, one, schema_of

pytestmark = pytest.mark.once
Json = dict[str, Any]


# type, value at the source, value as sent, whether something was done to it
GOOD = [
    ("text", "CCO", "CCO", False), ("text", 5, "5", True), ("text", 5.0, "5", True),
    ("text", True, "true", True), ("long_text", " a\nb ", " a\nb ", False),
    ("integer", 5, 5, False), ("integer", "5", 5, True), ("integer", 5.0, 5, True),
    ("integer", "1976.0", 1976, True), ("integer", 2**63 - 1, 2**63 - 1, False),
    ("integer", "9007199254740993.0", 9007199254740993, True),
    ("float", 2**60 + 1, float(2**60), True), ("float", "0.10", 0.1, True),
    ("datetime", "2026-02-28T01:02:03.123456789Z", "2026-02-28T01:02:03.123456Z", True),
    ("date", "2026-W05-1", "2026-01-26", True),
    ("float", 0.1, 0.1, False), ("float", "0.1", 0.1, True), ("float", 3, 3.0, False),
    ("boolean", True, True, False), ("boolean", "Yes", True, True), ("boolean", 0, False, True),
    ("boolean", 1.0, True, True), ("boolean", 0.0, False, True),
    ("date", "2026-02-28", "2026-02-28", False),
    ("date", "2026-02-28T00:00:00+09:00", "2026-02-28", True),
    ("datetime", "2026-02-28T23:30:00-02:00", "2026-03-01T01:30:00Z", False),
    ("datetime", "2026-02-28T23:30:00", "2026-02-28T23:30:00Z", True),
    ("json", {"a": [1]}, {"a": [1]}, False),
    ("dropdown", "Protein", "opt_b", False), ("dropdown", "opt_b", "opt_b", False),
    ("dropdown", " small MOLECULE", "opt_a", True),
    ("entity_link", "C-2", {"entityRegistryId": "C-2"}, False),
    ("custom_entity_link", 7, {"entityRegistryId": "7"}, False),
]  # fmt: skip
BAD = [
    ("text", {"a": 1}, "wrong_type"), ("text", "a\x00b", "unreadable_text"),
    ("text", "a\ud800b", "unreadable_text"), ("integer", 1.5, "wrong_type"),
    ("integer", "1.5", "wrong_type"), ("integer", True, "wrong_type"),
    ("integer", "0.99999999999999999999", "wrong_type"), ("integer", "9" * 500, "out_of_range"),
    ("date", "2026-02-28T00:00:00.0000001", "wrong_type"),
    ("json", {"a": float("nan")}, "unreadable_text"),
    ("integer", 2**63, "out_of_range"), ("integer", "1_000", "wrong_type"),
    ("float", "1e400", "out_of_range"), ("float", "1e-400", "out_of_range"),
    ("float", "NaN", "wrong_type"),
    ("float", "1,5", "wrong_type"), ("float", False, "wrong_type"),
    ("boolean", "maybe", "wrong_type"), ("boolean", 2, "wrong_type"),
    ("boolean", 0.5, "wrong_type"),
    ("date", "28.02.2026", "wrong_type"), ("date", "2026-02-30", "wrong_type"),
    ("date", "2026-02-28T23:30:00", "wrong_type"), ("date", 20260228, "wrong_type"),
    ("datetime", "yesterday", "wrong_type"), ("json", "{}", "wrong_type"),
    ("json", {"a": ["b\x00"]}, "unreadable_text"),
    ("dropdown", "Peptide", "dropdown_option_missing"),
    ("dropdown", "Gone", "dropdown_option_missing"), ("dropdown", {"x": 1}, "wrong_type"),
    ("entity_link", {"id": 1}, "wrong_type"), ("entity_link", True, "wrong_type"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value", "sent", "done"), GOOD)
def test_a_value_that_fits_is_sent_and_what_was_done_is_told(type_, value, sent, done):
    single = one(value, type=type_)
    assert single.entity.fields == {"f0": sent} and bool(single.coercions) == done
    many = one([value, value], type=type_, isMulti=True)
    is_set = type_ == "dropdown" or type_.endswith("_link")
    assert many.entity.fields == {"f0": [sent] if is_set else [sent, sent]}
    assert ("repeated items left out" in str(many.coercions)) == is_set
    alone = one(value, type=type_, isMulti=True)
    assert alone.entity.fields == {"f0": [sent]} and "single value to list" in str(alone.coercions)
    if type_ != "json":
        listed = one([value], type=type_)
        assert listed.entity.fields == {"f0": sent} and listed.coercions


@pytest.mark.parametrize(("type_", "value", "code"), BAD)
def test_a_value_that_does_not_fit_is_a_problem_with_a_remedy(type_, value, code):
    for found in (one(value, type=type_), one([value], type=type_, isMulti=True)):
        assert found.entity is None
        problem = found.problems[0]
        assert problem.code == code and problem.field == "Field 0"
        assert "C-1" in problem.message and "Field 0" in problem.message and problem.remedy


@pytest.mark.parametrize("type_", sorted(MAPPABLE))
@pytest.mark.invariant(12)
def test_null_and_empty_clear_absent_leaves_and_required_is_an_error(type_):
    for empty in (None, "", "  ", [], [None], [" ", ""]):
        assert one(empty, type=type_).entity.fields == {"f0": None}
        assert one(empty, type=type_, isMulti=True).entity.fields == {"f0": []}
        for many in (False, True):
            refused = one(empty, type=type_, isMulti=many, isRequired=True)
            assert [p.code for p in refused.problems] == ["required_missing"]
    assert one(..., type=type_).entity.fields == {}
    assert one(..., type=type_, isRequired=True).problems[0].code == "required_missing"


def test_what_is_empty_in_a_list_is_left_out_and_told():
    for many, sent in ((True, ["a"]), (False, "a")):
        found = one([None, "a", " "], type="text", isMulti=many)
        assert found.entity.fields == {"f0": sent}
        assert "empty items left out" in str(found.coercions)


def test_of_several_values_the_bad_one_is_named():
    problem = one(["Protein", "Peptide"], type="dropdown", isMulti=True).problems[0]
    assert "“Peptide” is not an option" in problem.message and problem.value == "Peptide"


def test_numeric_limits_name_the_limit():
    for value, said in ((0, "minimum of 1"), (11, "maximum of 10")):
        refused = one(value, type="integer", numericMin=1, numericMax=10)
        assert refused.problems[0].code == "out_of_range" and said in refused.problems[0].message
    assert one(10, type="integer", numericMin=1, numericMax=10).entity


def test_several_values_for_a_single_field_are_not_cut():
    refused = one(["a", "b"], type="text")
    assert (
        refused.problems[0].code == "several_values" and "2 values" in refused.problems[0].message
    )


def test_a_missing_option_is_what_the_record_waits_for():
    problem = one("Peptide", type="dropdown").problems[0]
    assert problem.waits_for == ("option", "Peptide") and problem.kind == "benchling"


def test_the_id_of_an_option_is_taken_unless_it_is_archived():
    assert one("opt_b", type="dropdown").entity.fields == {"f0": "opt_b"}
    found = one("opt_c", type="dropdown")
    assert [problem.code for problem in found.problems] == ["dropdown_option_missing"]


def test_zero_has_no_sign():
    positive, negative = (one(value, type="float").entity for value in (0.0, -0.0))
    assert repr(negative.fields["f0"]) == "0.0" and negative.digest() == positive.digest()


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "\u200b \ufeff", "\u00ad\n"])
def test_a_name_that_nobody_sees_is_none(name):
    found = transform({"id": "C-1", "name": name}, "C-1", mapping_of(schema_of({"type": "text"})))
    assert [problem.code for problem in found.problems] == ["name_missing"]


def test_every_problem_of_a_record_is_found():
    mapping = mapping_of(schema_of({"type": "integer"}, {"type": "date"}, {"type": "text"}))
    found = transform({"id": "C-1", "f0": "x", "f1": "y", "f2": {}}, "C-1", mapping)
    assert [p.field for p in found.problems] == ["Field 0", "Field 1", "Field 2", "name"]


RULED = [
    ("as_is", "text", " a ", " a "), ("trim", "text", " a ", "a"),
    ({"rule": "case", "to": "upper"}, "text", "abc", "ABC"),
    ({"rule": "number", "decimal": ",", "thousands": "."}, "float", "1.234,5", 1234.5),
    ({"rule": "unit", "factor": 1000}, "float", 0.1, 100.0),
    ({"rule": "unit", "factor": "0.001"}, "float", "3", 0.003),
    ({"rule": "unit", "factor": 3}, "float", 0.1, 0.3),
    ({"rule": "unit", "factor": 1.1}, "float", 1.1, 1.21),
    ({"rule": "date", "format": "%d.%m.%Y"}, "date", "28.02.2026", "2026-02-28"),
    ({"rule": "date", "format": "%d.%m.%Y %H:%M", "timezone": "Europe/Berlin"}, "datetime",
     "28.02.2026 23:30", "2026-02-28T22:30:00Z"),
    ({"rule": "date", "format": "%d.%m.%Y", "timezone": "Europe/Berlin"}, "datetime",
     "28.02.2026", "2026-02-27T23:00:00Z"),
    ({"rule": "date", "format": "%Y-%m-%d%z"}, "datetime", "2026-01-05+01:00",
     "2026-01-04T23:00:00Z"),
    ({"rule": "date", "format": "%Y-%m-%d%z"}, "date", "2026-01-05+01:00", "2026-01-05"),
    ({"rule": "date", "format": "epoch_ms", "timezone": "Europe/Berlin"}, "date", 1767567600000,
     "2026-01-05"),
    ({"rule": "date", "format": "epoch_ms", "timezone": "Europe/Berlin"}, "date",
     "/Date(1767567600000+0100)/", "2026-01-05"),
    ({"rule": "date", "format": "epoch"}, "datetime", "-1.5", "1969-12-31T23:59:58.500000Z"),
    ({"rule": "date", "format": "epoch_us"}, "datetime", 1767616212123456,
     "2026-01-05T12:30:12.123456Z"),
    ({"rule": "date", "format": "epoch_ns"}, "datetime", "1767616212123456789",
     "2026-01-05T12:30:12.123456Z"),
    # Days of 1970, nothing, and what stands for “never”.
    ({"rule": "date", "format": "epoch_ms"}, "date", 1209600000, "1970-01-15"),
    ({"rule": "date", "format": "epoch_ms", "timezone": "Europe/Berlin"}, "date", 1206000000,
     "1970-01-15"),
    ({"rule": "date", "format": "epoch_ms"}, "date", 0, "1970-01-01"),
    ({"rule": "date", "format": "epoch"}, "date", 253402214400, "9999-12-31"),
    ({"rule": "labels", "table": {"SM": "Small molecule"}}, "dropdown", "SM", "opt_a"),
    ({"rule": "labels", "table": {"x": "y"}, "otherwise": "keep"}, "text", "z", "z"),
    ({"rule": "constant", "value": 7}, "integer", "x", 7),
    ({"rule": "default", "value": "none"}, "text", "", "none"),
    ({"rule": "default", "value": "none"}, "text", " ", "none"),
    ({"rule": "number", "thousands": ","}, "float", "12,34,567.5", 1234567.5),
    ({"rule": "number", "thousands": " "}, "integer", "-1 234", -1234),
    ({"rule": "number", "decimal": ","}, "float", "1,5e3", 1500.0),
    ({"rule": "number", "decimal": ",", "thousands": " "}, "float", "\u22121\u202f234,5", -1234.5),
    ({"rule": "number", "thousands": "\u00a0"}, "integer", "1 234", 1234),
    ({"rule": "number", "thousands": "'"}, "float", "1\u2019234.5", 1234.5),
    ({"rule": "unit", "factor": 2}, "float", "\u22121.5", -3.0),
    ("as_is", "float", "\u22121.5", -1.5), ("as_is", "integer", "\u22127", -7),
    ({"rule": "date", "format": "%Y-%m-%d %H:%M", "timezone": "Europe/Berlin"}, "datetime",
     "2026-10-25 02:30", "2026-10-25T00:30:00Z"),
    ({"rule": "date", "format": "%Y-%m-%d %H:%M", "timezone": "America/Sao_Paulo"}, "date",
     "2018-11-04 00:00", "2018-11-04"),
    ({"rule": "number"}, "float", "  ", None),
    ({"rule": "labels", "table": {"true": "Protein"}}, "dropdown", True, "opt_b"),
    ({"rule": "labels", "table": {"1": "Protein"}}, "dropdown", 1.0, "opt_b"),
    ([{"rule": "trim"}, {"rule": "case", "to": "lower"}], "text", " ABC ", "abc"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "type_", "value", "sent"), RULED)
def test_rules_do_what_they_say(rule, type_, value, sent):
    assert one(value, rule, type=type_).entity.fields == {"f0": sent}


def test_split_makes_a_list():
    rule = {"rule": "split", "separator": ";"}
    assert one("a; b;;c", rule, type="text", isMulti=True).entity.fields == {"f0": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"rule": "number", "decimal": ","}, "1.234,5"), ({"rule": "unit", "factor": 2}, "x"),
        ({"rule": "date", "format": "%d.%m.%Y"}, "2026-02-28"),
        ({"rule": "date", "format": "%Y%m%d"}, "2026115"),
        ({"rule": "date", "format": "epoch"}, "2026-02-28"),
        ({"rule": "date", "format": "epoch_ms"}, "/Date(99999999999999999)/"),
        ({"rule": "labels", "table": {"a": "b"}}, "c"),
        # A German number under English settings, and digits set apart where no thousands are.
        ({"rule": "number", "thousands": ","}, "1.234,5"),
        ({"rule": "number", "thousands": ","}, "1,2,3"),
        ({"rule": "number", "thousands": "\u202f"}, "1\u202f23"),
        # A weekday, a day and an hour that there never were, and one of two years.
        ({"rule": "date", "format": "%a, %d %b %Y"}, "Tue, 05 Jan 2026"),
        ({"rule": "date", "format": "%Y%j"}, "2025366"),
        ({"rule": "date", "format": "%d.%m.%y"}, "15.03.65"),
        # Numbers in another unit, which would be times in 1970 or far beyond this age.
        ({"rule": "date", "format": "epoch_ms"}, 1767616212),
        ({"rule": "date", "format": "epoch_ms"}, "1767571200.5"),
        ({"rule": "date", "format": "epoch_us"}, 1767616212000),
        ({"rule": "date", "format": "epoch_ns"}, 1767616212),
        ({"rule": "date", "format": "epoch"}, 1767616212000),
        ({"rule": "date", "format": "epoch"}, 150000000000),
        ({"rule": "date", "format": "%Y-%m-%d %H:%M", "timezone": "Europe/Berlin"},
         "2026-03-29 02:30"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_read_a_value_is_the_mappings_problem(rule, value):
    problem = one(value, rule, type="text").problems[0]
    assert (problem.kind, problem.code) == ("mapping", "rule") and str(value) in problem.message


@pytest.mark.parametrize("type_", ["text", "float", "boolean", "date", "dropdown", "entity_link"])
def test_an_object_is_refused_with_the_paths_of_what_is_inside_it(type_):
    """No rule reads an object, so another rule is no remedy."""
    problem = one({"value": 5, "label": "five", "a b": 1}, type=type_).problems[0]
    assert "by the path f0.value or f0.label in the app's" in problem.remedy
    assert "rule" not in problem.remedy and "C-1" in problem.remedy
    assert "path" not in one({}, type=type_).problems[0].remedy


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("1.234,5", {"rule": "number", "decimal": ",", "thousands": "."}),
        ("1,234.5", {"rule": "number", "thousands": ","}),
        ("1,5", {"rule": "number", "decimal": ","}),
        ("1\u202f234,5", {"rule": "number", "decimal": ",", "thousands": " "}),
        ("1\u2019234", {"rule": "number", "thousands": "'"}),
        ("1,234", None), ("1/2", None), ("<5", None), ("1,2,3", None), ("5 mg", None),
    ],
)  # fmt: skip
def test_a_number_in_a_local_form_is_refused_with_the_rule_that_reads_it(value, rule):
    problem = one(value, type="float").problems[0]
    if rule is None:
        assert "number" not in problem.remedy  # it may mean two numbers, or none
    else:
        assert json.dumps({"f0": rule}) in problem.remedy
        assert not one(value, rule, type="float").problems


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"rule": "unit", "factor": 0}, "other than 0"),
        ({"rule": "case", "to": ["upper"]}, "upper"),
        ({"rule": ["trim"]}, "is not one of"), ({"rule": "date", "format": "%Q"}, "%Q"),
        ({"rule": "date", "format": "%"}, "cannot read"),
        ({"rule": "date", "format": "%d.%m."}, "needs a year"),
        ({"rule": "date", "format": "%d.%m.%d"}, "the `format` %d.%m.%d: it has %d twice"),
        ({"rule": "date", "format": "%d.%m.%Y %H:%M %Z"}, "names of time zones are ambiguous"),
        ({"rule": "date", "format": "epoch_min"}, "or epoch (seconds since 1970) or epoch_ms"),
        ({"rule": "number", "thousands": "."}, "different `thousands`"),
    ],
)  # fmt: skip
@pytest.mark.invariant(6)
def test_a_rule_that_can_read_nothing_is_one_fault_of_the_mapping(rule, said):
    with pytest.raises(ConfigError) as refused:
        one("x", rule, type="text")
    assert said in refused.value.message


UNITS = [
    ("mg/mL", "g/L", 0.1, 0.1), ("µM", "nM", "0.3", 300), ("degC", "K", 20, 293.15),
    ("min", "h", 90, 1.5), ("ug", "mg", 0.1, 0.0001), ("mg", "g", "5", 0.005),
    ("\u00b0C", "K", "-273.15", 0), ("K", "\u2103", 300, 26.85), ("%", "%", 5, 5),
    ("uM", "\u00b5M", 1, 1), ("\u03bcM", "\u00b5M", 1, 1), ("\u00b5M", "\u03bcM", 1, 1),
    ("mol/L", "mM", 2, 2000), ("U/mL", "U/L", 1, 1000), ("rpm", "rpm", 60, 60),
    ("mg", "g", "5 mg", 0.005), ("\u03bcM", "mM", "1e3 \u00b5M", 1), ("mg", "g", " ", None),
    ("mg/mL", "g/L", "5 mg/ml", 5), ("mg/ml", "g/L", "5 mg / mL", 5),
]  # fmt: skip


@pytest.mark.parametrize(("given", "wanted", "value", "sent"), UNITS)
def test_a_unit_is_converted_to_the_fields_own(given, wanted, value, sent):
    rule = {"rule": "unit", "from": given}
    done = one(value, rule, type="float", unit={"symbol": wanted})
    assert done.entity is not None and done.entity.fields["f0"] == sent


@pytest.mark.parametrize(("given", "wanted", "said"), [
    ("g/L", None, "has no unit in Benchling"), ("furlogs", "g/L", "the unit furlogs is not known"),
    ("g/L", "quuxes", "the unit quuxes is not known"), ("mol/L", "g/L", "another dimension"),
    (" ", "g/L", "takes a unit such as g/L"), ("U/mL", "g/L", "another dimension"),
    ("IU", "U", "the unit IU is not known"), ("mg", "mL", "another dimension"),
    ("%", "mg", "another dimension"), ("dBm", "mW", "dBm cannot be converted"),
    ("rpm", "Hz", "rpm counts angles or turns"),
])  # fmt: skip
@pytest.mark.invariant(6)
def test_a_unit_that_does_not_fit_is_a_fault_of_the_mapping(given, wanted, said):
    unit = {"symbol": wanted} if wanted else None
    with pytest.raises(ConfigError) as refused:
        one(1, {"rule": "unit", "from": given}, type="float", unit=unit)
    assert said in refused.value.message


@pytest.mark.parametrize(("value", "said"), [
    ("5 g", "“5 g” is in g, and the rule converts from mg"), ("5%", "“5%” is in %, and the rule"),
    ("5 quuxes", "“5 quuxes” is not a number"), ("5,2", "“5,2” is not a number"),
    ("1e400", "not a number"), ("<5 mg", "not a number"), ("5 mg 2", "not a number"),
])  # fmt: skip
def test_another_unit_in_a_value_is_that_records_error(value, said):
    done = one(value, {"rule": "unit", "from": "mg"}, type="float", unit={"symbol": "g"})
    assert done.entity is None and said in done.problems[0].message


@pytest.mark.parametrize(("value", "unit", "said"), [
    ("5 mg/mL", "g/L", 'adds {"f0": {"rule": "unit", "from": "mg/mL"}} to Mapping Rules'),
    ("5 mg", "g/L", "The value is in mg, which cannot be converted to the field's unit g/L"),
    ("5 mg", None, "The value is in mg, and the field “Field 0” has no unit in Benchling"),
    ("5 quuxes", "g/L", "maps the field “Field 0” with another rule"),
])  # fmt: skip
def test_a_unit_that_no_rule_names_is_told_with_what_to_do(value, unit, said):
    done = one(value, None, type="float", unit={"symbol": unit} if unit else None)
    assert done.entity is None and said in done.problems[0].remedy


def test_the_fields_unit_counts_where_a_rule_converts_to_it():
    rule = {"f0": {"rule": "unit", "from": "mg/L"}}
    prints = [
        mapping_of(schema_of({"type": "float", "unit": {"symbol": unit}}), rules).fingerprint
        for rules in (None, rule) for unit in ("g/L", "mg/L")
    ]  # fmt: skip
    assert prints[0] == prints[1] and prints[2] != prints[3]


def test_the_identity_may_be_the_structure_or_the_sequence_that_is_mapped():
    name = {"id": "C-1", "name": "x"}
    schema = schema_of(type="molecule")
    mapping = mapping_of(schema, {"structure": {"smiles": "s"}}, identity=["structure"])
    same = [mapping.identity_of({**name, "s": smiles}) for smiles in ("CCN", "NCC.Cl", "C(C)N")]
    assert len(set(same)) == 1 and mapping.identity_of({**name, "s": "CCO"}) not in ["", *same]
    assert mapping.identity_of({**name, "s": "CC("}) == ""
    rules = {"sequence": {"path": "b"}}
    mapping = mapping_of(schema_of(type="aa_sequence"), rules, identity=["sequence"])
    assert mapping.identity_of({**name, "b": "mk"}) == mapping.identity_of({**name, "b": "MK"})
    plain = mapping_of(schema_of({"type": "text"}), identity=["structure"])
    assert plain.identity_of({**name, "structure": "a path"}) == "a path"


PART_FAULTS = [
    ("molecule", {}, "molecules need a structure"), ("dna_sequence", {}, "need a sequence"),
    ("custom_entity", {"structure": {"smiles": "s"}}, "custom entities have none"),
    ("molecule", {"structure": {"smiles": "s", "molfile": "m"}}, "either `smiles` or `molfile`"),
    ("molecule", {"structure": "s"}, "needs an object"),
    ("aa_sequence", {"sequence": {"path": "b", "circular": True}}, "are never circular"),
    ("dna_oligo", {"sequence": {"path": "b", "topology": "t"}}, "does not have the setting"),
    ("custom_entity", {"aliases": []}, "needs a path or a list of paths"),
    ("custom_entity", {"folder": {"path": "p", "table": {}}}, "needs an object as `table`"),
    ("rna_sequence", {}, "no upsert for RNA sequences"), ("container", {}, "no registry id"),
    ("batch", {}, "has no batches"), ("what", {}, "only molecules"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "rules", "said"), PART_FAULTS)
@pytest.mark.invariant(6)
def test_parts_that_cannot_be_mapped_are_faults_of_the_mapping(type_, rules, said):
    with pytest.raises(ConfigError) as refused:
        mapping_of(schema_of(type=type_), rules)
    assert said in refused.value.message


def test_a_mapping_that_cannot_be_used_names_every_fault():
    schema = schema_of(
        {"type": "text", "archiveRecord": {"reason": "x"}}, {"type": "blob_link"},
        {"type": "text", "isRequired": True}, type="mixture", registryId="src_2",
    )  # fmt: skip
    rows = (
        ConfigRow("A", "f0", "a"), ConfigRow("B", "f1", "b"), ConfigRow("C", "f9", "c"),
        ConfigRow("D", "f0", "a[?("),
    )  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        mapping_of(schema, {"Field 0": "trim", "f0": "sparkle"}, rows=rows)
    for said in ("no upsert for mixtures", "not in the Benchling registry", "“Field 0” is archived",
                 "blob_link", "no field f9", "required field “Field 2”", "the field of that name "
                 "is f0", "sparkle"):  # fmt: skip
        assert said in refused.value.message


def test_the_fingerprint_is_of_what_decides_an_entity():
    base = {"type": "dropdown"}
    first = mapping_of(schema_of(base)).fingerprint
    assert mapping_of(schema_of(base)).fingerprint == first
    assert mapping_of(schema_of({**base, "name": "Renamed"})).fingerprint == first
    others = {
        mapping_of(schema_of({**base, "isMulti": True})).fingerprint,
        mapping_of(schema_of({**base, "isRequired": True})).fingerprint,
        mapping_of(schema_of({"type": "text"})).fingerprint,
        mapping_of(schema_of({"type": "integer", "numericMax": 5})).fingerprint,
        mapping_of(schema_of(base), {"f0": "trim"}).fingerprint,
        mapping_of(schema_of(base), rows=(ConfigRow("R", "f0", "other"),)).fingerprint,
        mapping_of(schema_of(base), name_field="{name} [{id}]").fingerprint,
        mapping_of(schema_of(base), registry_id_template="CDD-{id}").fingerprint,
        mapping_of(schema_of(base), identity=["inchikey"]).fingerprint,
    }
    assert len(others | {first}) == 10
    # How another lane makes registry ids counts where a field links to it, and only there.
    lots = {"ts_2": "LOT-{id}"}
    link = schema_of({"type": "entity_link", "schemaId": "ts_2"})
    linked = mapping_of(link, other_templates=lots)
    assert linked.fingerprint != mapping_of(link).fingerprint
    assert transform({"name": "A", "f0": "8"}, "7", linked).entity.links == {"LOT-8"}
    assert mapping_of(schema_of(base), other_templates=lots).fingerprint == first


def test_ids_and_names_by_template():
    schema = schema_of({"type": "entity_link", "schemaId": "ts_1"}, {"type": "entity_link"})
    mapping = mapping_of(schema, name_field="{name} [{id}]", registry_id_template="CDD-{id}")
    record = {"id": 7, "name": " A ", "f0": "8", "f1": "X-9"}
    entity = transform(record, "7", mapping).entity
    assert (entity.registry_id, entity.name) == ("CDD-7", "A  [7]")
    assert entity.links == {"CDD-8", "X-9"}
    assert external_id_of("CDD-7", mapping) == "7" and external_id_of("XYZ-7", mapping) is None


def test_a_long_name_is_kept_whole():
    found = transform({"name": "N" * 5000}, "C-1", mapping_of(schema_of({"type": "text"})))
    assert found.entity.name == "N" * 5000


RULE_WORDS = st.sampled_from(
    [*RULES, "rule", "to", "upper", "decimal", "format", "timezone", "factor", "table", "value"]
)


@given(
    st.recursive(
        st.none() | st.integers() | RULE_WORDS | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(RULE_WORDS, inner, max_size=4),
        max_leaves=6,
    )
)
def test_any_json_is_a_rule_or_a_fault_in_words(raw):
    try:
        assert isinstance(parse_rule(raw), tuple)
    except RuleError as error:
        assert str(error).startswith("rule ") or "is not a number" in str(error)


def test_a_rules_number_that_no_json_has_is_refused_by_name():
    for rule in (
        {"rule": "constant", "value": float("nan")},
        {"rule": "labels", "table": {"x": [float("-inf")]}},
    ):
        with pytest.raises(RuleError, match=f"rule {rule['rule']}: .*must be a finite number"):
            parse_rule(rule)


# -- properties -----------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(
    alphabet=st.characters(), max_size=30
) | st.dates().map(str) | st.datetimes().map(str) | st.sampled_from(
    ["Protein", "opt_a", "1976.0", "yes", "\x00", "\ud800", "1e400", "C-2"]
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)
EVERY = [
    {"type": t, "isMulti": m, "isRequired": r}
    for t in sorted(MAPPABLE) for m in (False, True) for r in (False, True)
]  # fmt: skip
WHOLE = schema_of(*EVERY)
WHOLE_MAPPING = mapping_of(WHOLE)
PYTHON = {"text": str, "long_text": str, "integer": int, "float": float, "boolean": bool,
          "date": str, "datetime": str, "json": dict, "dropdown": str}  # fmt: skip


def valid(value: Any, definition: Any) -> bool:
    """Say whether a value is what the field's type means."""
    if definition.is_link:
        return set(value) == {"entityRegistryId"} and bool(value["entityRegistryId"].strip())
    if type(value) is not PYTHON[definition.type]:
        return False
    if definition.type == "date":
        return date.fromisoformat(value).isoformat() == value
    if definition.type == "datetime":
        return value.endswith("Z") and datetime.fromisoformat(value) is not None
    if definition.type == "dropdown":
        return value in ("opt_a", "opt_b")
    return definition.type != "float" or math.isfinite(value)


@given(st.dictionaries(st.sampled_from([f.id for f in WHOLE.fields] + ["name"]), values))
def test_any_record_gives_an_entity_or_problems_and_never_both(record):
    found = transform(record, "C-1", WHOLE_MAPPING)
    assert (found.entity is None) == bool(found.problems)
    assert transform(record, "C-1", WHOLE_MAPPING) == found


@given(st.sampled_from(EVERY), values)
def test_what_is_sent_is_valid_stays_and_can_be_stored(field, value):
    found = one(value, **field)
    if found.entity is None:
        return
    definition = schema_of(field).fields[0]
    sent = found.entity.fields["f0"]
    items = sent if definition.is_multi else [] if sent is None else [sent]
    assert all(valid(item, definition) for item in items)
    assert not (definition.is_required and not items)
    assert "\\u0000" not in json.dumps(sent, ensure_ascii=False)
    json.dumps(sent, ensure_ascii=False).encode("utf-8")
    if not definition.is_link:  # what was sent, read again, is the same
        again = one(sent, **field)
        assert again.entity.fields["f0"] == sent


@given(st.text(min_size=1, max_size=5000))
def test_text_is_never_cut(text):
    found = one(text, type="text")
    assert found.problems or found.entity.fields["f0"] in (text, None)
    if found.entity and found.entity.fields["f0"] is None:
        assert not text.strip()


@given(st.dates(), st.sampled_from(["", "T00:00:00", "T00:00:00Z", "T00:00:00+14:00"]))
def test_a_date_never_shifts(day, suffix):
    assert one(f"{day.isoformat()}{suffix}", type="date").entity.fields["f0"] == day.isoformat()


@given(st.dictionaries(st.sampled_from([f.id for f in WHOLE.fields]), values))
def test_the_digest_ignores_the_order_of_keys_and_payload_speaks_names(record):
    record = {**record, "name": "A", **{f.id: "C-2" for f in WHOLE.fields if f.is_required}}
    entity = transform(record, "C-1", mapping_of(schema_of({"type": "text"}))).entity
    backwards = transform(
        dict(reversed(record.items())), "C-1", mapping_of(schema_of({"type": "text"}))
    ).entity
    if entity is not None:
        assert backwards.digest() == entity.digest()
        row = payload(entity, schema_of({"type": "text"}), registry_id="src_1", folder_id=None)
        assert set(row["fields"]) <= {"Field 0"} and "folderId" not in row


def test_the_digest_is_the_one_that_ledgers_hold():
    """With another, entities that are the same would be written again."""
    entity = Entity("C-1", "R-1", "Säure", {"ts_b": 1.5, "ts_a": ["x", None], "ts_c": "µ"})
    assert entity.digest() == "4283d71cb6e7f9138e70f5b53e500a69"


@given(st.sampled_from([f for f in EVERY if not f["isRequired"]]), values)
@pytest.mark.invariant(13)
def test_what_benchling_holds_reads_back_as_what_we_sent(field, value):
    entity = one(value, **field).entity
    if entity is None:
        return
    schema = schema_of(field)
    row = payload(entity, schema, registry_id="src_1", folder_id=None)

    def held(item: Any) -> Any:  # Benchling gives links as its own ids
        return f"bfi_{item['entityRegistryId']}" if schema.fields[0].is_link else item

    fields = {
        name: {"value": [held(i) for i in f["value"]] if isinstance(f["value"], list)
               else None if f["value"] is None else held(f["value"])}
        for name, f in row["fields"].items()
    }  # fmt: skip
    targets = {f"bfi_{link}": link for link in entity.links}
    assert canonical_fields({"fields": fields}, schema, targets) == entity.fields


@given(st.text())
def test_names_are_compared_trimmed_and_case_folded(text):
    assert name_key(f"  {text} ") == name_key(text) == name_key(name_key(text))
