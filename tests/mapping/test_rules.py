"""Mapping rules and entity types: one class each, found by registration."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from registry_sync.benchling.entity_types import ENTITY_TYPES
from registry_sync.drafts import rule_form
from registry_sync.mapping.rules import RULES, Rule, apply, parse_rule
from registry_sync.mapping.rules.base import register
from tests.support import ROOT

pytestmark = pytest.mark.once
DOCS = (ROOT / "docs" / "connectors.md").read_text()


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_each_rule_is_small_labelled_and_has_its_row_in_the_docs(rule: type[Rule]) -> None:
    assert re.search(rf"^\| `{rule.name}` \| {re.escape(rule.about)} \|", DOCS, re.MULTILINE)
    assert all(f"| `{rule.name}`: `{setting}` |" in DOCS for setting in rule.settings)
    assert rule.label == rule_form.LABELS[rule.name] and rule.about
    assert len(inspect.getsource(rule).splitlines()) <= 80


def test_a_new_rule_needs_no_other_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "reverse", Rule)

    @register("reverse")
    class Reverse(Rule):
        def apply(self, value: Any) -> Any:
            return value[::-1]

    steps = parse_rule(["trim", "reverse"])
    assert apply(steps, " abc ") == "cba" and apply(steps, ["ab", None]) == ["ba", None]


def test_custom_entities_are_named_in_one_place() -> None:
    kind = ENTITY_TYPES["custom_entity"]
    named = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "registry_sync").rglob("*.py")
        if f'"{kind.endpoint}' in path.read_text() or f'"{kind.key}' in path.read_text()
    ]
    assert named == ["registry_sync/benchling/entity_types/custom.py"]
