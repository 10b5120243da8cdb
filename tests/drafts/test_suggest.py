"""Suggestions: what names and values say, and that every path that is listed can be mapped."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.benchling.schema import EntitySchema, FieldDefinition, Option
from registry_sync.drafts import rule_form
from registry_sync.drafts import value_patterns as patterns
from registry_sync.drafts.id_and_name import judge_ids, suggest_name
from registry_sync.drafts.name_similarity import name_likeness
from registry_sync.drafts.sample import paths_of
from registry_sync.drafts.suggest import CONFIDENT, Suggestion, suggest
from registry_sync.mapping.rules import RuleError, apply, parse_rule
from registry_sync.source.paths import compile_path
from sandbox import registry

pytestmark = pytest.mark.once
KEYS = st.text(alphabet="ab .[]*'\"{}$@?é-", min_size=1, max_size=4)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet="xy ;", max_size=3)
LISTS = st.lists(SCALARS | st.dictionaries(KEYS, SCALARS, max_size=2), max_size=3)
INNER = st.dictionaries(KEYS, SCALARS | LISTS, max_size=3)
RECORDS = st.dictionaries(KEYS, SCALARS | LISTS | INNER, max_size=4)


def schema(*fields: FieldDefinition) -> EntitySchema:
    return EntitySchema("ts", "Compound", "custom_entity", "r", False, fields)


def field(name: str, kind: str = "text", **more: Any) -> FieldDefinition:
    return FieldDefinition(f"id of {name}", name, kind, **more)


def options(*labels: str) -> tuple[Option, ...]:
    return tuple(Option(f"sfso_{n}", label) for n, label in enumerate(labels))


def only(values: list[Any], to: FieldDefinition, path: str = "x") -> Suggestion | None:
    """Suggest for records that have one value each, beside an id."""
    records = [{"id": f"C-{n}", path: value} for n, value in enumerate(values)]
    return next((s for s in suggest(records, schema(to), id_path="id") if s.path == path), None)


def chembl() -> list[dict[str, Any]]:
    with registry.DATA.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [{"id": r["molecule_chembl_id"], "name": r["pref_name"], "kind": r["molecule_type"],
             "year": int(float(r["first_approval"])) if r["first_approval"] else None,
             "structure": {"canonical_smiles": r["smiles"] or None}} for r in rows]  # fmt: skip


def test_chembl_by_names_and_values():
    records = chembl()
    kinds = options(*registry.molecule_types())
    found = suggest(
        records[:200],
        schema(field("SMILES", "long_text"), field("Modality", "dropdown", options=kinds),
               field("Preferred name"), field("Approval year", "integer"), field("Salt form")),
        id_path="id",
    )  # fmt: skip
    told = {s.field: s for s in found}
    assert {name: s.path for name, s in told.items()} == {
        "SMILES": "structure.canonical_smiles", "Modality": "kind", "Preferred name": "name",
        "Approval year": "year",
    }  # fmt: skip
    assert told["SMILES"].confidence > 0.95 and "200 of 200 values are SMILES" in told["SMILES"].why
    assert "named otherwise; 200 of 200 values are options" in told["Modality"].why
    assert told["Modality"].confidence >= CONFIDENT and told["Preferred name"].confidence > 0.8
    assert told["SMILES"].examples[1] == "CN1CCC[C@H]1c1cccnc1"


def test_every_real_smiles_is_told_from_every_real_name():
    records = chembl()
    smiles = [r["structure"]["canonical_smiles"] for r in records]
    assert all(patterns.is_smiles(text) for text in smiles if text)
    assert not [r["name"] for r in records if r["name"] and patterns.is_smiles(r["name"])]
    assert not patterns.is_smiles("C1CC") and not patterns.is_smiles("C)C(")


@pytest.mark.parametrize(
    ("value", "look"),
    [("50-78-2", "cas"), ("7732-18-5", "cas"), ("50-78-3", ""), ("2026-11-24", ""),
     ("BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "inchikey"), ("InChI=1S/CH4/h1H4", "inchi"),
     ("ACGTACGTACGT", "nucleotides"), ("MKTAYIAKQRQISFVKSHFSRQ", "protein"), ("PROTEIN", ""),
     ("CC(=O)Oc1ccccc1C(=O)O", "smiles"), ("COCO", "")],
)  # fmt: skip
def test_what_a_value_looks_like(value, look):
    assert patterns.look_of([value] * 5)[0] == look


@given(st.integers(10, 9_999_999), st.integers(0, 99), st.integers(0, 9))
def test_one_check_digit_in_ten_is_right(first, second, wrong):
    right = [d for d in range(10) if patterns.is_cas(f"{first}-{second:02d}-{d}")]
    assert len(right) == 1 and patterns.is_cas(f"{first}-{second:02d}-{wrong}") == (
        right == [wrong]
    )


@given(RECORDS)
def test_every_listed_path_can_be_mapped_and_gives_what_is_there(record):
    held = [*record.values()]
    held += [inner for value in held if isinstance(value, dict) for inner in value.values()]
    for path in paths_of([record]):
        value = compile_path(path)(record)
        assert value in held or "[" in path
    scalars = {key for key, v in record.items() if not isinstance(v, (dict, list))}
    assert {key for key in scalars if key.isalpha()} <= set(paths_of([record]))


def test_paths_into_lists_and_odd_keys():
    record = {"a": {"b": 1, "MW (g/mol)": 2}, "odd.key": 3, "tags": ["x", "y"],
              "props": [{"name": "CAS", "value": "50-78-2"}, {"name": "pKa", "value": 3.5}],
              "batches": [{"lot": "L1"}, {"lot": "L2"}]}  # fmt: skip
    assert paths_of([record]) == [
        "a.b", "a.MW (g/mol)", '"odd.key"', "tags", "props[?name=='CAS'].value",
        "props[?name=='pKa'].value", "batches[*].lot",
    ]  # fmt: skip
    found = suggest([record] * 3, schema(field("CAS number")), id_path="id")
    assert found[0].path == "props[?name=='CAS'].value" and found[0].confidence > 0.9


@pytest.mark.parametrize(
    ("path", "name", "least"),
    [("molWeight", "Molecular weight", 0.6), ("mw", "Molecular weight (g/mol)", 1.0),
     ("first_approval", "First approval", 1.0), ("inchi_key", "InChIKey", 1.0),
     ("structures.smiles", "SMILES", 1.0), ("logP", "cLogP", 0.6)],
)  # fmt: skip
def test_names_that_are_alike(path, name, least):
    assert name_likeness(path, name) >= least
    assert name_likeness(path, "Solvent") == 0


@pytest.mark.parametrize(
    ("values", "to", "rule"),
    [(["24.12.2026", "01.02.2026"], field("x", "date"), {"rule": "date", "format": "%d.%m.%Y"}),
     (["01/02/2026", "03/04/2026"], field("x", "date"), None),
     (["2026-01-02"], field("x", "date"), None),
     ([1767571200000, 1767657600000], field("x", "date"),
      {"rule": "date", "format": "epoch_ms"}),
     ([1767616212, 1767616213], field("x", "datetime"), {"rule": "date", "format": "epoch"}),
     (["20260105123012+0100"], field("x", "datetime"),
      {"rule": "date", "format": "%Y%m%d%H%M%S%z"}),
     (["1,5", "2,25"], field("x", "float"), {"rule": "number", "decimal": ","}),
     (["1,234", "5,678"], field("x", "float"), None),
     (["5 mg", "0.25mg"], field("x", "float", unit="g"), {"rule": "unit", "from": "mg"}),
     (["Red; Blue", "Red"], field("x", "dropdown", is_multi=True, options=options("Red", "Blue")),
      {"rule": "split", "separator": ";"}),
     (["small_molecule", "Protein"],
      field("x", "dropdown", options=options("Small molecule", "Protein")),
      {"rule": "labels", "table": {"small_molecule": "Small molecule"}, "otherwise": "keep"})],
)  # fmt: skip
def test_a_rule_is_suggested_where_it_is_the_only_one_that_fits(values, to, rule):
    found = only(values, to)
    needs = (to.type == "date" and "/" in str(values[0])) or values[0] == "1,234"
    if needs:  # what could be read in two ways is not guessed, so nothing fits
        assert found is None
        return
    assert found is not None and found.rule == rule and found.confidence > 0.7


def test_links_are_ids_of_the_sample_and_limits_count():
    own = field("Parent", "entity_link", link_schema_id="ts")
    found = only(["C-0", "C-0", "C-1"], own, path="salt_of")
    assert found is not None and "3 of 3 are ids of records here" in found.why
    assert only(["D-0", "D-1"], own, path="salt_of") is None
    ranged = field("Purity", "float", numeric_min=0, numeric_max=100)
    within, beyond = only([5.0, 99.0], ranged, "purity"), only([5.0, 990.0], ranged, "purity")
    assert within is not None and beyond is not None
    assert within.confidence > 0.9 > 0.6 > beyond.confidence
    assert "1 of 2 values would be refused" in beyond.why


def test_ids_and_names_are_judged():
    records = [{"id": 1, "name": "A"}, {"id": 2, "name": "a "}, {"id": 2, "name": "B"}]
    assert judge_ids(records, ("id",)) == (False, "1 duplicate id at id")
    assert not judge_ids([*records, {}], ("id",))[0] and judge_ids(records[:2], ("id",))[0]
    assert suggest_name(records, "name", "id")[0] == "{name} [{id}]"
    assert suggest_name(records[1:], "name", "id")[0] == "name"


@given(
    st.sampled_from(
        [None, "trim", {"rule": "case", "to": "upper"}, {"rule": "unit", "factor": 0.001},
         {"rule": "unit", "factor": "1000"}, {"rule": "split", "separator": " "},
         {"rule": "labels", "table": {"a b": "c", "d": "é"}, "otherwise": "keep"},
         {"rule": "labels", "table": {"a=b": "c"}}, {"rule": "constant", "value": 5},
         {"rule": "constant", "value": "5"}, ["trim", {"rule": "number", "decimal": ","}]]
    )
)  # fmt: skip
def test_a_rule_survives_its_form(rule):
    form = rule_form.to_form(rule)
    assert rule_form.to_rule(form, rule) == rule  # untouched: as it was written
    again = rule_form.to_rule(form)
    for value in ("a b", "1", None, "d"):
        assert _result(again, value) == _result(rule, value)


@pytest.mark.parametrize("name", ["upper", "' OR 1=1 --", "{"])
def test_a_form_with_an_unknown_rule_is_refused_in_words(name):
    with pytest.raises(ValueError, match="there is no rule"):
        rule_form.to_rule({"rule": name})


def _result(rule: Any, value: Any) -> Any:
    try:
        return str(apply(parse_rule(rule or "as_is"), value))
    except RuleError:
        return "refused"
