"""The clients of this deployment: Benchling's from the settings, the registry's from its setup."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings

from registry_sync import __version__
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Wait, retry_time
from registry_sync.core import stopping
from registry_sync.mapping.departures import is_deleted
from registry_sync.runs.source_state import memory_of
from registry_sync.source.answers.record_list import Memory
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.sync.pacing import wait_outside_run
from registry_sync.sync.setup import Setup, Sides

LONGEST_PAUSE = 5.0
"""Longest wait for Benchling, in seconds, while someone is waiting."""


def client_of_settings(pause: Callable[[float, str], None] = wait_outside_run) -> Client:
    """Return a Benchling client for this deployment's app.

    `pause(seconds, reason)` decides how the client waits; it may raise to give up.
    """
    return Client(
        settings.BENCHLING_URL,
        settings.BENCHLING_CLIENT_ID,
        settings.BENCHLING_CLIENT_SECRET,
        settings.BENCHLING_APP_ID,
        pause=pause,
    )


def impatient_client() -> Client:
    """Return a client for a caller whom someone is waiting for: it raises Wait on a long wait.

    A canvas must not hold up a sync or the next press.
    """

    def pause(seconds: float, reason: str) -> None:
        if seconds > LONGEST_PAUSE:
            raise Wait(retry_time(seconds), reason or "Benchling")
        stopping.sleep_or_stop(seconds)

    return client_of_settings(pause)


def hasty_client(seconds: float) -> Client:
    """Return a client that gives up after this time, whatever Benchling does: it raises Wait."""
    until = time.monotonic() + seconds

    def hurry(wait: float = 0, reason: str = "") -> None:
        if time.monotonic() + wait > until:
            raise Wait(retry_time(wait), reason or "Benchling")

    def pause(wait: float, reason: str) -> None:
        hurry(wait, reason)
        stopping.sleep_or_stop(wait)

    client = client_of_settings(pause)
    client.longest = lambda: max(0.05, min(seconds / 2, until - time.monotonic()))
    client.before_each = hurry
    return client


def source_of(
    sides: Sides, pause: Callable[[float], None], keep_alive: Callable[[], None]
) -> Source:
    """Return the registry's client for a configuration.

    `pause(seconds)` waits; `keep_alive()` is called before each request and while an answer
    arrives. Both may raise to stop.
    """
    memory = memory_of(sides.config, sides.connector)
    return _source(sides, sides.connector, pause, keep_alive, memory=memory)


def entries_of(
    sides: Sides,
    connector: Connector,
    pause: Callable[[float], None],
    keep_alive: Callable[[], None],
    memory: Memory,
) -> Source:
    """Return the client of another list of a configuration's registry, such as of deletions.

    What is remembered of the records' list says nothing about it: it has a `memory` of its own.
    """
    return _source(sides, connector, pause, keep_alive, memory=memory, entries=True)


def _source(
    sides: Sides,
    connector: Connector,
    pause: Callable[[float], None],
    keep_alive: Callable[[], None],
    *,
    memory: Memory | None = None,
    entries: bool = False,
) -> Source:
    return Source(
        connector,
        credential=sides.config.api_key,
        allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
        user_agent=f"RegistrySync/{__version__}",
        pause=pause,
        keep_alive=keep_alive,
        memory=memory,
        entries=entries,
        departs=lambda record: isinstance(sides, Setup) and is_deleted(record, sides.mapping),
    )


def plain_source(sides: Sides) -> Source:
    """Return the registry's client for a caller that holds no lease."""
    return source_of(sides, stopping.sleep_or_stop, stopping.check)
