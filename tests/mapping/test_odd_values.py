"""Values and schemas that real registries and tenants have: written once, read back, told apart."""

from __future__ import annotations

import json
import random
import string
import unicodedata
from typing import Any

import pytest

from registry_sync.benchling.app_config import parse_items
from registry_sync.benchling.schema import FieldDefinition
from registry_sync.drafts import mapping_file
from registry_sync.ledger import chain_check
from registry_sync.mapping.part_fitting import PART_FITTERS
from registry_sync.mapping.transform import transform
from registry_sync.mapping.values import Misfit
from registry_sync.models import Drift, EntityError, Lane, SyncRun
from sandbox.tenant.entities import add_by_hand
from tests.support.mapping import mapping_of, one, schema_of
from tests.support.odd import Reply
from tests.support.people import by_hand
from tests.support.registry import compound
from tests.support.worlds import World, forget

Status, Kind = SyncRun.Status, SyncRun.Kind


def rules(w: World, **by_name: Any) -> dict[str, Any]:
    return {w.tenant.field_id(w.schema, name): rule for name, rule in by_name.items()}


RDKIT = """
  RDKit          2D

  1  0  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0
M  END
"""


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("dna", "ACGT\nACGT", "a line break at position 5"),
        ("dna", "AC\N{CYRILLIC CAPITAL LETTER A}", "“\N{CYRILLIC CAPITAL LETTER A}” (U+0410)"),
        ("rna", "ACGU\N{ZERO WIDTH SPACE}", "(U+200B) at position 5"),
        ("rna", "rArCrGrU", "bases with a prefix, such as rA,"), ("dna", "dAmCdG", "such as dA,"),
        ("molfile", RDKIT + f"$$$$\n{RDKIT}$$$$\n", "several molecules"),
        ("molfile", RDKIT.lstrip(), "; its fourth line must have the counts, which are on line 3"),
        ("topology", 2.0, "neither circular nor linear"),
    ],
)  # fmt: skip
def test_a_part_that_looks_right_and_is_not_says_why(type_, value, said):
    with pytest.raises(Misfit) as found:
        PART_FITTERS[type_](value, FieldDefinition("x", "x", type_))
    assert said in str(found.value)


@pytest.mark.parametrize(
    ("type_", "value", "sent"),
    [("dna", "acgtRAcgtMT", "acgtRAcgtMT"), ("dna", "rA", "rA"), ("aa", "mArC", "mArC"),
     ("topology", 1.0, True), ("molfile", RDKIT + "> <ID>\n1\n\n$$$$\n\n", ...)],
)  # fmt: skip
def test_a_part_that_looks_odd_and_is_right_is_sent(type_, value, sent):
    fitted, _ = PART_FITTERS[type_](value, FieldDefinition("x", "x", type_))
    assert fitted == (value if sent is ... else sent)


def props(world, *values: Any, type_: str = "json", **more: Any) -> World:
    """A world of records with one field, `Value`."""
    records = [compound(n, value=value) for n, value in enumerate(values)]
    fields = [{"name": "Value", "type": type_, **more}]
    return world(records, fields=fields, rows=[("Value", "value")])


