"""Entries in the admin's log about what a command did, as the admin writes its own."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

COMMANDS = "manage.py"
"""The user that the admin's log names where a command acted and no user has its name."""


def note(row: Model, text: str, *, actor: str, flag: int = CHANGE) -> None:
    """Record what `actor` did with a row, under their user, or under that of commands."""
    note_all([row], text, actor=actor, flag=flag)


def note_all(rows: Sequence[Model], text: str, *, actor: str, flag: int = CHANGE) -> None:
    """Record what `actor` did with each of some rows, under their user or that of commands."""
    LogEntry.objects.log_actions(_user_id(actor), rows, flag, text)


def note_each(notes: Sequence[tuple[Model, str]], actor: str) -> None:
    """Record what `actor` did with each of some rows, in words of its own."""
    if not notes:
        return
    user_id, kinds = _user_id(actor), ContentType.objects
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_id, content_type_id=kinds.get_for_model(row).pk, object_id=row.pk,
            object_repr=str(row)[:200], action_flag=CHANGE, change_message=text,
        )
        for row, text in notes
    )  # fmt: skip


def _user_id(actor: str) -> int:
    users = get_user_model().objects
    user = users.filter(username=actor).first()
    if user is None:
        user, _ = users.get_or_create(
            username=COMMANDS, defaults={"is_active": False, "password": "!"}
        )
    return int(user.pk)
