"""The two clients of this deployment, as its settings and the app's configuration make them."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings

from . import __version__
from .benchling import Client
from .configure import Sides
from .source import Source


def client_of_settings() -> Client:
    """Make the Benchling client of this deployment's app."""
    return Client(
        settings.BENCHLING_URL,
        settings.BENCHLING_CLIENT_ID,
        settings.BENCHLING_CLIENT_SECRET,
        settings.BENCHLING_APP_ID,
    )


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
