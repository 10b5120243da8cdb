"""What commands write for people, from the same facts as their JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry_sync.core.types import Json
from registry_sync.models import SyncRun

WORDS = {"updated": "changed", "failed": "refused"}
"""Counts of a run that are named otherwise in the JSON."""
WOULD = {
    "created": "would be created", "updated": "would be changed", "failed": "would be refused",
    "archived": "would be archived",
}  # fmt: skip
"""Counts of a run that writes nothing."""


def to_do_lines(to_do: Sequence[Json]) -> Iterator[str]:
    """Yield what is to be done: what and since when, then who must act and how."""
    for item in to_do:
        code = f" ({item['cause']})" if item["cause"] else ""
        yield f"    {item['text'].rstrip('.')}{code}, since {time_text(item['since'])}"
        yield f"        who must act: {'; '.join(item['who'])}"
        yield f"        what to do:   {item['remedy']}"


def run_lines(run: Json, *, with_lane: bool) -> Iterator[str]:
    """Yield a run: when, what and how it ended, then its failure and its warnings."""
    at = time_text(run["started_at"] or run["requested_at"])
    lane = f"{run['lane'] or 'no lane'}, " if with_lane else ""
    by = run["actor"] or run["trigger"]
    words = WOULD if run["kind"] in SyncRun.DRY else WORDS
    counted = ((count, words.get(word, word)) for word, count in run["counts"].items())
    counts = ", ".join(f"{count:,} {word}" for count, word in counted if count)
    waits = f", {run['waits']['word']}" if run["waits"] else ""
    status = f"{run['status']}{waits}"
    yield f"Run {run['id']}, {lane}{run['kind']}, {at}, {by}: {status}. {counts or '0 read'}"
    if run["waits"]:
        yield f"    {run['waits']['text']}"
    if (error := run["error"]) is not None:
        yield f"    {error['message']}"
        yield f"        who must act: {error['who']}"
        yield f"        what to do:   {error['remedy']}"
    for warning in run["warnings"]:
        yield f"    Warning: {warning['text']}"


def record_lines(record: Json) -> Iterator[str]:
    """Yield a refused record: since when and why, then who must act and how."""
    yield f"{record['id']}, since {time_text(record['since'])}: {record['message']}"
    yield f"    who must act: {record['who']}"
    yield f"    what to do:   {record['remedy']}"
    if record["waits"]:
        yield f"    waiting:      {record['waits']}"


def one_line(text: str) -> str:
    """Return a text of another system in one line."""
    return "\\n".join(text.splitlines())


def time_text(when: str | None) -> str:
    """Return a time of the JSON for people, to the minute."""
    return f"{when[:10]} {when[11:16]} UTC" if when else "an unknown time"
