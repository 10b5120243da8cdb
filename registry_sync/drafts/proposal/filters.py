"""Parameters that ask for changes, and whether one does: by what comes for a time of the sample.

A parameter is taken only if nothing older comes, and everything that is later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.source.client import Source
from registry_sync.source.connector import SINCE
from registry_sync.source.filter_probe import LONG_AGO

BY_KEY = ("{key}__gte", "{key}_gte", "{key}:gte", "{key}[gte]", "{key}[$gte]", "min_{key}",
          "{key}_after", "{key}_since", "{key}_from", "{key}.gte")  # fmt: skip
"""Parameters made of the key: Django, json-server, JSON:API, Feathers, Kinto."""
NAMES = ("since", "_since", "updated_since", "modified_since", "updated_after", "modified_after",
         "changed_since", "updatedSince", "modifiedSince", "updatedAfter", "modifiedAfter",
         "lastModifiedAfter", "updated_min", "updatedMin", "last_modified", "from")  # fmt: skip
"""Parameters that have a name of their own."""
TERMS = (("{key}", "gte.{since}"), ("filter[{key}][gte]", "{since}"),
         ("filter[{key}][_gte]", "{since}"), ("filters[{key}][$gte]", "{since}"),
         ("filter[where][{key}][gte]", "{since}"))  # fmt: skip
"""Parameters with an expression: PostgREST, JSON:API, Directus, Strapi, LoopBack."""
PLAIN, SQL = "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"
MOST = 1000
"""Records that are read of what a parameter brings."""
Outcome = Literal["fits", "ignored", "nothing", "short", "refused"]


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter, its value, and the format of the time in it; "" for that of the records."""

    param: str
    value: str = SINCE
    form: str = ""


FAMILIES: tuple[tuple[Callable[[Json, str], bool], tuple[tuple[str, str, str], ...]], ...] = (
    (  # https://docs.oasis-open.org/odata/odata/v4.01/ and version 2
        lambda body, path: "d" in body or any("odata." in str(key) for key in body),
        (("$filter", "{key} ge {since}", ""),
         ("$filter", "{key} ge datetime'{since}'", PLAIN)),
    ),
    (  # https://www.servicenow.com/docs/bundle/xanadu-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
        lambda body, path: path.startswith("sys_"),
        (("sysparm_query", "{key}>={since}", SQL),),
    ),
    (  # https://datatracker.ietf.org/doc/html/rfc7644#section-3.4.2.2
        lambda body, path: "Resources" in body, (("filter", '{path} ge "{since}"', ""),),
    ),
    (  # https://solr.apache.org/guide/solr/latest/query-guide/common-query-parameters.html
        lambda body, path: "responseHeader" in body, (("fq", "{key}:[{since} TO *]", ""),),
    ),
    (  # https://hl7.org/fhir/search.html#lastUpdated
        lambda body, path: "resourceType" in body, (("_lastUpdated", "ge{since}", ""),),
    ),
)  # fmt: skip
"""Ways of servers that are known by their answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The times of records by their id, those of the first page, and whether these are all."""

    times: dict[str, datetime]
    first: tuple[datetime, ...]
    page_size: int

    @property
    def oldest(self) -> datetime:
        return min(self.first)

    @property
    def moment(self) -> datetime | None:
        """Return a time at which some of the first page are older, and others not; or None."""
        times = sorted(self.times.values())
        return next((when for when in times[len(times) // 2 :] if when > self.oldest), None)

    def later(self, since: datetime) -> set[str]:
        """Return the ids of records that are certainly later than a time, or its day."""
        day = {name for name, when in self.times.items() if when >= since + timedelta(days=1)}
        return day or {name for name, when in self.times.items() if when > since}


@dataclass(frozen=True, slots=True)
class Tried:
    """What a parameter did; `seen` is it in words, or how it was refused."""

    outcome: Outcome
    seen: str = ""


def candidates(body: Any, path: str) -> Iterator[Filter]:
    """Yield the filters that a registry may know, for records with a time at a path."""
    words = {"key": path.split(".")[-1].strip('"'), "path": path, "since": SINCE}
    if isinstance(body, dict):
        for is_one, ways in FAMILIES:
            if is_one(body, path):
                yield from (Filter(n.format(**words), v.format(**words), f) for n, v, f in ways)
    yield from (Filter(name.format(**words)) for name in (*BY_KEY, *NAMES))
    yield from (Filter(name.format(**words), value.format(**words)) for name, value in TERMS)


def try_filter(source: Source, time_of: Callable[[Json], datetime | None], sample: Sample) -> Tried:
    """Return what comes by a filter, as `source` sends it. Raises SourceError if it is refused."""
    moment = sample.moment
    return _from(source, time_of, sample, moment) if moment else _all(source, sample)


def _from(
    source: Source, time_of: Callable[[Json], datetime | None], sample: Sample, since: datetime
) -> Tried:
    """Judge what came for a time in the middle of the sample."""
    pages = source.pages(since)
    records = list(next(pages).records)
    if not records:
        return Tried("nothing")
    if not _fits(records, time_of, sample, since):
        return Tried("ignored")
    for page in pages:
        records += page.records
        if len(records) >= MOST:
            break
    at = f"{since:%Y-%m-%d %H:%M:%S} UTC"
    if not _fits(records, time_of, sample, since):
        return Tried("short", f"Of {at}, the later pages had older records again")
    came = {source.identify(record) for record in records}
    if (missing := sample.later(since) - came) and len(records) < MOST:
        count = number_of(len(missing), "later record")
        return Tried("short", f"Of {at}, {count} did not come, such as {min(missing)}")
    said = number_of(len(records), "record")
    return Tried("fits", f"{at}, {said} came, none of them older, and none later was missing.")


def _fits(
    records: Sequence[Json],
    time_of: Callable[[Json], datetime | None],
    sample: Sample,
    since: datetime,
) -> bool:
    times = [when for record in records if (when := time_of(record)) is not None]
    day = since.replace(hour=0, minute=0, second=0, microsecond=0)
    if len(times) < len(records):
        return False
    return min(times) >= since or min(times) >= day > sample.oldest


def _all(source: Source, sample: Sample) -> Tried:
    """Judge whether all come for a time long ago and none for a later one."""
    at = sample.oldest + timedelta(days=1)
    if next(source.pages(at)).records:
        return Tried("ignored")
    if len(next(source.pages(LONG_AGO)).records) < sample.page_size:
        return Tried("nothing")
    return Tried("fits", f"{at:%Y-%m-%d} nothing came, and of {LONG_AGO:%Y-%m-%d} everything.")


def is_unknown(tried: Tried, name: str, nonsense: Tried, other: str) -> bool:
    """Return whether a refusal says no more than that of a parameter that no registry knows."""
    return nonsense.outcome == "refused" and (
        tried.seen.replace(name, "") == nonsense.seen.replace(other, "")
    )
