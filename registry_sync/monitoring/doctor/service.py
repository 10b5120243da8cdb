"""Checks of the service itself: settings, database, disk, Redis, workers, alerts, webhooks."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError

from registry_sync import runs
from registry_sync.core.text import were
from registry_sync.models import AlertMessage, WebhookDelivery, WebhookRefusal, pending_migrations
from registry_sync.monitoring import alerts, freshness
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.doctor.check_result import (
    CheckResult,
    bad,
    compare_clocks,
    ok,
    register,
    skipped,
    warning,
)
from registry_sync.runs.workers import connect, live_workers
from registry_sync.webhooks import signing_keys

GIB, MIB = 2**30, 2**20
LOW_DISK, FULL_DISK = GIB, 100 * MIB
"""Bytes: a warning below the first, bad below the second."""
REDIS_SECONDS = 2.0
SERVICE_CHECKS: dict[str, Callable[[], CheckResult]] = {}


@register(SERVICE_CHECKS, "Settings")
def check_settings() -> CheckResult:
    """Run the system checks of this service."""
    found = run_checks(tags=["registry_sync"])
    serious = [message for message in found if message.is_serious()]
    shown = serious or found
    if not shown:
        return ok("Every required setting is present and valid.")
    finding = " ".join(message.msg for message in shown)
    remedy = "The operator: " + " ".join(message.hint for message in shown if message.hint)
    return bad(finding, remedy) if serious else warning(finding, remedy)


@register(SERVICE_CHECKS, "Database")
def check_database() -> CheckResult:
    """Check that every migration is applied, and that the database accepts writes."""
    if missing := pending_migrations.missing():
        return bad(
            f"{missing} migrations are not applied.", "The operator must run manage.py migrate."
        )
    return _sqlite() if connection.vendor == "sqlite" else _postgresql()


def _sqlite() -> CheckResult:
    with connection.cursor() as cursor:
        mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    name = str(connection.settings_dict["NAME"])
    if mode == "memory":
        return ok("SQLite in memory, every migration applied.")
    if not (os.access(name, os.W_OK) and os.access(Path(name).parent, os.W_OK)):
        return bad(
            f"SQLite's file or its folder is not writable: {name}.",
            "The operator must give the service's user write access to both.",
        )
    if mode != "wal":
        return warning(
            f"SQLite's journal mode is {mode}, so readers block writers.",
            "The operator must move the file to a local disk: WAL needs one.",
        )
    return ok("SQLite (WAL), every migration applied, writable.")


def _postgresql() -> CheckResult:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('transaction_read_only'), current_setting('server_encoding')"
        )
        read_only, encoding = cursor.fetchone()
    if read_only == "on":
        return bad(
            "PostgreSQL accepts no writes: it is a standby or read-only.",
            "The operator must set DATABASE_URL to the primary.",
        )
    if encoding != "UTF8":
        return bad(
            f"PostgreSQL's database has the encoding {encoding}, which cannot store every text.",
            "The operator must create one in UTF8 (createdb --encoding UTF8 --locale C.UTF-8 "
            "--template template0), restore a backup into it, and name it in DATABASE_URL.",
        )
    return ok("PostgreSQL, every migration applied, writable.")


@register(SERVICE_CHECKS, "Database clock")
def check_database_clock() -> CheckResult:
    """Compare this machine's clock with the database's, which leases are counted on."""
    if connection.vendor == "sqlite":
        return ok("SQLite has no clock of its own: it uses this machine's.")
    return compare_clocks("The database's", (runs.database_now() - timezone.now()).total_seconds())


@register(SERVICE_CHECKS, "Disk")
def check_disk() -> CheckResult:
    """Check how much space is free where SQLite's file is."""
    if connection.vendor != "sqlite":
        return skipped("The database server's disk cannot be checked from here.")
    name = str(connection.settings_dict["NAME"])
    folder = Path(name).parent if Path(name).exists() else Path(settings.BASE_DIR)
    free = shutil.disk_usage(folder).free
    finding = f"{free / GIB:,.1f} GiB are free on the database's disk."
    if free >= LOW_DISK:
        return ok(finding)
    remedy = "The operator must free space: a full disk stops every run."
    return bad(finding, remedy) if free < FULL_DISK else warning(finding, remedy)


@register(SERVICE_CHECKS, "Redis")
def check_redis() -> CheckResult:
    """Check that Redis answers."""
    if not settings.REDIS_URL:
        return warning(
            "REDIS_URL is not set: cron syncs, but neither the canvas nor the admin can start a "
            "run at once.",
            "The operator must set REDIS_URL and start two workers so that people can start runs.",
        )
    try:
        connect(REDIS_SECONDS).ping()
    except (RedisError, OSError, ValueError) as error:
        # Its own text may hold the password.
        return bad(
            f"Redis is unreachable ({type(error).__name__}).",
            "The operator must check REDIS_URL and that Redis runs. Cron still syncs.",
        )
    return ok("Redis answers.")


