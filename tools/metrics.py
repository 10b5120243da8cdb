"""Measure the service's code and its rooms: `make metrics`. Exits 1 when a limit is passed.

Limits: modules have at most 300 lines; functions have at most 21 lines at the 90th percentile and
never more than 50; every attribute is first assigned in `__init__`; rooms import downwards only.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.syntax_trees import nodes_of

ROOT = Path(__file__).resolve().parent.parent
SERVICE = ROOT / "registry_sync"
LONGEST_MODULE, LONGEST_FUNCTION, FUNCTION_P90 = 300, 50, 21
INITIALIZERS = {"__init__", "__new__", "__post_init__", "setUp"}
INVARIANT = re.compile(r"mark\.invariant\(([\d, ]+)\)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Return the service's modules without its migrations."""
    folders = (SERVICE, ROOT / "integration")
    found = [path for folder in folders for path in folder.rglob("*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


def lengths_of_modules() -> dict[str, int]:
    """Return the number of lines of each module."""
    return {name(path): len(path.read_text().splitlines()) for path in modules()}


def lengths_of_functions() -> dict[str, int]:
    """Return the number of lines of each function, with its signature and docstring."""
    found: dict[str, int] = {}
    for path in modules():
        for node in nodes_of(path):
            if isinstance(node, Function) and node.end_lineno:
                place = f"{name(path)}:{node.lineno} {node.name}"
                found[place] = node.end_lineno - node.lineno + 1
    return found


def late_attributes() -> list[str]:
    """Return the attributes that a method other than `__init__` assigns first."""
    classes = [
        (path, node)
        for path in modules()
        for node in nodes_of(path)
        if isinstance(node, ast.ClassDef)
    ]
    declared = {node.name: _declared(node) for _, node in classes}
    return [
        f"{name(path)}:{line} {node.name}.{attribute}"
        for path, node in classes
        for attribute, line in sorted(_assigned_late(node).items())
        if attribute not in declared[node.name]
        and not any(attribute in declared.get(base, ()) for base in _bases(node))
    ]


def _declared(node: ast.ClassDef) -> set[str]:
    """Return the names that a class body or an initializer assigns or annotates."""
    found: set[str] = set()
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found.add(item.target.id)
        elif isinstance(item, ast.Assign):
            found |= {target.id for target in item.targets if isinstance(target, ast.Name)}
        elif isinstance(item, Function):
            found.add(item.name)
            if item.name in INITIALIZERS:
                found |= {attribute for attribute, _ in _self_assignments(item)}
    return found


def _assigned_late(node: ast.ClassDef) -> dict[str, int]:
    methods = [item for item in node.body if isinstance(item, Function)]
    return {
        attribute: line
        for method in methods
        if method.name not in INITIALIZERS
        for attribute, line in _self_assignments(method)
    }


def _self_assignments(method: Function) -> Iterator[tuple[str, int]]:
    first = method.args.args[0].arg if method.args.args else ""
    for node in ast.walk(method):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == first == "self"
        ):
            yield node.attr, node.lineno


def _bases(node: ast.ClassDef) -> list[str]:
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def rooms() -> Counter[str]:
    """Return the number of modules in each room."""
    inside = [path.relative_to(SERVICE).parts for path in modules() if SERVICE in path.parents]
    return Counter(parts[0] for parts in inside if len(parts) > 1)


def import_faults() -> str:
    """Return what import-linter reports; empty when every import points downwards."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def tests_of_invariants() -> Counter[int]:
    """Return how many markers in tests/ name each invariant."""
    found: Counter[int] = Counter()
    for path in (ROOT / "tests").rglob("*.py"):
        for numbers in INVARIANT.findall(path.read_text()):
            found.update(int(number) for number in numbers.split(",") if number.strip())
    return found


def faults() -> list[str]:
    """Return every limit that the code passes, one sentence each."""
    functions = lengths_of_functions()
    found = [
        f"{place} has {lines} lines, more than {LONGEST_MODULE}"
        for place, lines in lengths_of_modules().items()
        if lines > LONGEST_MODULE
    ]
    found += [
        f"{place} has {lines} lines, more than {LONGEST_FUNCTION}"
        for place, lines in functions.items()
        if lines > LONGEST_FUNCTION
    ]
    at_90 = percentile(list(functions.values()), 90)
    if at_90 > FUNCTION_P90:
        found.append(f"functions have {at_90} lines at p90, more than {FUNCTION_P90}")
    found += [f"{place} is first assigned outside __init__" for place in late_attributes()]
    return found


def percentile(values: Sequence[int], share: int) -> int:
    """Return the value that `share` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _summary(values: Sequence[int], *shares: int) -> str:
    figures = [f"p{share} {percentile(values, share)}" for share in shares]
    return ", ".join([f"{len(values)}", *figures, f"max {max(values)}"])


def main() -> int:
    functions, lengths = list(lengths_of_functions().values()), list(lengths_of_modules().values())
    broken, found = import_faults(), faults()
    invariants = sorted(tests_of_invariants().items())
    print("functions   ", _summary(functions, 50, 90, 99), "lines")
    print("             over 50 lines:", sum(lines > LONGEST_FUNCTION for lines in functions))
    print("modules     ", _summary(lengths, 50, 90), "lines")
    print("             over 300 lines:", sum(lines > LONGEST_MODULE for lines in lengths))
    print("attributes   first assigned outside __init__:", len(late_attributes()))
    print("rooms       ", ", ".join(f"{room} {count}" for room, count in sorted(rooms().items())))
    print("imports     ", "broken" if broken else "downwards only (import-linter)")
    print("invariants  ", ", ".join(f"{n}: {count}" for n, count in invariants) or "no markers")
    for fault in [*found, broken]:
        if fault:
            print(fault, file=sys.stderr)
    return 1 if found or broken else 0


if __name__ == "__main__":
    sys.exit(main())
