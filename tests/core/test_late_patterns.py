"""Regular expressions that are compiled at their first use."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

from registry_sync.core.late_patterns import METHODS, LatePattern, pattern
from registry_sync.source import answers, completeness

pytestmark = pytest.mark.once


def test_a_pattern_is_compiled_when_it_is_first_used_and_then_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile_, compiled = re.compile, []

    def counted(*given: object) -> object:
        compiled.append(given)
        return compile_(*given)

    monkeypatch.setattr(re, "compile", counted)
    late = pattern("A(b)", re.IGNORECASE)
    assert not compiled
    assert late.search("xaBx") and late.fullmatch("ab") and late.sub("-", "ab") == "-"
    assert compiled == [("A(b)", re.IGNORECASE)]
    assert (late.pattern, late.groups) == ("A(b)", 1)


def test_every_pattern_of_what_registries_answer_can_be_compiled() -> None:
    found = [
        (module.name, name, value)
        for room in (answers, completeness)
        for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")
        for name, value in vars(importlib.import_module(module.name)).items()
        if isinstance(value, LatePattern)
    ]
    assert len(found) > 50
    for _, _, late in found:
        assert isinstance(late.pattern, str)
        assert set(METHODS) <= set(vars(late))
