"""Decisions about open errors: dismiss some, or assign who must act."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Canvas, EntityError

Errors = QuerySet[EntityError]


def dismiss(errors: Errors, *, actor: str, reason: str) -> int:
    """Dismiss open errors until their records change. Return how many.

    Dismissed errors affect neither a run's status nor an exit code.
    """
    return _with_canvases_outdated(
        runs.only_open(errors).update(
            dismissed_at=timezone.now(), dismissed_by=actor, dismissed_reason=reason
        )
    )


def bring_back(errors: Errors) -> int:
    """Undo a dismissal. Return how many errors are open again."""
    return _with_canvases_outdated(
        runs.only_dismissed(errors).update(dismissed_at=None, dismissed_by="", dismissed_reason="")
    )


def assign(errors: Errors, to: str, *, actor: str, reason: str) -> int:
    """Assign open errors to `to`, or to the role of their kind if it is "". Return how many."""
    rows = errors.filter(closed_at__isnull=True)
    return _with_canvases_outdated(
        rows.update(assigned=to, assigned_by=actor, assigned_reason=reason)
    )


def assign_to(errors: Errors, user: AbstractBaseUser | None) -> int:
    """Let a user of the desk take care of open errors; None: no one. Return how many."""
    return errors.filter(closed_at__isnull=True).order_by().update(assigned_to=user)


def _with_canvases_outdated(count: int) -> int:
    """Return how many errors were decided about, and let canvases show it."""
    if count:
        Canvas.objects.outdate()
    return count
