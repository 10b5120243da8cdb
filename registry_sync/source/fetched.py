"""An answer to the request for a page, before it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry_sync.core.types import Json
from registry_sync.source.answers.list_items import RecordList
from registry_sync.source.http import Reply
from registry_sync.source.request import Request


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer to the request for a page: `where` it is, `at` what time it was asked for.

    `overlap` records at its beginning were left out, as the page before had them. `slid`: it was
    to begin with one, and does not have it.
    """

    at: datetime
    where: Json | None
    request: Request
    reply: Reply
    listed: RecordList
    overlap: int = 0
    slid: bool = False
