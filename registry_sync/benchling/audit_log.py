"""Who changed an entity: Benchling's audit log of one object, exported as a CSV.

The export is a task that ends in a file at another host. It is fetched without the app's token, by
the client that refuses private addresses, and within bounds.
https://benchling.com/api/reference (auditLog)
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import requests

from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.core.addresses import is_address
from registry_sync.core.deadlines import AnswerLimits, TooSlow
from registry_sync.core.iso8601 import read_iso
from registry_sync.core.ssrf import Forbidden, open_session
from registry_sync.core.types import Json

MOST_BYTES = 2 * 1024 * 1024
LIMITS = AnswerLimits(timeout=30)
PATIENCE = 20.0
"""Seconds that an export may take."""
USED_UP = "Benchling's hourly limit on audit logs is used up. Try again later."
KEPT = 20
"""Rows that are kept, the newest ones."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "at": ("timestamp (utc)", "timestamp", "date", "time"),
    "user": ("name", "user"),
    "action": ("action", "event description"),
    "old": ("old value",),
    "new": ("new value",),
}
"""Names of the columns in lower case, the better ones first. Time and user must be there."""


class Unknown(Exception):
    """The log is not available, or has a form that is not known; the text says why."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One entry of the log: when (ISO, UTC), who, what, and the values before and after."""

    at: str
    user: str
    action: str = ""
    old: str = ""
    new: str = ""

    def kept(self) -> Json:
        """Return it as JSON."""
        return asdict(self)


def read_log(
    client: Client, object_id: str, *, allow_private: bool, user_agent: str
) -> list[LogRow]:
    """Return the newest entries of an object's audit log, the newest first.

    Raise Unknown if it cannot be read, Refused where Benchling refuses, SyncError, Wait.
    """
    url = _exported(client, object_id)
    return parse_log(_downloaded(url, allow_private=allow_private, user_agent=user_agent))


def _exported(client: Client, object_id: str) -> str:
    """Export the log, and return the file's address."""
    path = f"audit/log/{quote(object_id, safe='')}"
    try:
        started = client.call("post", path, {"format": "CSV"}, needs="taskId", limited=True)
    except Refused as refused:
        if refused.is_limit:
            raise Unknown(USED_UP) from refused
        raise
    task_id = started["taskId"]
    until, pause = time.monotonic() + PATIENCE, 0.1
    while time.monotonic() < until:
        task = client.get(f"tasks/{quote(str(task_id), safe='')}", needs="status")
        if task["status"] == "SUCCEEDED":
            response = task.get("response")
            url = response.get("downloadURL") if isinstance(response, dict) else None
            if isinstance(url, str) and url:
                return url
            raise Unknown("Benchling's export has no address.")
        if task["status"] != "RUNNING":
            raise Unknown("Benchling's export of the audit log failed.")
        client.pause(pause, "")
        pause = min(pause * 2, 2.0)
    raise Unknown("Benchling's export of the audit log takes too long.")


def _downloaded(url: str, *, allow_private: bool, user_agent: str) -> str:
    """Return the file's text; its address alone gives access to it."""
    scheme = urlsplit(url).scheme if is_address(url) else ""
    if scheme != "https" and not (allow_private and scheme == "http"):
        raise Unknown("The address of the exported audit log is not https.")
    session = open_session(
        allow_private=allow_private, user_agent=user_agent, limits=LIMITS, patient=False
    )
    try:
        answer = session.get(url, timeout=(5, 10), stream=True, allow_redirects=False)
        if answer.status_code != requests.codes.ok:
            raise Unknown(f"The exported audit log cannot be read (HTTP {answer.status_code}).")
        return _body(answer.iter_content).decode("utf-8-sig", "replace")
    except (requests.RequestException, Forbidden, TooSlow, OSError) as error:
        raise Unknown(f"The exported audit log cannot be read ({type(error).__name__}).") from error
    finally:
        session.close()


def _body(chunks: Callable[[int], Iterator[bytes]]) -> bytes:
    found = bytearray()
    for chunk in chunks(65536):
        found += chunk
        if len(found) > MOST_BYTES:
            raise Unknown("The exported audit log is too large.")
    return bytes(found)


def parse_log(text: str) -> list[LogRow]:
    """Return the entries of a CSV by its header, the newest first. Raise Unknown otherwise."""
    reader = csv.DictReader(io.StringIO(text))
    try:
        heads = {(head or "").strip().lower(): head for head in reader.fieldnames or ()}
        names = {
            key: next((heads[name] for name in options if name in heads), None)
            for key, options in COLUMNS.items()
        }
        if names["at"] is None or names["user"] is None:
            raise Unknown("The exported audit log has columns that are not known.")
        lines = [line for line in reader if any(line.values())]
    except csv.Error as error:
        raise Unknown("The exported audit log is not a CSV.") from error
    found = [row for line in lines if (row := _row(line, names)) is not None]
    if lines and not found:
        raise Unknown("No entry of the exported audit log has a user and a readable time.")
    return sorted(found, key=lambda row: row.at, reverse=True)[:KEPT]


def _row(row: dict[str, str], names: dict[str, str | None]) -> LogRow | None:
    texts = {key: (row.get(name) or "") if name else "" for key, name in names.items()}
    # PostgreSQL's JSON takes no NUL.
    values = {key: text.replace("\0", "")[:500] for key, text in texts.items()}
    try:
        when = read_iso(values.pop("at").strip().removesuffix(" UTC"))
        if not isinstance(when, datetime):
            when = datetime(when.year, when.month, when.day)
        at = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return LogRow(at=at.isoformat(), **values) if values["user"] else None