TYPES = {
    "t": "text", "i": "integer", "f": "float", "b": "boolean", "d": "date", "dt": "datetime",
    "j": "json", "k": "dropdown", "l": "entity_link", "tm": "long_text", "km": "dropdown",
    "lm": "custom_entity_link",
}  # fmt: skip
TRICKY: list[dict[str, Any]] = [
    {"t": "e\u0301", "i": "1976.0", "f": "1e22", "b": "yes", "d": "2026-02-28T00:00:00+09:00",
     "dt": "2026-02-28T23:30:00.123456-02:00", "k": "SMALL  molecule", "l": "C-000001",
     "j": {"b": 0.1 + 0.2, "a": 1e22, "z": {"y": [1.0, -0.0, 2**70]}}, "tm": ["b", "a", "b"],
     "km": ["protein", "Small molecule", "Protein"], "lm": ["C-000003", "C-000000", "C-000003"]},
    {"t": "\u00e9", "i": 2**63 - 1, "f": -0.0, "b": 0, "d": "2026-02-28", "dt": "2026-02-28",
     "j": {}, "k": "Protein", "l": "C-000002", "tm": "x", "km": [], "lm": None},
    {"t": "  padded \n", "i": -(2**63) + 1, "f": 6.02214076e23, "b": "N", "d": None,
     "dt": "2026-02-28T00:00:00,5Z", "j": None, "l": "", "tm": ["", None, " "], "lm": [[], []]},
    {"t": " ", "f": 1, "d": "", "j": {"NaN": None, "é": "e\u0301", "": []}, "lm": "C-000003"},
    {},
    {"t": 1e22, "i": 5.0, "f": 2**60 + 1, "b": True, "d": "2026-W05-1", "k": 0, "km": ["Protein"],
     "dt": "2026-02-28T01:02:03.1234569Z", "l": ["C-000001"], "tm": [1, 1.0, True, "1"]},
]  # fmt: skip


@pytest.mark.invariant(2, 13)
def test_everything_tricky_is_written_once_and_nobodys_edit(world):
    fields = [{"name": k, "type": t, "isMulti": k.endswith("m")} for k, t in TYPES.items()]
    records = [compound(n, **record) for n, record in enumerate(TRICKY)]
    w = world(records, fields=fields, rows=[(k, k) for k in TYPES], contract="off")
    w.tenant.add_option(w.kinds, "0")
    assert w.sync().created == len(TRICKY)
    written = w.written()
    for record in records:
        w.registry.edit(record["id"])
    w.sync()
    w.sync(kind=Kind.FULL)
    assert not chain_check.verify_chain(Lane.objects.get()).broken
    assert w.written() == written and not Drift.objects.exists()
    forget()
    w.sync()
    w.sync(kind=Kind.FULL)
    assert w.written() == written and not Drift.objects.exists()


def test_great_floats_that_come_back_as_integers_are_the_same(world):
    records = [compound(0, mw=6.02214076e23, note="x"), compound(1, mw=1.2345678901234567e17)]
    fields = [{"name": "MW", "type": "float"}, {"name": "Note", "type": "text"}]
    w = world(records, fields=fields, rows=[("MW", "mw"), ("Note", "note")])
    w.sync()
    del w.registry.records[0]["note"]  # a path that is absent: now the values decide
    w.registry.edit("C-000000")
    w.sync()
    w.sync(kind=Kind.FULL)
    assert w.written() == 2 and not Drift.objects.exists()
    assert not chain_check.verify_chain(Lane.objects.get()).broken


def test_true_is_not_1_inside_json(world):
    w = props(world, *[{"halogenated": 1}] * 3)
    w.sync()
    w.registry.edit("C-000001", value={"halogenated": True})
    assert w.sync().updated == 1
    assert w.values()["C-000001"]["Value"]["halogenated"] is True
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000001", Value={"halogenated": 1})
    w.sync(kind=Kind.FULL)
    assert Drift.objects.get().external_id == "C-000001"


@pytest.mark.once
@pytest.mark.parametrize("value", ["sNaN", "-snan1"])
def test_a_text_that_is_no_number_at_all_is_one_error(world, value):
    w = props(world, "1.5", value, "2", type_="float")
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 2, 1)


@pytest.mark.parametrize("depth", [200, 700])
def test_what_is_nested_too_deep_is_one_error(world, depth):
    whole: dict[str, Any] = {}
    inner = whole
    for _ in range(depth):
        inner["a"] = inner = {}
    w = props(world, {}, whole, {})
    run = w.sync()
    assert (run.status, run.created) == (Status.COMPLETED_WITH_WARNINGS, 2)
    said = w.open_errors()["C-000001"].message
    assert "“…” is nested more than 100 levels deep" in said
    assert w.sync(kind=Kind.RETRY).status == Status.COMPLETED_WITH_WARNINGS


