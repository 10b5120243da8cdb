"""What a check-up looks at on our own side: settings, database, disk, Redis, workers, alerts."""

from __future__ import annotations

import os
import shutil
import socket
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer

from registry_sync import runs
from registry_sync.models import AlertMessage, SyncRun, WebhookDelivery, WebhookRefusal
from registry_sync.models import pending_migrations as migrated
from registry_sync.monitoring import alerts, freshness
from registry_sync.monitoring.doctor.finding import Point, State
from registry_sync.monitoring.queues import connect
from registry_sync.webhooks import signing_keys as keys

GIB, MIB = 2**30, 2**20
LITTLE_ROOM, NO_ROOM = GIB, 100 * MIB
REDIS_SECONDS = 2.0


def environment() -> Point:
    """Run the system checks of this service."""
    found = run_checks(tags=["registry_sync"])
    serious = [message for message in found if message.is_serious()]
    shown = serious or found
    if not shown:
        return Point("Settings", "ok", "Every required setting is there and can be used.")
    return Point(
        "Settings",
        "bad" if serious else "warning",
        " ".join(message.msg for message in shown),
        "The operator: " + " ".join(message.hint for message in shown if message.hint),
    )


def database() -> Point:
    """Look whether every migration was applied, and whether the database takes writes."""
    if missing := migrated.missing():
        return Point(
            "Database", "bad", f"{missing} migrations are not applied.",
            "The operator runs manage.py migrate.",
        )  # fmt: skip
    return _sqlite() if connection.vendor == "sqlite" else _postgresql()


def _sqlite() -> Point:
    with connection.cursor() as cursor:
        mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    name = str(connection.settings_dict["NAME"])
    if mode == "memory":
        return Point("Database", "ok", "SQLite in memory, every migration applied.")
    if not (os.access(name, os.W_OK) and os.access(Path(name).parent, os.W_OK)):
        return Point(
            "Database", "bad", f"SQLite's file or its folder cannot be written: {name}.",
            "The operator gives the service's user the right to write both.",
        )  # fmt: skip
    if mode != "wal":
        return Point(
            "Database", "warning", f"SQLite's journal is {mode}, so readers hold writers up.",
            "The operator moves the file to a local disk: WAL needs one.",
        )  # fmt: skip
    return Point("Database", "ok", "SQLite (WAL), every migration applied, writable.")


def _postgresql() -> Point:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        read_only = cursor.fetchone()[0] == "on"
    if read_only:
        return Point(
            "Database", "bad", "PostgreSQL takes no writes: this is a standby, or read-only.",
            "The operator sets DATABASE_URL to the primary.",
        )  # fmt: skip
    return Point("Database", "ok", "PostgreSQL, every migration applied, writable.")


def disk() -> Point:
    """Look how much room is left where SQLite's file lies."""
    if connection.vendor != "sqlite":
        return Point("Disk", "unseen", "The database server's disk cannot be seen from here.")
    name = str(connection.settings_dict["NAME"])
    folder = Path(name).parent if Path(name).exists() else Path(settings.BASE_DIR)
    free = shutil.disk_usage(folder).free
    said = f"{free / GIB:,.1f} GiB are free where the database lies."
    if free >= LITTLE_ROOM:
        return Point("Disk", "ok", said)
    state: State = "bad" if free < NO_ROOM else "warning"
    return Point("Disk", state, said, "The operator makes room: a full disk stops every run.")


def redis() -> Point:
    """Ask Redis whether it is there."""
    if not settings.REDIS_URL:
        return Point(
            "Redis", "warning",
            "REDIS_URL is not set: cron syncs, but neither the canvas nor the admin can start a "
            "run at once.",
            "The operator sets REDIS_URL and starts two workers, if people are to start runs.",
        )  # fmt: skip
    try:
        connect(REDIS_SECONDS).ping()
    except (RedisError, OSError, ValueError) as error:
        # Its own text may hold the password.
        return Point(
            "Redis", "bad", f"Redis cannot be reached ({type(error).__name__}).",
            "The operator checks REDIS_URL and that Redis runs. Cron still syncs.",
        )  # fmt: skip
    return Point("Redis", "ok", "Redis answers.")


def workers() -> Point:
    """Look for a living worker on each queue."""
    if not settings.REDIS_URL:
        return Point("Workers", "unseen", "There is no Redis, so there are no workers.")
    try:
        found = Worker.all(connection=connect(REDIS_SECONDS), serializer=JSONSerializer)
    except (RedisError, OSError, ValueError):
        return Point("Workers", "unseen", "Not looked at: Redis cannot be reached.")
    heard = [name for worker in found for name in worker.queue_names()]
    idle = [name for name in settings.RQ_QUEUES if name not in heard]
    if idle:
        commands = " and ".join(f"manage.py rqworker {name}" for name in idle)
        return Point(
            "Workers", "bad", f"Nobody works on the queue {' or '.join(idle)}.",
            f"The operator starts {commands}, each in a process of its own.",
        )  # fmt: skip
    counts = ", ".join(f"{heard.count(name)} on {name}" for name in settings.RQ_QUEUES)
    return Point("Workers", "ok", f"Workers: {counts}.")


