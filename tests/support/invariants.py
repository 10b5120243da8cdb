"""What must always hold, and the tests that hold it: `make invariants` prints the table.

A test says which invariant it holds by `@pytest.mark.invariant(n)`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.syntax_trees import nodes_of

TESTS = Path(__file__).resolve().parents[1]
INVARIANTS = {
    1: "Nothing is lost: the watermark never passes what is not written or recorded as an error",
    2: "Nothing is written twice or without need",
    3: "One bad record costs one error, never the batch, and is retried when its cause is gone",
    4: "Any process can be killed at any time: the run resumes, or fails with the reason",
    5: "Green means green: what was left out or cut short is a warning or a failure",
    6: "One cause is one failure with one remedy, not an error for each record",
    7: "A lost database is rebuilt from Benchling and App Status",
    8: "A dry run predicts the run and writes nothing",
    9: "Only Benchling gets in, no secret gets out, and no private address is reached",
    10: "Memory does not grow with the registry",
    11: "No entity of others is touched unless someone takes it over",
    12: "What is not mapped is not changed, and nothing is archived",
    13: "What people changed in Benchling is found and reported",
    14: "A great change stops the run until someone allows it",
}


def held() -> dict[int, list[str]]:
    """Return the tests of each invariant as `room/test_file.py::test_name`, without importing them.

    Raises:
        ValueError: if a test names an invariant that does not exist.
    """
    found: dict[int, list[str]] = {number: [] for number in INVARIANTS}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, numbers in _marked(path):
            test = f"{path.relative_to(TESTS)}::{name}"
            for number in numbers:
                if number not in found:
                    raise ValueError(f"{test}: there is no invariant {number!r}.")
                found[number].append(test)
    return found


def _marked(path: Path) -> Iterator[tuple[str, list[object]]]:
    if MARK not in path.read_text(encoding="utf-8"):
        return
    for function in nodes_of(path):
        if isinstance(function, ast.FunctionDef):
            for mark in function.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == MARK:
                    yield function.name, [ast.literal_eval(argument) for argument in mark.args]


MARK = "pytest.mark.invariant"


def main() -> None:
    """Print the invariants, each with its tests."""
    for number, tests in held().items():
        print(f"{number:>2}. {INVARIANTS[number]}")
        for test in tests:
            print(f"      {test}")


if __name__ == "__main__":
    main()