@pytest.mark.parametrize("bad", ["CC\x00O", "CC\ud800O"])
def test_a_retry_writes_nothing_that_the_registry_never_said(world, bad):
    w = world([compound(0), compound(1, smiles=bad), compound(2)])
    assert w.sync().failed == 1
    w.sync(kind=Kind.RETRY)
    assert "C-000001" not in w.values() and "C-000001" in w.open_errors()
    w.registry.edit("C-000001", smiles="CCO")
    assert w.sync().status == Status.SUCCEEDED and w.values()["C-000001"]["SMILES"] == "CCO"


def test_a_name_longer_than_an_index_takes_is_its_records_error(world):
    name = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=9000))
    w = world([compound(0), compound(1, name=name), compound(2, name=name[:-1]), compound(3)])
    assert w.sync().created == 2
    errors = w.open_errors()
    assert set(errors) == {"C-000001", "C-000002"} and set(w.values()) == {"C-000000", "C-000003"}
    assert all("255 characters" in error.message for error in errors.values())
    w.registry.edit("C-000001", name="Short")
    w.sync()
    assert w.values()["C-000001"]["name"] == "Short" and set(w.open_errors()) == {"C-000002"}


def test_a_nul_in_what_the_registry_says_ends_the_run(world, serve):
    w = world([])
    w.configure(**{"API URL": serve(lambda asked: Reply(b"a\x00b", status=400)).url + "/list"})
    run = w.sync()
    assert run.status == Status.FAILED


# -- the schema and its dropdowns ---------------------------------------------------------------


@pytest.mark.once
def test_limits_lowered_since_are_nobodys_edit(world):
    w = props(world, *[n * 10.0 for n in range(12)], type_="float", numericMax=1000)
    w.sync()
    w.tenant.schemas[w.schema]["fieldDefinitions"][0]["numericMax"] = 50
    w.sync(kind=Kind.FULL)
    assert not Drift.objects.exists() and len(w.open_errors()) == 6


@pytest.mark.once
def test_a_field_that_became_multi_is_nobodys_edit(world):
    w = props(world, *"abcdef", type_="text")
    w.sync()
    w.tenant.schemas[w.schema]["fieldDefinitions"][0]["isMulti"] = True
    for entity in w.tenant.entities.values():
        entity.fields = {key: [value] for key, value in entity.fields.items()}
    w.sync(kind=Kind.FULL)
    assert not Drift.objects.exists()


@pytest.mark.once
def test_a_dropdown_that_only_a_constant_feeds(world):
    w = world([compound(n) for n in range(12)], rows=[("SMILES", "smiles")])
    w.configure(**{"Mapping Rules": rules(w, Kind={"rule": "constant", "value": "Protein"})})
    run = w.sync()
    assert (run.status, run.created) == (Status.SUCCEEDED, 12)
    assert w.values()["C-000000"]["Kind"] == "Protein"


@pytest.mark.once
def test_labels_in_another_unicode_form_and_like_numbers(world):
    w = world([compound(0, kind=unicodedata.normalize("NFD", "Protéine")), compound(1, kind=1.0)])
    w.tenant.add_option(w.kinds, unicodedata.normalize("NFC", "Protéine"))
    w.tenant.add_option(w.kinds, "1.0")
    assert w.sync().created == 2


@pytest.mark.once
def test_options_that_differ_in_case_are_the_admins(world):
    w = world([compound(0, kind="PROTEIN")])
    w.tenant.add_option(w.kinds, "protein")
    w.sync()
    error = EntityError.objects.get()
    assert error.kind == "benchling" and "A Benchling admin renames or archives" in error.remedy


# -- links to what is no custom entity -----------------------------------------------------------


