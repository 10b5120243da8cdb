"""Whatever a registry answers: all of it arrives, or the run is not green and names the cause."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from registry_sync.models import SyncRun
from tests.support.environment import FULL, SEED
from tests.support.lies import FOUND, Lies, all_told, causes, registries
from tests.support.lying import LyingRegistry, as_served
from tests.support.one_line import OneLine, told

PARTS = 4 if FULL else 2
DRAWN, SAMPLE = 200, 40
"""Of so many that are drawn, so many are enough to tell every lie of all of them."""
FIELDS = [{"name": "Note", "type": "text"}, {"name": "Amount", "type": "integer"}]
ROWS = [("Note", "note"), ("Amount", "amount")]


class Line:
    """One line, used again by each example."""

    def __init__(self, line: OneLine) -> None:
        self.line, self.world = line, line.world

    def begin(self, lies: Lies) -> LyingRegistry:
        registry = LyingRegistry(lies, self.line.url)
        since = "since" if lies.asks == "param" else None
        config = {"API URL": registry.url, "Connector Settings": lies.connector() or None}
        self.line.begin(registry.answer, **config, **{"Modified Since Parameter": since})
        return registry

    def run(self, registry: LyingRegistry, number: int) -> SyncRun:
        registry.begin(number)
        print(f"run {number + 1}:")
        return self.line.run()


@pytest.fixture
def line(one_line: Any) -> Line:
    return Line(one_line(FIELDS, ROWS))


def check(line: Line, registry: LyingRegistry, run: SyncRun, before: dict[str, int]) -> bool:
    """Hold one run to its word; return whether it was green."""
    open_errors = line.world.open_errors()
    green = line.line.is_green(run)
    found = line.world.values()
    for name, values in found.items():
        values["Note"] = as_served(registry.lies.fault, values["Note"])
        assert name in registry.ever, f"{name} is no record of this registry: {values}"
        record = registry.ever[name]
        now = (values["Note"], values["Amount"])
        notes, amounts = zip(*record.versions, strict=True)
        assert now[0] in notes and now[1] in amounts, f"{name} has {now}, which it never had"
    if green:
        for name, version in before.items():
            if name in registry.gone:  # while it was read
                continue
            assert name in found, f"{name} did not arrive, and the run is green"
            now = (found[name]["Note"], found[name]["Amount"])
            right = registry.right(name, version)
            assert now in right, f"{name} has {now}, not {right}, and the run is green"
    else:
        codes = [run.error_code, *(w["code"] for w in run.warnings)]
        codes += [error.code for error in open_errors.values()]
        named = set(filter(None, codes))
        assert named, told(run)
        unfit = named - causes(registry.lies)
        assert not unfit, f"{sorted(unfit)} is no cause of this: {told(run)}"
    return green


def hold(line: Line, lies: Lies) -> None:
    """Load, edit, run, edit, run: each run is held to its word, the last of an honest one too."""
    print(f"settings {lies.connector()}")
    registry, green = line.begin(lies), False
    for number, edits in enumerate(((), *lies.edits)):
        for edit in edits:
            registry.happen(*edit)
        before = {name: len(record.versions) for name, record in registry.records.items()}
        run = line.run(registry, number)
        green = check(line, registry, run, before)
    assert green or not lies.honest, f"nothing is wrong with it: {told(run)}"


@pytest.mark.once
@pytest.mark.invariant(1)
def test_what_was_believed_once(line: Line) -> None:
    for lies in FOUND:
        hold(line, lies)


def drawn_by(part: int, count: int, hold: Callable[[Lies], None]) -> None:
    """Have hypothesis draw so many registries for a part."""
    drawing = given(registries())(hold)
    drawing = settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )(drawing)
    seed(random.Random(f"{SEED} lies {part}").randrange(2**32))(drawing)()


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.timeout(3600 if FULL else 480)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.invariant(1)
def test_a_registry_that_lies(line: Line, part: int) -> None:
    if FULL:
        drawn_by(part, 5000 // PARTS, lambda lies: hold(line, lies))
        return
    drawn: list[Lies] = []
    drawn_by(0, DRAWN, lambda lies: drawn.append(lies))
    for lies in all_told(drawn, SAMPLE)[part::PARTS]:
        print(lies)
        hold(line, lies)
