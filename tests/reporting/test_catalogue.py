"""The catalogue: every code that the service raises or stores has an entry, shown by the docs."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from registry_sync.core.problems import Awaited
from registry_sync.models import EntityError
from registry_sync.reporting import catalogue, reference
from registry_sync.reporting.catalogue import Cause
from tools.syntax_trees import children_of, nodes_of

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
QUERIES = ("filter", "exclude", "get")
PROBLEMS = ("Problem", "replace")
"""What makes the problem of a record; it may be made from another one."""
NAMED = (*PROBLEMS, "Misfit", "RefusalKind", "Caution", "Sign", "warn", "WaitReason")
"""What is called with a code that has no name."""
KEYWORDS = ("code", "error_code")
NOT_CAUSES = ("CommandError", "ErrorGroup", "RunWait", "RecordWait")


@cache
def modules() -> list[list[ast.AST]]:
    """Return the nodes of each module of the service."""
    files = (ROOT / "registry_sync").rglob("*.py")
    read = [p for p in files if not {"catalogue", "migrations"} & set(p.parts)]
    return [nodes_of(path) for path in read]


def constants_of(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return what these nodes assign to names."""
    named: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    named.setdefault(target.id, []).append(node.value)
    return named


Calls = list[tuple[ast.Call, dict[str, list[ast.expr]]]]


@cache
def calls() -> Calls:
    """Return every call that may name a code, with the constants its function or file names."""
    found: Calls = []
    for tree, *_ in modules():
        constants = constants_of(children_of(tree))
        for scope, own in calls_by_scope(tree).items():
            named = {**constants, **constants_of(ast.walk(scope))}
            found += [(call, named) for call in own]
    return found


@pytest.fixture(scope="session", autouse=True)
def forgotten() -> Iterator[None]:
    """Keep no syntax tree to the end of the process, where garbage is looked for."""
    yield
    modules.cache_clear()
    calls.cache_clear()


def calls_by_scope(tree: ast.AST) -> dict[ast.AST, list[ast.Call]]:
    """Return the calls that may name a code, by the innermost function that each is in."""
    found: dict[ast.AST, list[ast.Call]] = {}
    waiting: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while waiting:
        node, scope = waiting.pop()
        scope = node if isinstance(node, ast.FunctionDef) else scope
        if isinstance(node, ast.Call) and (name_of(node) in NAMED or keyword(node, *KEYWORDS)):
            found.setdefault(scope, []).append(node)
        waiting += [(child, scope) for child in children_of(node)]
    return found


def codes_of(node: ast.expr, named: dict[str, list[ast.expr]]) -> set[str]:
    """Return the codes that an expression can be; a part that varies is written `*`."""
    if isinstance(node, ast.Name):
        return {code for value in named.get(node.id, ()) for code in codes_of(value, {})}
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "*" for part in node.values]
        return {"".join(map(str, parts))}
    if isinstance(node, ast.IfExp):
        return codes_of(node.body, named) | codes_of(node.orelse, named)
    is_code = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return {str(typing.cast(ast.Constant, node).value)} if is_code else set()


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def keyword(call: ast.Call, *names: str) -> list[ast.expr]:
    return [given.value for given in call.keywords if given.arg in names]


def record_codes() -> Iterator[str]:
    for call, named in calls():
        name, given = name_of(call), keyword(call, "code")
        if name == "Misfit":
            given = call.args[:1]
        elif name == "RefusalKind":  # Benchling's refusals by their words
            given = given or call.args[2:3]
        elif name not in PROBLEMS:
            continue
        for node in given:
            yield from codes_of(node, named)


def default_codes() -> Iterator[str]:
    """Return the codes that errors have where none is given (`code: str = "failed"`)."""
    for nodes in modules():
        for node in [n for n in nodes if isinstance(n, ast.FunctionDef)]:
            arguments = node.args
            positional = [*arguments.posonlyargs, *arguments.args]
            positional = positional[len(positional) - len(arguments.defaults) :]
            pairs = [*zip(positional, arguments.defaults, strict=True)]
            pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            for argument, default in pairs:
                if argument.arg == "code" and default is not None:
                    codes = codes_of(default, {})
                    # Elsewhere "" stands for no code, as in a search that any code fits.
                    yield from codes if node.name == "__init__" else codes - {""}


