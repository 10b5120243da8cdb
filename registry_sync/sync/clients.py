"""The two clients of this deployment, as its settings and the app's configuration make them."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings

from registry_sync import __version__
from registry_sync.benchling.client import Client, Wait, retry_time
from registry_sync.source.client import Source
from registry_sync.sync.setup import Sides

LONGEST_PAUSE = 5.0
"""Seconds that are waited for Benchling where a person waits."""


def client_of_settings() -> Client:
    """Make the Benchling client of this deployment's app."""
    return Client(
        settings.BENCHLING_URL,
        settings.BENCHLING_CLIENT_ID,
        settings.BENCHLING_CLIENT_SECRET,
        settings.BENCHLING_APP_ID,
    )


def impatient_client() -> Client:
    """Make a client for what somebody waits for: where Benchling wants long waits it raises Wait.

    A canvas must hold up neither a sync nor the next press.
    """

    def pause(seconds: float, reason: str) -> None:
        if seconds > LONGEST_PAUSE:
            raise Wait(retry_time(seconds), reason or "Benchling")
        time.sleep(seconds)

    client = client_of_settings()
    client.pause = pause
    return client


def source_of(
    sides: Sides, pause: Callable[[float], None], keep_alive: Callable[[], None]
) -> Source:
    """Make the registry's client that a configuration asks for.

    `pause` and `keep_alive` hold the lease while it waits and reads.
    """
    return Source(
        sides.connector,
        credential=sides.config.api_key,
        allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
        user_agent=f"RegistrySync/{__version__}",
        pause=pause,
        before_request=keep_alive,
    )


def plain_source(sides: Sides) -> Source:
    """Make the registry's client for somebody who holds no lease."""
    return source_of(sides, time.sleep, lambda: None)
