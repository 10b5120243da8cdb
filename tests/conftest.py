"""What every test stands on: settings, a real Redis-protocol server, and worlds to sync in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.redis import RedisServer

from .worlds import EXCHANGES, world

__all__ = ["world"]


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
    counted = config.stash.get(EXCHANGES, [])
    terminalreporter.write_line(
        f"{sum(counted):,} exchanges with {len(counted)} tenants were checked against "
        "Benchling's OpenAPI document; none was outside."
    )