def plasmids(world) -> World:
    """A world whose records point at a DNA sequence, which the list of custom entities has not."""
    fields = [{"name": "Seq", "type": "dna_sequence_link"}, {"name": "SMILES", "type": "text"}]
    w = world([compound(n, seq="SEQ-1") for n in range(4)], fields=fields,
              rows=[("Seq", "seq"), ("SMILES", "smiles")], contract="off")  # fmt: skip
    where = {"registryId": w.benchling_registry}
    fields = [{"name": "x", "type": "text"}]
    other = w.tenant.add_schema("Plasmid", w.benchling_registry, fields=fields, prefix="SEQ",
                                type="dna_sequence")  # fmt: skip
    w.tenant.schemas[w.schema]["fieldDefinitions"][0]["schemaId"] = other
    add_by_hand(
        w.tenant,
        {"entityRegistryId": "SEQ-1", "name": "Plasmid 1", "schemaId": other, **where},
    )
    assert w.sync().created == 4
    return w


@pytest.mark.invariant(13)
@pytest.mark.once
def test_links_to_another_kind_are_nobodys_edit(world):
    w = plasmids(world)
    Lane.objects.update(drift_policy="restore")
    for _ in range(2):
        assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED
    assert w.written() == 4 and not Drift.objects.exists()


@pytest.mark.invariant(7)
@pytest.mark.once
def test_a_lost_database_is_filled_though_links_lead_to_another_kind(world):
    w = plasmids(world)
    forget()
    assert w.sync().status == Status.SUCCEEDED
    assert w.sync().status == Status.SUCCEEDED and w.written() <= 8


@pytest.mark.parametrize("type_", ["blob_link", "entry_link", "batch_link", "dna_sequence_link"])
@pytest.mark.once
def test_a_link_that_is_not_mapped_is_not_looked_up(world, type_):
    fields = [
        {"name": "Report", "type": type_, "schemaId": None},
        {"name": "SMILES", "type": "text"},
    ]
    w = world([compound(n) for n in range(4)], fields=fields, rows=[("SMILES", "smiles")],
              contract="off")  # fmt: skip
    w.sync()
    w.tenant.clock.advance(60)
    w.tenant.entity("C-000001").fields[w.tenant.field_id(w.schema, "Report")] = "b0b-uuid"
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED


@pytest.mark.once
def test_a_link_to_what_the_app_cannot_see_is_told_and_fails_nothing(world):
    w = world([compound(0), *(compound(n, parent="C-000000") for n in range(1, 4))], contract="off")
    w.sync()
    w.tenant.clock.advance(60)
    by_hand(w, "C-000003", Parent="bfi_elsewhere")
    assert w.sync(kind=Kind.FULL).status == Status.COMPLETED_WITH_WARNINGS
    assert Drift.objects.get().external_id == "C-000003"


# -- rules, names, files -------------------------------------------------------------------------


@pytest.mark.once
def test_what_a_number_rule_cannot_hold_is_told():
    assert one("1e-400", {"rule": "number"}, type="float").problems
    assert one("12345678901234567890.5", {"rule": "number"}, type="float").coercions
    assert not one("0.30000000000000004", {"rule": "number"}, type="float").coercions


@pytest.mark.once
def test_a_time_cut_and_without_zone_is_told_both():
    (told,) = one("2026-02-28T01:02:03.1234567", type="datetime").coercions
    assert "microsecond" in told and "UTC" in told
    (problem,) = one(1767571200, type="datetime").problems
    assert "is a number, not a date and time as text" in problem.message


@pytest.mark.once
def test_a_blank_part_of_a_name_is_no_name():
    mapping = mapping_of(schema_of({"type": "text"}), name_field="{name} [{id}]")
    for name in ("", "  "):
        assert transform({"id": 1, "name": name, "f0": "x"}, "1", mapping).problems


@pytest.mark.once
def test_a_mapping_file_names_the_options_in_lists():
    schema = schema_of({"type": "dropdown", "isMulti": True})
    rule = {"rule": "constant", "value": ["opt_a"]}
    labelled = mapping_file._labelled(schema, "f0", rule)
    assert labelled == {"rule": "constant", "value": ["Small molecule"]}


