"""The faults by which `make mutants` judges the tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.once
SOURCE = '''"""A module."""

LIMIT = 3


def small(value: int | None = 5, *, least: int = 0) -> bool:
    """Return whether a value is small."""
    seen.append(value)
    return value is not None and value < LIMIT


class Scale:
    @property
    def small(self) -> bool:
        return small(1, least=2)


seen: list[int | None] = []
'''


@pytest.fixture
def mutants() -> ModuleType:
    """Import what parses Python only here: it takes half a second, and all workers collect."""
    from tools import mutants

    return mutants


@pytest.fixture
def scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    path = tmp_path / "scale_of_tests.py"
    path.write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import scale_of_tests  # type: ignore[import-not-found]

    yield scale_of_tests
    del sys.modules["scale_of_tests"]


def test_faults_are_made_inside_functions_alone_and_each_can_be_compiled(mutants):
    made = list(mutants.faults("names", SOURCE))
    lines = [
        next(
            new
            for old, new in zip(SOURCE.splitlines(), mutant.source.splitlines(), strict=True)
            if old != new
        ).strip()
        for mutant in made
    ]
    for line in (
        "...",
        "return value is None and value < LIMIT",
        "return value is not None or value < LIMIT",
        "return value is not None and value <= LIMIT",
        "return value < LIMIT",
        "return small(1, )",
        "return small(2, least=2)",
    ):
        assert line in lines, lines
    assert not any("LIMIT =" in line or "def " in line for line in lines)


def test_a_sample_is_the_same_for_the_same_seed(mutants, monkeypatch, tmp_path):
    path = tmp_path / "names.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(mutants, "module_path", lambda name: path)
    first, again, other = (mutants.sample("names", seed=s, count=5) for s in (1, 1, 2))
    assert first == again != other and len(first) == 5
    assert first[0].diff().startswith("@@")


def test_a_loaded_module_takes_the_fault(scale, monkeypatch, tmp_path):
    (tmp_path / "order.json").write_text(json.dumps({"mode": "judge"}))
    monkeypatch.setenv("MUTANTS", str(tmp_path))
    from tools import mutant_judge

    small = scale.small  # as another module would have imported it
    assert small() is False and scale.Scale().small is True
    loaded = mutant_judge.functions(scale.__file__)
    mutant_judge.apply(scale.__file__, SOURCE.replace("value < LIMIT", "value > LIMIT"), loaded)
    assert small() is True and scale.Scale().small is False
    mutant_judge.apply(scale.__file__, SOURCE.replace("small(1,", "small(9,"), loaded)
    assert small() is False and scale.Scale().small is False
