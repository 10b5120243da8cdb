"""Judge the tests by small faults: `make mutants`, or `--module names --seed 7`.

A mutant is the code with one small fault. A seeded sample of each module between a record and the
tenant is judged by the tests of the module's rooms: a test must fail within three minutes. The
faults are applied in memory, so nothing of the checkout changes. Exits 1 where fewer than 85 % of
a module's mutants are killed.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

ROOT = Path(__file__).resolve().parent.parent
LEAST = 85
"""Percent of a module's mutants that must be killed."""
MODULES = {
    "compare": ("sync/compare.py", ("sync",)),
    "records": ("sync/records.py", ("sync",)),
    "adoption": ("sync/gates/adoption.py", ("sync",)),
    "admission": ("sync/gates/admission.py", ("sync",)),
    "names": ("sync/gates/names.py", ("sync",)),
    "guards": ("sync/gates/guards.py", ("sync",)),
    "retry_choice": ("sync/retry_choice.py", ("sync",)),
    "retry_phase": ("sync/retry_phase.py", ("sync",)),
    "starting_point": ("sync/starting_point.py", ("sync",)),
    "source_tracking": ("sync/source_tracking.py", ("sync",)),
    "run_verdict": ("sync/run_verdict.py", ("sync",)),
    "delivery": ("sync/delivery/delivery.py", ("sync",)),
    "batch_log": ("sync/delivery/batch_log.py", ("sync",)),
    "unmapped_fields": ("sync/delivery/unmapped_fields.py", ("sync",)),
    "bulk_upsert": ("benchling/bulk_upsert.py", ("benchling", "sync")),
    "bad_rows": ("benchling/bad_rows.py", ("benchling", "sync")),
    "landed": ("sync/delivery/landed.py", ("sync",)),
    "recording": ("ledger/recording.py", ("ledger", "sync")),
    "record_outcome": ("ledger/record_outcome.py", ("ledger", "sync")),
    "lease": ("runs/lease.py", ("runs", "sync")),
}
"""By name: the module, and the folders of the tests that judge it."""


CRASHES = (mutators.operator_string, mutators.operator_assignment, mutators.operator_arg_removal)
"""Left out: texts have tests of their own, and None in place of a value crashes in any test."""


def negated(node: cst.If | cst.IfExp | cst.While) -> Iterable[cst.CSTNode]:
    """Turn a condition round."""
    inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    turned = cst.UnaryOperation(cst.Not(), inner, lpar=inner.lpar, rpar=inner.rpar)
    yield node.with_changes(test=turned)


def without_half(node: cst.BooleanOperation) -> Iterable[cst.BaseExpression]:
    """Leave out what one side of `and` or `or` says."""
    yield node.left.with_changes(
        lpar=[*node.lpar, *node.left.lpar], rpar=[*node.left.rpar, *node.rpar]
    )
    yield node.right.with_changes(
        lpar=[*node.lpar, *node.right.lpar], rpar=[*node.right.rpar, *node.rpar]
    )


def without_keyword(node: cst.Call) -> Iterable[cst.Call]:
    """Leave out one argument that is given by name, such as a condition of a query."""
    for index, argument in enumerate(node.args):
        if argument.keyword is not None:
            yield node.with_changes(args=[*node.args[:index], *node.args[index + 1 :]])


def without_call(node: cst.Expr) -> Iterable[cst.Expr]:
    """Leave out a call whose value is not used."""
    if isinstance(node.value, cst.Call):
        yield node.with_changes(value=cst.Ellipsis())


OPERATORS = [
    *((kind, make) for kind, make in mutators.mutation_operators if make not in CRASHES),
    (cst.If, negated),
    (cst.IfExp, negated),
    (cst.While, negated),
    (cst.BooleanOperation, without_half),
    (cst.Call, without_keyword),
    (cst.Expr, without_call),
]


@dataclass(frozen=True)
class Mutant:
    """One fault in one module."""

    module: str
    lines: tuple[int, int]
    source: str

    @property
    def path(self) -> Path:
        return module_path(self.module)

    def diff(self) -> str:
        """Return the fault as a diff."""
        before, after = self.path.read_text().splitlines(), self.source.splitlines()
        changed = difflib.unified_diff(before, after, lineterm="", n=1)
        return "\n".join(list(changed)[2:])


def module_path(name: str) -> Path:
    """Return a module's file."""
    return ROOT / "registry_sync" / MODULES[name][0]


