"""A page of records, as a source gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json

PAGING_REMEDY = (
    "If the registry has more records, the integration owner corrects that path in "
    "endpoint.paginator of Connector Settings."
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A record as the list gives it, whose detail could not be read, and why."""

    record: Json
    why: SourceError


@dataclass(frozen=True, slots=True)
class Page:
    """One page of complete records, with those apart whose detail is `unread`.

    `position` leads to this page again, also in another process; `next_position` is None after
    the last page. `total` is the registry's own count, `server_date` its clock, `bytes` the size.
    `unseen_path` is where an only page should say whether there is a next one, and has nothing.
    """

    records: list[Json]
    position: Json
    next_position: Json | None
    total: int | None
    server_date: datetime | None
    bytes: int
    unread: Sequence[Unread] = ()
    unseen_path: str = ""

    @property
    def alone(self) -> str:
        """Return the sentence about an only page that has nothing at `unseen_path`, or ""."""
        if not self.unseen_path:
            return ""
        count = len(self.records) + len(self.unread)
        came = "1 record was" if count == 1 else f"{count:,} records were"
        return (
            f"{came} returned on the first page, and it was the only one: its answer has nothing "
            f"at “{self.unseen_path}”."
        )
