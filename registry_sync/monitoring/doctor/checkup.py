"""The check-up of the whole set-up: each check on its own, with what to do and who must do it.

Nothing is written to Benchling or the registry, no secret is shown, and one check that fails or
breaks stops no other. To add a check, register a function in one of the tables.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.config_items import by_path
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.syncs import Sync, syncs_of
from registry_sync.core.problems import SyncError
from registry_sync.core.secrets import password_of
from registry_sync.models import Checkup
from registry_sync.monitoring.doctor.change_filter import CHANGE_CHECKS
from registry_sync.monitoring.doctor.check_result import CheckResult, Skipped, bad, skipped
from registry_sync.monitoring.doctor.lane import LANE_CHECKS
from registry_sync.monitoring.doctor.losses import LOSS_CHECKS
from registry_sync.monitoring.doctor.registry import REGISTRY_CHECKS
from registry_sync.monitoring.doctor.service import SERVICE_CHECKS
from registry_sync.monitoring.doctor.sync_history import HISTORY_CHECKS
from registry_sync.monitoring.doctor.tenant import (
    OF_SYNC,
    TENANT_CHECKS,
    TenantVisit,
    refuse_to_wait_for_tenant,
)
from registry_sync.monitoring.doctor.visit import RegistryVisit
from registry_sync.monitoring.lane_runs import lanes_or_none

logger = logging.getLogger(__name__)
ABOUT_REGISTRY = REGISTRY_CHECKS | CHANGE_CHECKS | LOSS_CHECKS
TIMEOUT = 10.0
"""Seconds Benchling has for each answer."""


def examine() -> list[CheckResult]:
    """Return the results of all checks, in order."""
    tenant = TenantVisit(
        Client(
            settings.BENCHLING_URL,
            settings.BENCHLING_CLIENT_ID,
            settings.BENCHLING_CLIENT_SECRET,
            settings.BENCHLING_APP_ID,
            pause=refuse_to_wait_for_tenant,
            timeout=TIMEOUT,
        )
    )
    results = [_made(name, check) for name, check in SERVICE_CHECKS.items()]
    results += _of_lanes()
    first = [
        _made(name, partial(check, tenant))
        for name, check in (TENANT_CHECKS | HISTORY_CHECKS).items()
    ]
    first += _of_registry(tenant)
    syncs = syncs_of(by_path(tenant.items or ()))
    several, names = len(syncs) > 1, _names()
    results += [_named(result, names, syncs[0]) if several else result for result in first]
    visits = [tenant]
    for sync in syncs[1:]:
        visits.append(TenantVisit(tenant.client, tenant.items, element=sync.element))
        results += [_named(result, names, sync) for result in _of_sync(visits[-1])]
    hidden = _secrets(visits)
    return [_without(result, hidden) for result in results]


def _of_sync(visit: TenantVisit) -> list[CheckResult]:
    """Make the checks of one additional sync."""
    found = [_made(name, partial(TENANT_CHECKS[name], visit)) for name in OF_SYNC]
    return found + _of_registry(visit)


def _of_registry(tenant: TenantVisit) -> list[CheckResult]:
    registry = RegistryVisit(tenant)
    try:
        return [_made(name, partial(check, registry)) for name, check in ABOUT_REGISTRY.items()]
    finally:
        registry.close()


def _named(result: CheckResult, names: runs.LaneNames, sync: Sync) -> CheckResult:
    """Return a check's result with the lane's name, if it is made for each lane."""
    if result.name not in (*OF_SYNC, *ABOUT_REGISTRY):
        return result
    lane = names.find(sync.schema_id)
    name = names.of(lane) or sync.schema_name or sync.schema_id or sync.element
    return replace(result, name=f"{result.name} ({name})")


def _names() -> runs.LaneNames:
    try:
        return runs.LaneNames()
    except DatabaseError:
        return runs.LaneNames([])  # each check reports it


def record_checkup(results: list[CheckResult], *, actor: str) -> Checkup:
    """Record a check-up in the database and return it."""
    return Checkup.objects.create(
        **runs.app_key(),
        points=[result.stored() for result in results],
        actor=actor,
        at=timezone.now(),
    )


def _of_lanes() -> list[CheckResult]:
    """Make the lane checks for each lane; each lane is named where there are several."""
    names = _names()
    lanes = lanes_or_none(names)
    return [
        _made(f"{name} ({names.of(lane)})" if names.several else name, partial(check, lane))
        for lane in lanes
        for name, check in LANE_CHECKS.items()
    ]


def _made(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    """Make one check; whatever goes wrong with it stays with it."""
    return replace(_result_of(name, check), name=name)


def _result_of(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    try:
        return check()
    except Skipped as reason:
        return skipped(f"Not checked: {reason}.")
    except SyncError as error:
        return bad(error.message, error.remedy)
    except Refused as refused:
        return bad(
            f"Benchling refused the request ({refused.status}): {refused.message}",
            "A Benchling admin must check the app's permissions.",
        )
    except DatabaseError as error:
        return bad(
            f"The database cannot be used ({type(error).__name__}).",
            "The operator must check DATABASE_URL and run manage.py migrate.",
        )
    except Exception as error:
        logger.exception("The check of %s failed", name)
        return bad(
            f"The check itself failed ({type(error).__name__}).",
            "The operator must find the traceback in the service's log and report it.",
        )


def _secrets(visits: Sequence[TenantVisit]) -> list[str]:
    """Return what must not be shown, whatever an error's text holds."""
    secrets = [
        settings.BENCHLING_CLIENT_SECRET,
        settings.BENCHLING_PRIVATE_KEY,
        settings.SECRET_KEY,
        settings.METRICS_TOKEN,
        settings.HEARTBEAT_URL,
        settings.EMAIL_HOST_PASSWORD,
        password_of(settings.REDIS_URL),
        str(settings.DATABASES["default"].get("PASSWORD") or ""),
        *(visit.config.api_key for visit in visits if visit.config),
    ]
    return [secret for secret in secrets if len(secret) > 3]


def _without(result: CheckResult, hidden: list[str]) -> CheckResult:
    finding, remedy = result.finding, result.remedy
    for secret in hidden:
        finding, remedy = finding.replace(secret, "•••"), remedy.replace(secret, "•••")
    return replace(result, finding=finding, remedy=remedy)