@pytest.mark.once
def test_an_emptied_row_is_ignored_whatever_its_schema():
    hidden = {"resourceType": "inaccessible_resource", "inaccessibleId": "ts_9"}
    row = ["Field Configurations", "Row 2"]
    items = [
        *({"path": [name], "value": value} for name, value in (
            ("API URL", "https://x"), ("API Key", "k"), ("Schema to Sync", "ts_1"),
            ("Registry", "src_1"))),
        {"path": ["Field Configurations", "Row 1", "Entity Schema"], "value": "ts_1"},
        {"path": ["Field Configurations", "Row 1", "Entity Schema", "Benchling Field"],
         "value": "f0"},
        {"path": ["Field Configurations", "Row 1", "External API Field Name"], "value": "a"},
        {"path": [*row, "Entity Schema"], "value": "ts_9", "linkedResource": hidden},
        {"path": [*row, "Entity Schema", "Benchling Field"], "value": None},
        {"path": [*row, "External API Field Name"], "value": None},
    ]  # fmt: skip
    assert [row.path for row in parse_items(items, decrypt=str).rows] == ["a"]


@pytest.mark.parametrize("field", ["name", "smiles", "id", "kind"])
@pytest.mark.invariant(3)
def test_a_lone_surrogate_is_one_error(world, field):
    records = [compound(n) for n in range(5)]
    records[2][field] = "A\ud800B"
    w = world(records)
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 4, 1)
    (error,) = w.open_errors().values()
    assert error.code == ("unusable_id" if field == "id" else "unreadable_text")
    assert field != "id" or error.message.startswith("The id “A\ufffdB” cannot be a registry id")
    assert set(w.values()) == {f"C-{n:06d}" for n in (0, 1, 3, 4)}


@pytest.mark.once
def test_an_id_too_long_with_its_template_is_one_error(world):
    records = [compound(n) for n in range(5)]
    records[2]["id"] = "X" * 254
    conn = {
        "endpoint": {
            "params": {"since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "modified_at", "lag": 0},
        },
        "registry_id_template": "CDD-{id}",
    }
    w = world(records, config={"Connector Settings": conn})
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 4, 1)
    assert {id_: e.code for id_, e in w.open_errors().items()} == {"X" * 254: "unusable_id"}
    assert set(w.values()) == {f"CDD-C-{n:06d}" for n in (0, 1, 3, 4)}


@pytest.mark.invariant(3)
def test_a_number_that_no_float_holds_stops_nobody_else(world, serve):
    """As infinity it would be no JSON, which no database takes: the run would break off."""
    huge = json.dumps([compound(n) for n in range(3)]).replace("1951", "1e400")
    odd = serve(lambda asked: Reply(huge.encode()))
    w = world([])
    w.configure(**{"API URL": odd.url, "Connector Settings": None})
    run = w.sync()
    assert (run.created, run.failed) == (2, 1), run.error
    error = w.open_errors()["C-000001"]
    assert error.code == "out_of_range" and "“1e400” is larger" in error.message


def test_a_nul_in_a_refused_value_is_stored(world):
    records = [compound(n) for n in range(5)]
    records[2]["name"] = "A\x00B"
    records[3]["approval"] = "1\x009"
    w = world(records)
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 3, 2)
    assert set(w.values()) == {f"C-{n:06d}" for n in (0, 1, 4)}
    error = w.open_errors()["C-000002"]
    assert error.code == "unreadable_text" and "removes it from the name" in error.remedy
    assert "a character that cannot be stored (NUL" in error.message


@pytest.mark.once
def test_a_whole_number_of_5000_digits_is_one_records_matter(world, serve):
    records = [compound(n) for n in range(12)]
    body = json.dumps({"items": records}).replace("1953", "1" * 5000, 1).encode()
    w = world([])
    w.configure(**{"API URL": serve(lambda asked: Reply(body)).url + "/list"})
    run = w.sync()
    assert (run.status, run.created) == (Status.COMPLETED_WITH_WARNINGS, 11), (
        run.status,
        run.error,
    )


@pytest.mark.once
def test_an_id_with_a_character_that_cannot_be_seen_names_it(world):
    w = world([{**compound(1), "id": "C\u200b-1"}])
    w.sync()
    [error] = w.open_errors().values()
    assert "U+200B ZERO WIDTH SPACE" in error.message and "registry's owner" in error.remedy
