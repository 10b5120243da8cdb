"""Parameters that ask for changes, as registries know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.connector import SINCE
from registry_sync.source.filter_trial import Tried

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


def candidates(body: Any, path: str) -> Iterator[Filter]:
    """Yield the filters that a registry may know, for records with a time at a path."""
    words = {"key": path.split(".")[-1].strip('"'), "path": path, "since": SINCE}
    if isinstance(body, dict):
        for is_one, ways in FAMILIES:
            if is_one(body, path):
                yield from (Filter(n.format(**words), v.format(**words), f) for n, v, f in ways)
    yield from (Filter(name.format(**words)) for name in (*BY_KEY, *NAMES))
    yield from (Filter(name.format(**words), value.format(**words)) for name, value in TERMS)


def is_unknown(tried: Tried, name: str, nonsense: Tried, other: str) -> bool:
    """Return whether a refusal says no more than that of a parameter that no registry knows."""
    return nonsense.outcome == "refused" and (
        tried.seen.replace(name, "") == nonsense.seen.replace(other, "")
    )