@register(SERVICE_CHECKS, "Workers")
def check_workers() -> CheckResult:
    """Check that a worker listens on each queue."""
    if not settings.REDIS_URL:
        return skipped("REDIS_URL is not set, so there are no workers.")
    try:
        found = live_workers(connect(REDIS_SECONDS))
    except (RedisError, OSError, ValueError):
        return skipped("Not checked: Redis is unreachable.")
    served = [name for worker in found for name in worker.queue_names()]
    idle = [name for name in settings.RQ_QUEUES if name not in served]
    if idle:
        commands = " and ".join(f"manage.py rqworker {name}" for name in idle)
        return bad(
            f"No worker listens on the queue {' or '.join(idle)}.",
            f"The operator must start {commands}, each in its own process.",
        )
    return ok(
        "Workers: " + ", ".join(f"{served.count(n)} on {n}" for n in settings.RQ_QUEUES) + "."
    )


@register(SERVICE_CHECKS, "Alerts")
def check_alerts() -> CheckResult:
    """Check that alerts reach someone, and more than one recipient."""
    recipients = alerts.recipients(freshness.limits())
    unready = {fault for channel, _ in recipients if (fault := CHANNELS[channel].setup_fault())}
    if not recipients:
        setup = "" if settings.EMAIL_READY else " The operator must set EMAIL_URL for e-mail."
        return warning(
            "No one is notified when runs fail.",
            f"The integration owner must add recipients under Alert settings in the admin.{setup}",
        )
    if unready:
        return bad("Recipients are set, but cannot be notified.", " ".join(sorted(unready)))
    week = timezone.now() - timedelta(days=7)
    lost = AlertMessage.objects.filter(created_at__gte=week, sent_at__isnull=True).exclude(error="")
    if (last := lost.first()) is not None:
        return warning(
            f"A message did not reach {last.receiver}: {last.error}",
            "The integration owner must correct the recipient under Alert settings, then press "
            "Test.",
        )
    if len(recipients) == 1:
        return warning(
            "Only one recipient is notified: during a holiday, no one is.",
            "The integration owner must add a second one under Alert settings in the admin.",
        )
    return ok(f"{len(recipients)} recipients are notified.")


@register(SERVICE_CHECKS, "Webhooks")
def check_webhooks() -> CheckResult:
    """Report where Benchling must send webhooks, and when the last one arrived."""
    base = alerts.base_url()
    host = urlsplit(base).hostname or ""
    is_public = host not in ("", "localhost", "::1") and not host.startswith("127.")
    webhook_url = f"{base if is_public else '…'}/benchling/webhooks"
    last = WebhookDelivery.objects.order_by("-id").first()
    remedy = "Benchling's API does not show the configured address: the app's owner must compare "
    remedy += f"webhookUrl in the Developer Console with {webhook_url}."
    today = timezone.now().date()
    refused = WebhookRefusal.objects.filter(day__gte=today - timedelta(days=1)).first()
    if last is None:
        return skipped("No webhook has arrived yet.", remedy)
    arrived = f"The last one arrived at {last.received_at:%Y-%m-%d %H:%M} UTC."
    if refused is not None:
        count = f"{refused.count:,} {were(refused.count)}"
        finding = f"{arrived} {count} refused on {refused.day} ({refused.reason})."
        return warning(finding, f"The operator must check where they came from. {remedy}")
    return ok(arrived, remedy)


@register(SERVICE_CHECKS, "Webhooks' keys (JWKS)")
def check_signing_keys() -> CheckResult:
    """Fetch the keys that Benchling signs webhooks with.

    https://docs.benchling.com/docs/webhook-verification
    """
    if not settings.BENCHLING_APP_DEFINITION_ID and "{app_definition_id}" in (
        settings.BENCHLING_JWKS_URL
    ):
        return warning(
            "BENCHLING_APP_DEFINITION_ID is not set: no webhook can be verified.",
            "The operator must set it (appdef_…, from the Developer Console) so that people can "
            "press Manual Sync.",
        )
    url = settings.BENCHLING_JWKS_URL.format(
        app_definition_id=settings.BENCHLING_APP_DEFINITION_ID, app_id=settings.BENCHLING_APP_ID
    )
    try:
        found = signing_keys.KeyRing(url).keys()
    except signing_keys.KeysUnreachable:
        return bad(
            f"No usable key at {url}: every webhook is refused.",
            "The operator must check BENCHLING_JWKS_URL, BENCHLING_APP_DEFINITION_ID and the "
            f"network of {socket.gethostname()}.",
        )
    return ok(f"Usable keys at {url}: {len(found['keys'])}.")
