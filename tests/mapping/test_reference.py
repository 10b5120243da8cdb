"""The docs' tables and schemas say what the code's descriptions say."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from registry_sync.benchling.entity_types import ENTITY_TYPES
from registry_sync.mapping import reference
from registry_sync.mapping.parts import PARTS, compile_parts
from registry_sync.mapping.rules import RULES, RuleError, parse_rule
from registry_sync.mapping.rules.schema import rules_schema
from registry_sync.source.answers.blanks import Blanks
from tests.support import ROOT
from tests.support.mapping import schema_of

pytestmark = pytest.mark.once
DOCS = ROOT / "docs"
SCHEMA = jsonschema_rs.Draft202012Validator(rules_schema())
VALUES: list[Any] = [
    None, True, False, 0, 1, -2.5, "", " ", "x", "\uff11", ".", ",", "%Y", "upper", "keep", "0.0",
    "1e3", "abc", [], ["a"], {}, {"a": "b"},
]  # fmt: skip
INEXPRESSIBLE = ("cannot read dates by", "is not a time zone", "needs a year")


def test_the_tables_are_the_codes() -> None:
    page = (DOCS / "connectors.md").read_text("utf-8")
    assert reference.rendered_vocabulary(page) == page, (
        "run python -m registry_sync.mapping.reference"
    )
    for name in [*reference.SECTIONS, "auth", "paginators", "rules"]:
        assert f"<!-- settings: {name} -->" in page


@pytest.mark.parametrize("name", reference.SCHEMAS)
def test_the_schemas_are_the_codes(name: str) -> None:
    text = reference.schema_text(reference.SCHEMAS[name]())
    assert (DOCS / name).read_text("utf-8") == text, "run python -m registry_sync.mapping.reference"


def check(rule: Any) -> None:
    try:
        parse_rule(rule)
        fault = ""
    except RuleError as error:
        fault = str(error)
    if any(word in fault for word in INEXPRESSIBLE):
        return
    assert SCHEMA.is_valid({"tsf_1": rule}) == (not fault), (rule, fault)


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_accepted_by_both_or_by_neither(name: str) -> None:
    settings = RULES[name].settings
    needed = {key: each.example for key, each in settings.items() if each.required}
    parse_rule({"rule": name, **{key: each.example for key, each in settings.items()}})
    check(name)
    check([{"rule": name}, name])
    for key, each in settings.items():
        for value in [*VALUES, each.example, each.default]:
            if key == "timezone" and not value:
                continue  # the same as leaving it out
            check({"rule": name, **needed, key: value})
    for value in VALUES:
        check({"rule": name, **needed, "misspelt": value})


@pytest.mark.parametrize("name", PARTS)
def test_each_part_is_accepted_by_both_or_by_neither(name: str) -> None:
    kinds = [kind for kind in ENTITY_TYPES.values() if name in kind.part_keys()]
    kind = max(kinds, key=lambda kind: len(kind.part_keys()))
    schema, blanks = schema_of(), Blanks()

    def check_part(part: Any) -> None:
        faults: list[str] = []
        compile_parts({name: part}, kind, schema, blanks, faults)
        own = [fault for fault in faults if not fault.endswith("has in a record")]
        if not any("cannot be read" in fault for fault in own):  # the syntax of a path
            assert SCHEMA.is_valid({name: part}) == (not own), (part, own)

    settings = PARTS[name].settings
    needed = {key: each.example for key, each in settings.items() if each.required}
    for value in VALUES:
        check_part(value)
        check_part([value, "x"])
        check_part({**needed, "misspelt": value})
        for key in settings:
            check_part({**needed, key: value})
    for key, each in settings.items():
        check_part({**needed, key: each.example})


@pytest.mark.parametrize("rule", [*VALUES, {"rule": None}, {"rule": "nosuch"}, [["trim"]]])
def test_what_is_no_rule(rule: Any) -> None:
    check(rule)


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("thousands", ["", ".", ",", "'"])
def test_signs_of_numbers(decimal: str, thousands: str) -> None:
    check({"rule": "number", "decimal": decimal, "thousands": thousands})
