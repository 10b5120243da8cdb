"""Judge the tests by small faults: `make mutants`, or `--module names --seed 7`.

A mutant is the code with one small fault. A seeded sample of each module between a record and the
tenant is judged by the module's tests: one must fail within three minutes. The faults are applied
in memory, so nothing of the checkout changes. Exits 1 where fewer than 85 % of a module's mutants
are killed.
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
from itertools import islice
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

ROOT = Path(__file__).resolve().parent.parent
LEAST = 85
"""Percent of a module's mutants that must be killed."""
MODULES = {
    "compare": ("sync/compare.py", ("sync/test_compare.py",)),
    "links": ("sync/gates/links.py", ("sync/test_link_gate.py",)),
    "names": ("sync/gates/names.py", ("sync/test_names.py",)),
    "guards": ("sync/gates/guards.py", ("sync/test_first_pages.py", "sync/test_great_changes.py")),
    "retry": ("sync/retry_choice.py", ("sync/test_what_is_due.py",)),
    "outcome": ("ledger/record_outcome.py", ("ledger/test_recorded_outcomes.py",)),
    "delivery": ("sync/delivery/batch_delivery.py", ("sync/test_batches_sent.py",)),
    "bulk_upsert": ("benchling/bulk_upsert.py", ("benchling/test_upserts.py",)),
    "record": ("ledger/recording.py", ("ledger/test_recorded_outcomes.py",)),
    "lease": ("runs/lease.py", ("runs/test_holders.py",)),
    "starting_point": ("sync/starting_point.py", ("sync/test_where_runs_start.py",)),
    "source_tracking": ("sync/source_tracking.py", ("sync/test_pages_followed.py",)),
    "bad_rows": ("benchling/bad_rows.py", ("benchling/test_upserts.py",)),
    "claims": ("sync/gates/claims.py", ("sync/test_names.py", "sync/test_link_gate.py")),
}
"""By name: the module, and the tests that judge it, which stand in its room.

They start no tenant. So a mutant costs seconds; the many tests of its room that sync whole worlds
would cost minutes.
"""


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


def faults(name: str, source: str, order: random.Random | None = None) -> Iterator[Mutant]:
    """Yield every mutant of a module's source that can be compiled, in an order of chance."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = Faults()
    wrapper.visit(visitor)
    if order is not None:
        order.shuffle(visitor.found)
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
    made = faults(name, module_path(name).read_text(), random.Random(f"{seed} {name}"))
    return sorted(islice(made, count), key=lambda mutant: mutant.lines)


def pytest(mode: str, work: Path, tests: Sequence[str], **settings: Any) -> int:
    """Run pytest with the judge as a plugin; return its exit status."""
    (work / "order.json").write_text(json.dumps({"mode": mode, **settings}))
    where = work / "tests.txt"
    where.write_text("\n".join(tests))
    options = ["-q", "-p", "no:cacheprovider", "-p", "tools.mutant_judge", f"@{where}"]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"MUTANTS": str(work)}).returncode


def tests_of(names: Iterable[str]) -> list[str]:
    """Return the paths of the tests that judge some modules."""
    return sorted({f"tests/{path}" for name in names for path in MODULES[name][1]})


def traced(work: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return which tests pass through which line of a module, and how long each test takes."""
    if pytest("trace", work, tests_of(names), files=[str(module_path(name)) for name in names]):
        sys.exit("The tests must pass before mutants are made.")
    return dict(json.loads((work / "traced.json").read_text()))


def judged(
    work: Path, trace: dict[str, Any], name: str, mutants: Sequence[Mutant], **terms: float
) -> list[str]:
    """Return for each mutant the test that killed it, or "" where it survived."""
    path, seconds = str(module_path(name)), trace["seconds"]
    lines: dict[str, list[str]] = trace["lines"].get(path, {})
    own = tuple(tests_of([name]))

    def reached(mutant: Mutant) -> list[str]:
        first, last = mutant.lines
        found = {test for line in range(first, last + 1) for test in lines.get(str(line), ())}
        return sorted((t for t in found if t.startswith(own)), key=lambda test: seconds[test])

    wanted = [{**asdict(mutant), "path": path, "tests": reached(mutant)} for mutant in mutants]
    tests = sorted({test for one in wanted for test in one["tests"]})
    if not tests:
        return [""] * len(wanted)
    answers = work / "answers.json"
    answers.unlink(missing_ok=True)
    pytest("judge", work, tests, mutants=wanted, seconds=seconds, **terms)
    return list(json.loads(answers.read_text()))


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
    given = parser.parse_args()
    began, shares = time.monotonic(), {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        work, names = Path(folder), given.module or list(MODULES)
        trace = traced(work, names)
        for name in names:
            mutants = sample(name, seed=given.seed, count=given.sample)
            killers = judged(work, trace, name, mutants, jobs=given.jobs, limit=given.limit)
            shares[name] = report(name, mutants, killers, given.seed)
    print(f"\nSeed {given.seed}, {time.monotonic() - began:.0f} s:")
    for name, share in shares.items():
        print(f"  {name:16} {share:3} %{'' if share >= LEAST else f', less than {LEAST} %'}")
    return int(any(share < LEAST for share in shares.values()))


if __name__ == "__main__":
    sys.exit(main())
