"""Delete old changes, recorded in the lane's chain, in Retentions and in the admin's log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Max, QuerySet, Sum
from django.utils import timezone

from registry_sync.ledger import admin_log, chain, digests
from registry_sync.models import ChainLink, Change, Lane, Retention


def forget(lane: Lane, *, before: datetime, actor: str, reason: str) -> int:
    """Delete a lane's changes older than a time, and record who did it and why. Return how many.

    The links stay, so that the rest of the chain and the counts of runs can still be verified.
    """
    with transaction.atomic():
        link = chain.Link(lane, None, ChainLink.Form.RETENTION)
        kept = Change.objects.filter(lane=lane, at__gte=before).order_by("id").first()
        old = Change.objects.filter(lane=lane)
        if kept is not None:
            old = old.filter(id__lt=kept.pk)
        last = old.order_by("-id").first()
        if last is None:
            return 0
        up_to = ChainLink.objects.filter(lane=lane, last_id__lte=last.pk).order_by("number").last()
        count, _ = old.delete()
        row = Retention.objects.create(
            lane=lane, before=before, rows=count, digest=last.digest, actor=actor, reason=reason,
            at=timezone.now(), up_to=up_to.number if up_to else 0, link=link.row.number,
        )  # fmt: skip
        link.row.rows_digest = digests.of_retention(row)
        link.close()
        admin_log.note(row, _message(row), actor=row.actor, flag=DELETION)
    return count


def deleted_to(lane: Lane) -> int:
    """Return the last link whose changes have been deleted, as recorded; 0 if none."""
    return Retention.objects.filter(lane=lane).aggregate(last=Max("up_to"))["last"] or 0


def faults(lane: Lane) -> Iterator[str]:
    """Yield what is wrong with the recorded deletions of a lane."""
    rows = list(Retention.objects.filter(lane=lane).order_by("pk"))
    for row in rows:
        yield from faults_of(row)
    recorded = ChainLink.objects.filter(lane=lane, form=ChainLink.Form.RETENTION)
    for link in recorded.exclude(number__in=[row.link for row in rows]):
        yield (
            f"Link {link.number} records a deletion of changes whose row in Retentions was removed."
        )


def faults_of(row: Retention) -> Iterator[str]:
    """Yield what is wrong with one recorded deletion."""
    named = _named(row)
    links = ChainLink.objects.filter(lane=row.lane_id)
    link = links.filter(number=row.link, form=ChainLink.Form.RETENTION).first()
    if link is None:
        yield f"{named} is not in the chain: it was not made by manage.py audit."
    elif digests.of_retention(row) != link.rows_digest:
        yield f"{named} was edited."
    earlier = Retention.objects.filter(lane=row.lane_id, pk__lt=row.pk)
    done = earlier.aggregate(last=Max("up_to"))["last"] or 0
    links_between = links.filter(number__gt=done, number__lte=row.up_to)
    if (links_between.aggregate(n=Sum("rows"))["n"] or 0) != row.rows:
        yield f"{named} has another number of changes than the links that it deleted."


def unlogged(lane: Lane) -> Iterator[str]:
    """Yield which recorded deletions of a lane are not in the admin's log."""
    for row in Retention.objects.filter(lane=lane).order_by("pk"):
        if text := log_fault(row):
            yield text


def log_fault(row: Retention) -> str:
    """Return why a recorded deletion is not in the admin's log; "" if it is.

    Django deletes a user's entries with the user, so the entry alone proves nothing.
    """
    earlier = Retention.objects.filter(lane=row.lane_id, pk__lt=row.pk)
    done = earlier.aggregate(last=Max("up_to"))["last"] or 0
    links = ChainLink.objects.filter(lane=row.lane_id)
    links_between = links.filter(number__gt=done, number__lte=row.up_to)
    # What was deleted before there were links is older than the entries in the log.
    is_older = links_between.filter(form=ChainLink.Form.DELETED).exists()
    if is_older or _logged(row).filter(change_message=_message(row)).exists():
        return ""
    return (
        f"{_named(row)} is not in the admin's log: the entry or its user was deleted, or the "
        "deletion was made past this app."
    )


def _named(row: Retention) -> str:
    return f"The deletion of {row} ({row.actor}: {row.reason})"


def _logged(row: Retention) -> QuerySet[LogEntry]:
    kind = ContentType.objects.get_for_model(Retention)
    return LogEntry.objects.filter(content_type=kind, object_id=str(row.pk), action_flag=DELETION)


def _message(row: Retention) -> str:
    return (
        f"{row.actor} deleted {row.rows:,} changes before {digests.utc(row.before)}, up to link "
        f"{row.up_to}: {row.reason}"
    )
