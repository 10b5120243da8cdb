"""Which tenant this deployment works for."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings


def tenant_host() -> str:
    """Name the tenant by its host, as webhooks and people do."""
    return (urlsplit(settings.BENCHLING_URL).netloc or settings.BENCHLING_URL).lower()
