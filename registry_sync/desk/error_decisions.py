"""What a person decides about open errors: to dismiss some, or who must act on them."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from registry_sync.models import EntityError

Errors = QuerySet[EntityError]


def dismiss(errors: Errors, *, actor: str, reason: str) -> int:
    """Let open errors rest until their records change; returns how many.

    They count neither for a run's status nor for an exit code.
    """
    open_now = errors.filter(closed_at__isnull=True, dismissed_at__isnull=True)
    return open_now.update(dismissed_at=timezone.now(), dismissed_by=actor, dismissed_reason=reason)


def bring_back(errors: Errors) -> int:
    """Undo a dismissal; returns how many errors are open again."""
    dismissed = errors.filter(closed_at__isnull=True, dismissed_at__isnull=False)
    return dismissed.update(dismissed_at=None, dismissed_by="", dismissed_reason="")


def assign(errors: Errors, to: str, *, actor: str, reason: str) -> int:
    """Say who must act on open errors, whatever their kind says; `to` empty: the kind again."""
    rows = errors.filter(closed_at__isnull=True)
    return rows.update(assigned=to, assigned_by=actor, assigned_reason=reason)
