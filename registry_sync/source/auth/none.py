"""Requests without a credential."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.source.auth.base import Auth, register


@register("none")
@dataclass(frozen=True, slots=True)
class NoAuth(Auth):
    """Sends nothing."""

    about = "Sends no credential"
    ascii_only = False
