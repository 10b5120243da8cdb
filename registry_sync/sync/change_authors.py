"""Who changed an entity in Benchling, asked within Benchling's budget and kept.

It is asked only for what a page shows or a run reports. What cannot be known is "not known", and
never a run's error.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync import __version__, runs
from registry_sync.benchling.audit_log import USED_UP, Unknown, read_log
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import AuthorOfChange, Drift, Lane
from registry_sync.sync.context import RunContext

AN_HOUR = timedelta(hours=1)
MOST_AN_HOUR = 400
"""Requests of this app in an hour; Benchling allows 500 to everyone together."""
MOST_A_RUN = 20
"""Entities that a run asks about; the others are asked about when a page shows them."""
FIELD = "field:"
KEPT_FOR = timedelta(days=30)


def fetch_authors(
    client: Client, lane: Lane, entity_id: str, modified_at: datetime | None
) -> AuthorOfChange:
    """Return who changed an entity, from what is kept if the entity is unchanged since.

    Raise LeaseLost where the client's pause does.
    """
    rows = AuthorOfChange.objects.filter(lane=lane, entity_id=entity_id)
    if modified_at is not None:
        kept = rows.filter(entity_modified_at=modified_at, trouble="").order_by("-pk").first()
        if kept is not None:
            return kept
    now = timezone.now()
    found = AuthorOfChange(
        lane=lane, entity_id=entity_id, entity_modified_at=modified_at or now, asked_at=now
    )
    if AuthorOfChange.objects.filter(asked_at__gt=now - AN_HOUR).count() >= MOST_AN_HOUR:
        found.trouble = USED_UP
        return found
    try:
        log = read_log(
            client, entity_id,
            allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
            user_agent=f"RegistrySync/{__version__}",
        )  # fmt: skip
        found.rows = [row.kept() for row in log]
    except (Unknown, Refused, SyncError, Wait) as error:
        found.trouble = str(error)[:500]
    AuthorOfChange.objects.filter(asked_at__lt=now - KEPT_FOR).delete()
    found.save()
    return found


def author_of(found: AuthorOfChange, field: str) -> Json | None:
    """Return the newest row about a field; None if there is none, whoever changed others.

    This app's own changes do not count.
    """
    rows = [row for row in found.rows if row["user"] != settings.BENCHLING_APP_ID]
    return next((row for row in rows if _is_about(row["action"].lower(), field.lower())), None)


def _is_about(action: str, field: str) -> bool:
    """Return whether an action names a field: as the log's “Field: A” does, or in a sentence."""
    if action.startswith(FIELD):
        return action.removeprefix(FIELD).strip() == field
    return re.search(rf"(?<!\w){re.escape(field)}(?!\w)", action) is not None


def name_authors(ctx: RunContext) -> None:
    """Name who made the edits that this run found, as far as Benchling tells. Raise LeaseLost."""
    rows = ctx.lane.drift.filter(run=ctx.run, changed_by="").order_by("pk")
    entities = list(dict.fromkeys(rows.values_list("entity_id", "modified_at")))[:MOST_A_RUN]
    for number, (entity_id, modified_at) in enumerate(entities):
        found = fetch_authors(ctx.client, ctx.lane, entity_id, modified_at)
        for drift in rows.filter(entity_id=entity_id):
            _name(ctx, drift, found)
        if found.trouble and not number:
            runs.log(ctx.run, "INFO", f"Who changed entities is not known: {found.trouble}")
            return  # what refuses the first one refuses them all


def _name(ctx: RunContext, drift: Drift, found: AuthorOfChange) -> None:
    row = author_of(found, drift.field)
    if row is not None:
        runs.renew(ctx.lease)
        drift.changed_by, drift.changed_at = row["user"][:255], parse_datetime(row["at"])
        drift.save(update_fields=["changed_by", "changed_at"])
