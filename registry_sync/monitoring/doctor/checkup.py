"""The check-up of the whole set-up: each point by itself, with what to do and who does it.

Nothing is written to Benchling or the registry, no secret is told, and one point that fails or
breaks stops no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client, Refused
from registry_sync.core.problems import SyncError
from registry_sync.models import Checkup
from registry_sync.monitoring.doctor import registry as check_registry
from registry_sync.monitoring.doctor import service as check_service
from registry_sync.monitoring.doctor import tenant as check_tenant
from registry_sync.monitoring.doctor.finding import Point, Unseen

logger = logging.getLogger(__name__)
TIMEOUT = 10.0
"""Seconds Benchling has for each answer."""
HERE: dict[str, Callable[[], Point]] = {
    "Settings": check_service.environment,
    "Database": check_service.database,
    "Disk": check_service.disk,
    "Redis": check_service.redis,
    "Workers": check_service.workers,
    "Schedule": check_service.schedule,
    "Last run": check_service.last_run,
    "Alerts": check_service.reached,
    "Webhooks": check_service.webhook_address,
    "Webhooks' keys (JWKS)": check_service.signing_keys,
}
TENANT: dict[str, Callable[[check_tenant.Visit], Point]] = {
    "Credentials and installation": check_tenant.credentials,
    "Clock: Benchling's": check_tenant.tenant_clock,
    "Key pair": check_tenant.key_pair,
    "Manifest": check_tenant.manifest,
    "Benchling registry": check_tenant.benchling_registry,
    "Schema": check_tenant.schema,
    "Folder": check_tenant.folder,
    "Configuration": check_tenant.configuration,
    "Fields": check_tenant.fields,
    "Schema is read-only for people": check_tenant.read_only,
}
REGISTRY: dict[str, Callable[[check_registry.Reading], Point]] = {
    "Registry": check_registry.reach,
    "Pages": check_registry.paging,
    "Clock: the registry's": check_registry.registry_clock,
    "Ids": check_registry.ids,
    "Modified-since filter": check_registry.since_filter,
    "Order": check_registry.order,
}


def examine() -> list[Point]:
    """Look at every point."""
    visit = check_tenant.Visit(
        Client(
            settings.BENCHLING_URL,
            settings.BENCHLING_CLIENT_ID,
            settings.BENCHLING_CLIENT_SECRET,
            settings.BENCHLING_APP_ID,
            pause=check_tenant.impatient,
            timeout=TIMEOUT,
        )
    )
    reading = check_registry.Reading(visit)
    points = [_looked(name, check) for name, check in HERE.items()]
    points += [_looked(name, partial(check, visit)) for name, check in TENANT.items()]
    try:
        points += [_looked(name, partial(check, reading)) for name, check in REGISTRY.items()]
    finally:
        reading.close()
    hidden = _secrets(visit)
    return [_without(point, hidden) for point in points]


def keep(points: list[Point], *, actor: str) -> Checkup:
    """Write a check-up down."""
    return Checkup.objects.create(
        tenant=runs.tenant_host(),
        app_id=settings.BENCHLING_APP_ID,
        points=[point.stored() for point in points],
        actor=actor,
        at=timezone.now(),
    )


def _looked(name: str, check: Callable[[], Point]) -> Point:
    """Look at one point; whatever goes wrong with it stays with it."""
    try:
        return check()
    except Unseen as unseen:
        return Point(name, "unseen", f"Not looked at: {unseen}.")
    except SyncError as error:
        return Point(name, "bad", error.message, error.remedy)
    except Refused as refused:
        return Point(
            name, "bad", f"Benchling refused it ({refused.status}): {refused.message}",
            "A Benchling admin checks the app's permissions.",
        )  # fmt: skip
    except DatabaseError as error:
        return Point(
            name, "bad", f"The database cannot be used ({type(error).__name__}).",
            "The operator checks DATABASE_URL and runs manage.py migrate.",
        )  # fmt: skip
    except Exception as error:
        logger.exception("The check of %s failed", name)
        return Point(
            name, "bad", f"The check itself failed ({type(error).__name__}).",
            "The operator finds the traceback in the service's log and reports it.",
        )  # fmt: skip


def _secrets(visit: check_tenant.Visit) -> list[str]:
    """List what must not be told, whatever words an error brings."""
    known = [
        settings.BENCHLING_CLIENT_SECRET,
        settings.BENCHLING_PRIVATE_KEY,
        settings.SECRET_KEY,
        settings.METRICS_TOKEN,
        settings.EMAIL_HOST_PASSWORD,
        urlsplit(settings.REDIS_URL).password or "",
        str(settings.DATABASES["default"].get("PASSWORD") or ""),
        visit.config.api_key if visit.config else "",
    ]
    return [secret for secret in known if len(secret) > 3]


def _without(point: Point, hidden: list[str]) -> Point:
    finding, remedy = point.finding, point.remedy
    for secret in hidden:
        finding, remedy = finding.replace(secret, "•••"), remedy.replace(secret, "•••")
    return replace(point, finding=finding, remedy=remedy)
