"""What can go wrong, in words for the person who must act.

A `Problem` concerns one record; the rest of the run goes on. A `SyncError` holds for every
record and ends the run. Both say what is wrong, and what to do about it, in whole sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["source", "mapping", "benchling", "transient"]
"""Who must act: the registry's owner, the mapping's owner, a Benchling admin, or no one."""

Awaited = Literal[
    "name",
    "link",
    "option",
    "folder",
    "permission",
    "author",
    "allowance",
    "benchling name",
    "unarchived",
    "detail",
    "substance",
    "merge",
    "other lane",
]
WaitsFor = tuple[Awaited, str]
"""What must change before another attempt is worthwhile: its kind, and its key."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one record is not in Benchling.

    `code` is the cause, by which problems are grouped; `message` and `remedy` are one sentence
    each; `field` and `value` are what is wrong; `value` is cut to 200 characters.
    """

    kind: Kind
    code: str
    message: str
    remedy: str
    field: str = ""
    value: str = ""
    waits_for: WaitsFor | None = None


class SyncError(Exception):
    """One cause that holds for the whole run; the run ends FAILED with this one remedy."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        kind: Kind = "source",
        code: str = "failed",
        transient: bool = False,
    ) -> None:
        # PostgreSQL cannot store NUL, and registries send it.
        message = message.replace("\x00", "\ufffd")
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.kind: Kind = kind
        self.code = code
        self.transient = transient

    @property
    def with_remedy(self) -> str:
        """Return the message and the remedy, as sentences."""
        return f"{self.message} {self.remedy}"


class ConfigError(SyncError):
    """The app configuration, the Connector Settings or the mapping cannot be used."""

    def __init__(
        self, message: str, *, remedy: str, kind: Kind = "mapping", code: str = "configuration"
    ) -> None:
        super().__init__(message, remedy=remedy, kind=kind, code=code)


class SourceError(SyncError):
    """The registry cannot be read, or its answer cannot be used."""