def run_codes() -> Iterator[str]:
    yield from default_codes()
    for call, named in calls():
        if name_of(call) in (*QUERIES, *NOT_CAUSES, *PROBLEMS, "RefusalKind"):
            continue
        for node in keyword(call, *KEYWORDS):
            yield from codes_of(node, named)


def warning_codes() -> Iterator[str]:
    for call, named in calls():
        if name_of(call) in ("Caution", "Sign"):
            yield from codes_of(call.args[0], named)
        elif name_of(call) == "warn" and len(call.args) > 3:
            yield from codes_of(call.args[2], named)


def covers(entries: tuple[Cause, ...], codes: set[str]) -> None:
    """Check that each code has an entry, and each entry a code."""
    known = [entry.code for entry in entries]
    assert len(known) == len(set(known))
    assert {code for code in codes if not any(e.matches(code) for e in entries)} == set()
    assert set(known) - codes == set()


def test_every_cause_of_a_record_has_an_entry_and_every_entry_a_cause():
    found = set(record_codes())
    assert {"name_taken", "not_ours", "permission", "wrong_type"} <= found
    covers(catalogue.RECORD_CAUSES, found | {"rule"})  # "rule" stands for any RuleError


def test_every_failure_has_an_entry_and_every_entry_a_failure():
    found = set(run_codes())
    assert {"internal", "deactivated", "endless_task", "benchling_*", "cancelled"} <= found
    covers((*catalogue.RUN_FAILURES, *catalogue.ACTION_FAILURES), found)


def test_every_warning_has_an_entry_and_every_entry_a_warning():
    found = set(warning_codes())
    assert {"no_time", "not_at_source:*", "short_read"} <= found
    covers(catalogue.WARNINGS, found)


def test_every_wait_of_a_record_has_an_entry():
    known = [wait.code for wait in catalogue.RECORD_WAITS]
    assert sorted(known) == sorted([*typing.get_args(Awaited), "source", ""])
    assert {cause.waits_for for cause in catalogue.RECORD_CAUSES} <= set(known)


def test_every_reason_of_a_run_to_wait_has_an_entry():
    found = {
        code
        for call, named in calls()
        if name_of(call) == "WaitReason"
        for code in codes_of(call.args[0], named)
    }
    assert {"object_limit", "own_limit", "earlier_task"} <= found
    assert {wait.code for wait in catalogue.RUN_WAITS} == found | {""}


def test_every_kind_has_an_actor_and_every_actor_can_be_asked():
    assert set(EntityError.Kind.values) < set(catalogue.ACTORS)
    for actor in catalogue.ACTORS.values():
        assert actor.label and actor.ask.endswith(".")


def test_a_code_with_a_variable_part_is_found_by_its_pattern_and_exact_ones_first():
    assert catalogue.run_failure("benchling_403").code == "benchling_*"
    assert catalogue.run_failure("benchling_access").code == "benchling_access"
    assert catalogue.warning_cause("not_at_source:C-1").code == "not_at_source:*"
    assert catalogue.record_cause("from_a_newer_version").title == "from a newer version"


@pytest.mark.parametrize(
    ("code", "kind", "actor"),
    [
        ("registry_unauthorised", "source", "mapping"),
        ("registry_answer", "transient", "transient"),
        ("registry_answer", "source", "source"),
        ("mapping", "benchling", "benchling"),
        ("mapping", "mapping", "mapping"),
        ("benchling_credentials", "benchling", "operator"),
        ("internal", "transient", "operator"),
        ("unknown_code", "benchling", "benchling"),
        ("unknown_code", "", "operator"),
    ],
)
def test_who_must_act_on_a_failed_run(code, kind, actor):
    assert catalogue.run_actor(code, kind) is catalogue.ACTORS[actor]


def test_the_docs_show_the_catalogue():
    text = (ROOT / "docs" / "causes.md").read_text(encoding="utf-8")
    assert text.count("<!-- causes: ") == len(reference.TABLES) == text.count("<!-- end of causes")
    assert reference.rendered_catalogue(text) == text, "run: make reference"
