"""Whether an entity may be archived by this app: in use, with its registry id, and its own."""

from __future__ import annotations

from datetime import datetime

from django.utils.dateparse import parse_datetime

from registry_sync.core.types import Json
from registry_sync.models import LedgerEntry, Withdrawal

State = Withdrawal.State
UNSEEN = "Benchling does not show it to this app: it was deleted, or the app has no access."


def why_left(
    raw: Json | None, entry: LedgerEntry | None, registry_id: str, app_id: str
) -> tuple[Withdrawal.State, str] | None:
    """Return the state and the reason in which an entity is left; None if it may be archived."""
    if raw is None:
        return State.THEIRS, UNSEEN
    if raw.get("archiveRecord"):
        return State.THEIRS, f"It was archived in Benchling as “{reason_of(raw)}”."
    if (raw.get("entityRegistryId") or "") != registry_id:
        return State.FOREIGN, "Its registry id was changed in Benchling."
    is_own = (raw.get("creator") or {}).get("id") == app_id
    if not is_own and (entry is None or entry.written_run_id is None):
        return State.FOREIGN, "Someone else made it, and this app never wrote it."
    return None


FOLLOWS = ", which is still in the registry, follows this entity (Merges)."


def follower_note(external_id: str) -> str:
    """Return why an entity stays into which that of another record was merged."""
    return f"{external_id}{FOLLOWS}"


def reason_of(raw: Json) -> str:
    """Return the reason for which an entity is archived, or ""."""
    return str((raw.get("archiveRecord") or {}).get("reason") or "")


def containers_shown(row: Withdrawal) -> int:
    """Return how many containers someone saw and released; 0 where no one has decided.

    A killed run leaves what it was sending as sent.
    """
    decided = row.state in (State.RELEASED, State.SENT)
    return (row.containers or 0) if decided else 0


def is_in_use(raw: Json | None) -> bool:
    """Return whether Benchling shows an entity, and not as archived."""
    return raw is not None and not raw.get("archiveRecord")


def is_own_archive(row: Withdrawal, raw: Json) -> bool:
    """Return whether an entity is archived as this app did it, with time and reason unchanged."""
    when = modified_at(raw)
    if row.state == State.SENT and row.archived_at is None:
        sent = row.sent_at
        return reason_of(raw) == row.reason and None not in (when, sent) and when >= sent  # type: ignore[operator]
    return reason_of(raw) == row.reason and when is not None and when == row.archived_at


def modified_at(raw: Json) -> datetime | None:
    """Return when an entity was last changed, by Benchling's clock; None if unknown."""
    return parse_datetime(str(raw.get("modifiedAt") or ""))
