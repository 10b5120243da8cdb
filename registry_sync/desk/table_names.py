"""What the desk calls its tables and their rows, where the model's own name says it worse."""

from __future__ import annotations

from typing import Any

NAMES = {
    "syncrun": ("run", "runs"),
    "entityerror": ("error", "errors"),
    "ledgerentry": ("record", "ledger"),
    "drift": ("drifted value", "drift"),
}
"""By the model: one row, and the table."""
COUNTED = {"ledgerentry": "records", "drift": "drifted values"}
"""Rows of which there are several, where the table's name cannot follow a number."""


def title_of(model: Any) -> str:
    """Return the title of a model's table."""
    _, many = NAMES.get(model._meta.model_name, ("", str(model._meta.verbose_name_plural)))
    return many[:1].upper() + many[1:]


def noun_for(model: Any, count: int) -> str:
    """Return what so many rows are called: "run" or "runs"."""
    name = model._meta.model_name
    usual = (str(model._meta.verbose_name), str(model._meta.verbose_name_plural))
    singular, plural = NAMES.get(name, usual)
    return singular if count == 1 else COUNTED.get(name, plural)
