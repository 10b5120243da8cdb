"""Entries in the admin's log about what a command did, as the admin writes its own."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.db.models import Model

COMMANDS = "manage.py"
"""The user that the admin's log names where a command acted and no user has its name."""


def note(row: Model, text: str, *, actor: str, flag: int = CHANGE) -> None:
    """Record what `actor` did with a row, under their user, or under that of commands."""
    note_all([row], text, actor=actor, flag=flag)


def note_all(rows: Sequence[Model], text: str, *, actor: str, flag: int = CHANGE) -> None:
    """Record what `actor` did with each of some rows, under their user or that of commands."""
    users = get_user_model().objects
    user = users.filter(username=actor).first()
    if user is None:
        user, _ = users.get_or_create(
            username=COMMANDS, defaults={"is_active": False, "password": "!"}
        )
    LogEntry.objects.log_actions(user.pk, rows, flag, text)