class Faults(cst.CSTVisitor):
    """Finds every place inside functions where an operator makes a fault."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, int, int]] = []
        self._functions = 0

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self._functions += 1
        node.body.visit(self)  # neither defaults, which live on, nor annotations
        self._functions -= 1
        return False

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        return False

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._functions:
            for kind, make in OPERATORS:
                if isinstance(node, kind):
                    place = self.get_metadata(PositionProvider, node, None)
                    for other in make(node) if place is not None else ():
                        self.found.append((node, other, place.start.line, place.end.line))
        return super().on_visit(node)


def faults(name: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's source that can be compiled."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = Faults()
    wrapper.visit(visitor)
    for node, other, first, last in visitor.found:
        changed = wrapper.module.deep_replace(node, other).code
        try:
            compile(changed, name, "exec")
        except SyntaxError:
            continue
        if changed != source:
            yield Mutant(name, (first, last), changed)


def sample(name: str, *, seed: int, count: int) -> list[Mutant]:
    """Return `count` mutants of a module, chosen by the seed."""
    made = list(faults(name, module_path(name).read_text()))
    chosen = random.Random(f"{seed} {name}").sample(made, min(count, len(made)))
    return sorted(chosen, key=lambda mutant: mutant.lines)


def pytest(mode: str, work: Path, tests: Sequence[str], **settings: Any) -> int:
    """Run pytest with the judge as a plugin; return its exit status."""
    (work / "order.json").write_text(json.dumps({"mode": mode, **settings}))
    where = work / "tests.txt"
    where.write_text("\n".join(tests))
    options = ["-q", "-p", "no:cacheprovider", "-p", "tools.mutant_judge"]
    command = [sys.executable, "-m", "pytest", *options, "-m", "not slow", f"@{where}"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"MUTANTS": str(work)}).returncode


def traced(work: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return which tests pass through which line of these modules, and how long each test takes.

    It is kept in the folder: with the same folder, it is not found out again.
    """
    kept = work / "traced.json"
    if not kept.exists():
        rooms = sorted({f"tests/{room}" for name in names for room in MODULES[name][1]})
        if pytest("trace", work, rooms, files=[str(module_path(name)) for name in names]):
            sys.exit("The tests must pass before mutants are made.")
    return dict(json.loads(kept.read_text()))


def judged(
    work: Path, name: str, mutants: Sequence[Mutant], *, jobs: int, limit: float
) -> list[str]:
    """Return for each mutant the test that killed it, or "" where it survived."""
    trace = traced(work, list(MODULES))
    lines: dict[str, list[str]] = trace["lines"].get(str(module_path(name)), {})
    rooms = tuple(f"tests/{room}" for room in MODULES[name][1])
    seconds: dict[str, float] = trace["seconds"]

    def tests_of(mutant: Mutant) -> list[str]:
        first, last = mutant.lines
        found = {test for line in range(first, last + 1) for test in lines.get(str(line), ())}
        return sorted((t for t in found if t.startswith(rooms)), key=lambda test: seconds[test])

    path = str(module_path(name))
    wanted = [{**asdict(mutant), "path": path, "tests": tests_of(mutant)} for mutant in mutants]
    reached = sorted({test for one in wanted for test in one["tests"]})
    answers = work / "answers.json"
    answers.unlink(missing_ok=True)
    if reached:
        terms = {"jobs": jobs, "limit": limit, "seconds": seconds}
        pytest("judge", work, reached, mutants=wanted, **terms)
    return list(json.loads(answers.read_text())) if reached else [""] * len(wanted)


def report(name: str, mutants: Sequence[Mutant], killers: Sequence[str], seed: int) -> int:
    """Print what became of a module's mutants; return how many percent were killed."""
    killed = sum(map(bool, killers))
    share = 100 * killed // max(1, len(mutants))
    print(f"\n{name}: {killed} of {len(mutants)} killed ({share} %), seed {seed}", flush=True)
    for mutant, killer in zip(mutants, killers, strict=True):
        if not killer:
            print(f"survived: {MODULES[name][0]}\n{mutant.diff()}", flush=True)
    return share


def main() -> int:
    """Judge the modules that were asked for; 0 where enough mutants of each were killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", action="append", choices=list(MODULES), help="default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=40, help="mutants of each module")
    parser.add_argument("--jobs", type=int, default=2, help="mutants judged at the same time")
    parser.add_argument("--limit", type=float, default=180, help="seconds to judge one mutant")
    parser.add_argument("--work", type=Path, help="a folder that keeps what was traced")
    given = parser.parse_args()
    began, shares = time.monotonic(), {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        work = (given.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        for name in given.module or MODULES:
            mutants = sample(name, seed=given.seed, count=given.sample)
            killers = judged(work, name, mutants, jobs=given.jobs, limit=given.limit)
            shares[name] = report(name, mutants, killers, given.seed)
    print(f"\nSeed {given.seed}, {time.monotonic() - began:.0f} s:")
    for name, share in shares.items():
        print(f"  {name:16} {share:3} %{'' if share >= LEAST else f', less than {LEAST} %'}")
    return int(any(share < LEAST for share in shares.values()))


if __name__ == "__main__":
    sys.exit(main())
