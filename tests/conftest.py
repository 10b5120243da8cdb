"""What every test stands on: settings, a real Redis-protocol server, and worlds to sync in."""

from __future__ import annotations

import gc
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.database import begin_migrating, copy_into, empty, migrated, on_postgres
from tests.support.environment import SEED, SEED_VARIABLE
from tests.support.exchanges import EXCHANGES, SECOND_PASS
from tools.syntax_trees import nodes_of, tree_of

if TYPE_CHECKING:
    from sandbox.redis import RedisServer

gc.disable()  # until all is collected: what is imported stays


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, copies: pytest.MonkeyPatch
) -> None:
    """Have each worker copy the one migrated database: to migrate takes ten seconds."""
    from django.core.management.commands import migrate
    from django.db import connections

    def copy(_command: object, *_: object, database: str, **__: object) -> None:
        copy_into(database)

    copies.setattr(migrate.Command, "handle", copy)
    if on_postgres():
        copies.setitem(connections["default"].settings_dict["TEST"], "TEMPLATE", migrated())


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, copies: pytest.MonkeyPatch) -> None:
    """Let `migrate` be itself again once the database is there, and what empties it be quick."""
    from django.test import TransactionTestCase

    copies.undo()
    copies.setattr(TransactionTestCase, "_fixture_teardown", empty)


@pytest.fixture(scope="session")
def copies() -> Iterator[pytest.MonkeyPatch]:
    """Hold what is changed of Django's commands."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis-protocol server for the whole suite."""
    from sandbox.redis import RedisServer

    server = RedisServer().start()
    yield server
    server.stop()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many exchanges with the tenant were held against Benchling's document."""
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else "")
        terminalreporter.write_line(f"*** NOT TESTED: {report.nodeid}: {reason} ***", red=True)
    terminalreporter.write_line(f"Seed {SEED}; {SEED_VARIABLE}={SEED} repeats it.")
    if SECOND_PASS:
        return
    counted = config.stash.get(EXCHANGES, [])
    terminalreporter.write_line(
        f"{sum(counted):,} exchanges with {len(counted)} tenants were checked against "
        "Benchling's OpenAPI document; none was outside."
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of pytest-xdist share; they are started with its name."""
    starts_workers = config.getoption("dist", "no") != "no" and not config.option.collectonly
    if not starts_workers:
        config.pluginmanager.import_plugin("tests.support.fixtures")
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = SEED
    if not hasattr(config, "workerinput"):
        os.environ["SHARED_BY_TESTS"] = folder = tempfile.mkdtemp(prefix="registry-sync-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        if starts_workers:
            config.add_cleanup(begin_migrating())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import, where `once` is left out, a module that has nothing else."""
    if config.option.markexpr != "not once" or not collection_path.match("test_*.py"):
        return None
    return True if ALL_ONCE.search(collection_path.read_text(encoding="utf-8")) else None


ALL_ONCE = re.compile(r"^pytestmark = (\[.*)?pytest\.mark\.once\b", re.MULTILINE)
"""The mark of a whole module, alone or in a list."""


def pytest_collection_finish() -> None:
    """Look for garbage again, but not among a quarter of a million objects of all tests."""
    from registry_sync.jobs.runner import tune_garbage_collector

    gc.enable()
    tune_garbage_collector()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Spread the slow ones over the first half, so that none is left alone at the end.

    They mostly wait for processes, and the others compute meanwhile. Those that use the database of
    this process begin their group: pytest-django sorts by what is done to it. What empties it comes
    after what only rolls back, and what does not touch it last.
    """
    if not SECOND_PASS:
        only = [item for item in items if item.get_closest_marker("postgres")]
        config.hook.pytest_deselected(items=only)
        items[:] = [item for item in items if item not in only]
    for item in items:
        given = getattr(item, "callspec", None)  # a parameter may have the name of a fixture
        used = set(getattr(item, "fixturenames", ())) - set(given.params if given else ())
        for mark, fixtures in MARKED_BY.items():
            if fixtures & used:
                item.add_marker(mark)
        if "page" in used:  # each of its steps may take three minutes
            item.add_marker(pytest.mark.timeout(1200))
    slow = {item for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item not in slow)
    yield
    apart = [item for item in items if item in slow and not _uses_database(item)]
    others = [item for item in items if item not in slow or _uses_database(item)]
    if config.getoption("maxschedchunk", None) != 1:  # a worker takes many at first
        others.sort(key=lambda item: not _reads_code(item))  # so one parses it, not each
    items[:] = _spread(apart, others)


MARKED_BY = {
    "process": {"deploy", "redis", "redis_server", "page", "datasette", "queues"},
    "world": {"world"},
    "served": {"serve", "tenant"},
}
"""The marks that are set by fixtures, by what those start."""


def _spread(few: list[pytest.Item], many: list[pytest.Item]) -> list[pytest.Item]:
    """Return both in their order, the few at equal distances over the first half of the many."""
    step = max(len(many) // 2 // max(len(few), 1), 1)
    spread: list[pytest.Item] = []
    for number, item in enumerate(few):
        spread += [item, *many[number * step : (number + 1) * step]]
    return spread + many[len(few) * step :]


def _reads_code(item: pytest.Item) -> bool:
    """Return whether a test may ask for the syntax trees of the repository's modules.

    Those that use the database stay in the order of what they do to it.
    """
    at_root = item.path.parent.name == "tests"
    asks = at_root or hasattr(getattr(item, "module", None), "nodes_of")
    return asks and not _uses_database(item)


def _uses_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool({"db", "transactional_db"} & fixtures) or "django_db" in item.keywords


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: hand the counts to the process that prints them."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED  # half a green is not green
    for trees in (tree_of, nodes_of):  # a million objects, in which no garbage is to be looked for
        trees.cache_clear()
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["exchanges"] = session.config.stash.get(EXCHANGES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist counted."""
    counted = getattr(node, "workeroutput", {}).get("exchanges", [])
    node.config.stash.setdefault(EXCHANGES, []).extend(counted)


def pytest_runtest_setup() -> None:
    """Let no line of a test's log hide a word that was a secret in an earlier test."""
    from registry_sync.core import secrets

    secrets._held = set()


@pytest.fixture
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no pages ahead: what comes with a page comes between two batches, not within one."""
    from registry_sync.source.client import Source

    monkeypatch.setattr(Source, "pages_ahead", Source.pages)