def schedule() -> Point:
    """Look whether runs are good often enough."""
    found = freshness.judge()
    remedy = "The operator checks that cron starts manage.py sync_registry; the last run's page "
    remedy += "says why it was not good."
    if found.state == "stale":
        return Point("Schedule", "bad", f"Runs are {found.text}.", remedy)
    if found.state == "never":
        return Point(
            "Schedule", "warning", "There was no good run yet.",
            "The operator starts one (manage.py sync_registry --dry-run writes nothing), then sets "
            "up cron.",
        )  # fmt: skip
    if found.state == "busy":
        return Point("Schedule", "ok", f"The last good run is old, but {found.text}.")
    return Point("Schedule", "ok", f"The last good run ended at {found.since:%Y-%m-%d %H:%M} UTC.")


def reached() -> Point:
    """Look whether alerts reach somebody, and more than one."""
    told, name = alerts.receivers(freshness.limits()), "Alerts"
    mail = any(channel == AlertMessage.Channel.EMAIL for channel, _ in told)
    if not told:
        setup = "" if settings.EMAIL_READY else " The operator sets EMAIL_URL for e-mail."
        return Point(
            name, "warning", "Nobody is told when runs fail.",
            f"The integration owner writes receivers under Alert settings in the admin.{setup}",
        )  # fmt: skip
    if mail and not settings.EMAIL_READY:
        return Point(
            name, "bad", "Addresses are set, but no e-mail can be sent.",
            "The operator sets EMAIL_URL.",
        )  # fmt: skip
    week = timezone.now() - timedelta(days=7)
    lost = AlertMessage.objects.filter(created_at__gte=week, sent_at__isnull=True).exclude(error="")
    if (last := lost.first()) is not None:
        return Point(
            name, "warning", f"A message did not reach {last.receiver}: {last.error}",
            "The integration owner corrects the receiver under Alert settings, and presses Test.",
        )  # fmt: skip
    if len(told) == 1:
        return Point(
            name, "warning", "Only one receiver is told: on holiday, nobody is.",
            "The integration owner adds a second under Alert settings in the admin.",
        )  # fmt: skip
    return Point(name, "ok", f"{len(told)} receivers are told.")


def webhook_address() -> Point:
    """Say where Benchling should send webhooks, and when the last one came."""
    base = alerts.base_url()
    host = urlsplit(base).hostname or ""
    known = host not in ("", "localhost", "::1") and not host.startswith("127.")
    wanted = f"{base if known else '…'}/benchling/webhooks"
    last = WebhookDelivery.objects.order_by("-id").first()
    remedy = "Benchling's API does not tell which address is set: the app's owner compares "
    remedy += f"webhookUrl in the Developer Console with {wanted}."
    today = timezone.now().date()
    refused = WebhookRefusal.objects.filter(day__gte=today - timedelta(days=1)).first()
    if last is None:
        return Point("Webhooks", "unseen", "No webhook has come yet.", remedy)
    came = f"The last one came at {last.received_at:%Y-%m-%d %H:%M} UTC."
    if refused is not None:
        said = f"{came} {refused.count:,} were refused on {refused.day} ({refused.reason})."
        return Point("Webhooks", "warning", said, f"The operator checks their origin. {remedy}")
    return Point("Webhooks", "ok", came, remedy)


def signing_keys() -> Point:
    """Fetch the keys that Benchling signs webhooks with."""
    name = "Webhooks' keys (JWKS)"
    if not settings.BENCHLING_APP_DEFINITION_ID and "{app_definition_id}" in (
        settings.BENCHLING_JWKS_URL
    ):
        return Point(
            name, "warning", "BENCHLING_APP_DEFINITION_ID is not set: no webhook can be verified.",
            "The operator sets it (appdef_…, from the Developer Console), if people are to press "
            "Manual Sync.",
        )  # fmt: skip
    url = settings.BENCHLING_JWKS_URL.format(
        app_definition_id=settings.BENCHLING_APP_DEFINITION_ID, app_id=settings.BENCHLING_APP_ID
    )
    try:
        found = keys.KeyRing(url).keys()
    except keys.KeysUnreachable:
        return Point(
            name, "bad", f"No usable key can be had from {url}: every webhook is refused.",
            "The operator checks BENCHLING_JWKS_URL, BENCHLING_APP_DEFINITION_ID and the network "
            f"of {socket.gethostname()}.",
        )  # fmt: skip
    return Point(name, "ok", f"Usable keys at {url}: {len(found['keys'])}.")


def last_run() -> Point:
    """Say what the last run came to, where it failed."""
    last = freshness.counted().exclude(status__in=SyncRun.ACTIVE).first()
    if last is None:
        return _none_counts()
    if last.status != SyncRun.Status.FAILED:
        open_now = runs.latest_lane()
        count = runs.open_errors(open_now)[:1000].count() if open_now else 0
        return Point("Last run", "ok", f"It did not fail; {count:,} errors are open.")
    return Point("Last run", "bad", f"Run {last.pk} failed: {last.error}", last.remedy)


def _none_counts() -> Point:
    """Say that no run tells yet whether the sync works; dry runs, retries and pilots do not."""
    said = "No run has ended well yet."
    remedy = "The integration owner presses Sync now, or the operator starts the schedule."
    mine = SyncRun.objects.filter(tenant=runs.tenant_host(), app_id=settings.BENCHLING_APP_ID)
    other = mine.exclude(status__in=SyncRun.ACTIVE).order_by("-id").first()
    if other is not None and other.status == SyncRun.Status.FAILED:
        said += f" Run {other.pk} ({other.kind}) failed: {other.error}"
        remedy = other.remedy or remedy
    return Point("Last run", "warning", said, remedy)
