"""What every test stands on: settings, a real Redis-protocol server, and worlds to sync in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sandbox.redis import RedisServer

from .desk import owner, viewer
from .worlds import EXCHANGES, SECOND_PASS, world

__all__ = ["owner", "viewer", "world"]

# A busy machine is no fault of a property.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis-protocol server for the whole suite."""
    server = RedisServer().start()
    yield server
    server.stop()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many exchanges with the tenant were held against Benchling's document."""
    if SECOND_PASS:
        return
    counted = config.stash.get(EXCHANGES, [])
    terminalreporter.write_line(
        f"{sum(counted):,} exchanges with {len(counted)} tenants were checked against "
        "Benchling's OpenAPI document; none was outside."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of pytest-xdist share; they are started with its name."""
    if not hasattr(config, "workerinput"):
        os.environ["SHARED_BY_TESTS"] = folder = tempfile.mkdtemp(prefix="registry-sync-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow ones first, so that none is left alone at the end.

    pytest-django sorts after it: what empties the database comes after what only rolls back.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: hand the counts to the process that prints them."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["exchanges"] = session.config.stash.get(EXCHANGES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist counted."""
    counted = getattr(node, "workeroutput", {}).get("exchanges", [])
    node.config.stash.setdefault(EXCHANGES, []).extend(counted)
