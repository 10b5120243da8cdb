"""Where the records are in a registry's first answer: at a usual key, or in its only list. Pure.

Only an answer with records shows this. Where two places are possible, the integration owner must
choose: the wrong list would be written to Benchling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import Unusable
from registry_sync.source.answers.fine_words import plain_words
from registry_sync.source.answers.no_list import NoList, OnlyWords
from registry_sync.source.answers.other_forms import INSTEAD, other_form
from registry_sync.source.answers.totals import says_none

RECORD_KEYS = ("data", "items", "results", "rows", "records", "objects", "value", "values")
"""The usual keys of records; one that is there and empty wins over any other list."""
PAIR = 2
"""Items of an answer that is a list of what it says of its pages, and of the records."""
NEVER = frozenset({
    "included", "includes", "links", "link", "errors", "error", "warnings", "warning", "meta",
    "metadata", "facets", "facet", "aggregations", "aggs", "deleted", "deletes", "deletions",
    "removed", "tombstones", "context", "extensions", "debug", "trace", "pagination", "paging",
    "pageinfo", "schema", "sort", "params", "parameters", "query", "request", "breadcrumbs",
    "suggestions", "highlighting", "shards", "aggregates", "aggregateresults", "syserrors",
    "warningmessages", "errormessages",
})  # fmt: skip
"""Words of lists and objects that stand beside records and are none."""
ASIDE = frozenset({
    "users", "user", "owners", "authors", "people", "projects", "project", "groups", "roles",
    "tags", "lookups", "references", "refs", "units", "types", "options", "vocabularies",
    "attachments", "files", "comments", "actions", "expand", "expanded", "messages", "notices",
    "notifications", "alerts", "issues", "permissions", "fields", "columns", "filters", "stats",
    "profile", "events", "logs", "history",
})  # fmt: skip
"""Words of lists that are records only where there is no other list."""
PLAIN_KEY = pattern(r"[^.\[\]\"'*{}]+")
PLURAL = pattern(r"(?i)(?!(expires|settings|totals|notes|details|headers|ids)$)"
                 r".*(?<![su])s|.*(list|set|collection)")  # fmt: skip
OF_A_PAGE = pattern(
    r"(?i).*(next|prev|first|last|self|cursor|token|page|total|count|size|offset|limit|error"
    r"|message|status|code|url|href|version|time|date|id)"
)
"""Keys of what an answer says about itself."""
KINDS = ("kind", "etag", "object", "type")
"""Other words of texts by which an answer says what it is."""
FAULT = pattern(r"(?i)message|error|status")
WELL = pattern(r"(?i)(2\d\d)?\W*(ok|success(ful(ly)?)?)?\W*|false|none|null|no[\s_-]errors?|0+|n/a")
"""Values of these by which nothing failed."""
NAME = pattern(r"(?:(?:full|long|short|display|pref(?:erred)?|common)?name|title|label)")
"""Words of a record's name."""
DEEPEST = 3
"""Keys in the path of a list that is found without a setting."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A list in an answer: its path, its items, and whether its key is a usual one of records."""

    path: str
    items: list[Any]
    usual: bool


class Ambiguous(Unusable):
    """An answer has one list, but another key that is empty may be where its records belong."""

    def __init__(self, guess: Guess, empty: str) -> None:
        super().__init__(
            f"its answer has a list at {guess.path}, but its records may belong at {empty}, which "
            "is empty",
            select(guess.path, empty),
        )
        self.guess = guess


def select(*paths: str) -> str:
    """Return what the integration owner does, with the setting for each path."""
    settings = (
        json.dumps({"endpoint": {"data_selector": path}}, ensure_ascii=False) for path in paths
    )
    return f"sets endpoint.data_selector in Connector Settings: {' or '.join(settings)}"


def guess(body: Any, is_record: Callable[[Any], bool]) -> Guess:
    """Return the list of records of an answer. Raise Unusable, Ambiguous."""
    if isinstance(body, list):
        held = [f"[{index}]" for index, item in enumerate(body) if _has_objects(item)]
        if len(held) == 1 and len(body) <= PAIR:  # [{"page": 1, "pages": 3}, [{…}, {…}]]
            raise Unusable("its answer is a list that has the list of records in it", select(*held))
        return Guess("$", body, usual=True)
    nodes: list[tuple[str, Json]] = [("", body)] if isinstance(body, dict) else []
    for _ in range(DEEPEST):
        entries = list(_entries(nodes))
        if found := _usual(entries) or _only(entries):
            _refuse_aside(body, found)
            _refuse_hollow(body, found)
            _refuse_inner(body, found, is_record)
            return found
        inner = [(path, value) for path, value in entries if isinstance(value, dict)]
        usual = [one for one in inner if _key(one[0]).lower() in RECORD_KEYS]
        for path, value in usual:
            if is_record(value):
                raise Unusable(f"its answer may have a single record at {path}", select(path))
        nodes = usual or [one for one in inner if not is_record(one[1])]
    empty = [path for path, value in _entries([("", body)]) if _may_be_records(path, value)] if (
        isinstance(body, dict)
    ) else []  # fmt: skip
    if _is_named(body) and is_record(body):
        raise Unusable("its answer may be a single record", select("$"))
    empty = empty or [*lists_in(body, DEEPEST + 2)]
    if not empty and (form := other_form(body)):
        raise Unusable(f"its answer contains no list of records, but {form}", INSTEAD)
    about_pages = not empty and is_only_about_pages(body, is_record)
    if not empty and not about_pages and (words := plain_words(body)):
        raise OnlyWords(words)
    kind = NoList if about_pages else Unusable
    raise kind("its answer contains no list of records", select(*(empty or ["…"])))


def _refuse_aside(body: Any, found: Guess) -> None:
    """Raise Unusable for a list that is seldom the records.

    It is none where a deeper one may be them, or where the answer says that it has no records.
    """
    if word(found.path) not in ASIDE:
        return
    deeper = [path for path in lists_in(body) if "." in path and word(path) not in ASIDE]
    if deeper:
        raise _several([found.path, *deeper])
    if found.items and (total := says_none(body)):
        said = f"its answer says by {total} that it has no records, but has a list at {found.path}"
        raise Unusable(said, f"waits until the registry has a record, or {select('…')}")


def _refuse_hollow(body: Any, found: Guess) -> None:
    """Raise Unusable for an empty list at an unusual key where a deeper one may be the records."""
    deeper = {} if found.items or found.usual or says_none(body) else lists_in(body, DEEPEST + 2)
    filled = [path for path in deeper if not any(word(key) in ASIDE for key in path.split("."))]
    if filled:
        raise _several([*filled, found.path])


def _refuse_inner(body: Any, found: Guess, is_record: Callable[[Any], bool]) -> None:
    """Raise Unusable for a list of an answer that may itself be a record: its tags, its batches.

    A list at a usual key is one of records if they have ids. An envelope may have an id, too.
    """
    if not is_record(body):
        return
    bare = bool(found.items) and not any(map(is_record, found.items))
    listed, inner = isinstance(body.get(found.path), list), _wrapped(found, is_record)
    if bare or (_is_named(body) and not (found.usual and listed)):
        raise Unusable(
            f"its answer may be a single record, or its records may be the list at {found.path}",
            select(*(["$", found.path] if not bare or not inner else [inner, "$"])),
        )


def _wrapped(found: Guess, is_record: Callable[[Any], bool]) -> str:
    """Return where the records are in the items of a list: `entry[*].resource` of FHIR; or ""."""
    first = found.items[0] if found.items and isinstance(found.items[0], dict) else {}
    inner = next((key for key, value in first.items() if is_record(value)), "")
    return f"{found.path}[*].{inner}" if PLAIN_KEY.fullmatch(inner) else ""


def _is_named(body: Any) -> bool:
    """Return whether an answer has a name, as records have and what is around them has not."""
    return isinstance(body, dict) and any(
        NAME.fullmatch(word(key)) and isinstance(value, str) for key, value in body.items()
    )


def is_only_about_pages(body: Any, is_record: Callable[[Any], bool]) -> bool:
    """Return whether an answer has no list, object or text that may be records, or stand for them.

    `{"kind": "list", "nextPageToken": "t2"}` has none.
    """
    if not isinstance(body, dict) or is_record(body):
        return False
    for key, value in body.items():
        if isinstance(value, dict):
            is_aside = word(key) in NEVER or is_only_about_pages(value, is_record)
        else:
            is_aside = not isinstance(value, (str, list)) or word(key) in (*NEVER, *KINDS)
            is_aside = is_aside or (isinstance(value, str) and bool(OF_A_PAGE.fullmatch(key)))
        fault = FAULT.search(key) and not WELL.fullmatch(str(value))
        if value and (fault or not is_aside):
            return False
    return True


def lists_in(body: Any, depth: int = DEEPEST) -> dict[str, list[Any]]:
    """Return the lists of objects of an answer, by path, but those that are never records."""
    nodes: list[tuple[str, Json]] = [("", body)] if isinstance(body, dict) else []
    found = {"$": body} if _has_objects(body) else {}
    for _ in range(depth):
        entries = list(_entries(nodes))
        found |= {path: value for path, value in entries if _has_objects(value)}
        nodes = [(path, value) for path, value in entries if isinstance(value, dict)]
    return found


def objects_in(body: Json) -> Iterator[tuple[str, Json]]:
    """Yield the objects of an answer that may be a record of a list of one, by path."""
    nodes = [("", body)]
    for _ in range(PAIR):
        nodes = [(path, value) for path, value in _entries(nodes) if isinstance(value, dict)]
        yield from (one for one in nodes if word(one[0]) not in ASIDE)


def word(path: str) -> str:
    """Return the last key of a path in small letters: `_embedded.Links` is links."""
    return re.sub(r"[^a-z]", "", _key(path).lower())


def _entries(nodes: Iterable[tuple[str, Json]]) -> Iterable[tuple[str, Any]]:
    for path, node in nodes:
        for key, value in node.items():
            usable = PLAIN_KEY.fullmatch(key) or (not path and re.fullmatch(r"[^\[\]\"'*{}]+", key))
            if usable and word(key) not in NEVER:
                yield (f"{path}.{key}" if path else key), value


def is_usual(path: str) -> bool:
    """Return whether a path is one where registries usually have their records."""
    return path == "$" or _key(path).lower() in RECORD_KEYS


def _key(path: str) -> str:
    return path.rpartition(".")[2]


def _usual(entries: list[tuple[str, Any]]) -> Guess | None:
    """Return the list at a usual key, an empty one where there is nothing at it."""
    named = [(path, value) for path, value in entries if _key(path).lower() in RECORD_KEYS]
    lists = [(path, value) for path, value in named if isinstance(value, list)]
    if len(lists) > 1:
        raise _several(path for path, _ in lists)
    if lists:
        return Guess(*lists[0], usual=True)
    empty = next((path for path, value in named if value in (None, "", {})), None)
    return None if empty is None else Guess(empty, [], usual=True)


def _only(entries: list[tuple[str, Any]]) -> Guess | None:
    """Return the only list of objects, or the only empty list."""
    filled = [(path, value) for path, value in entries if _has_objects(value)]
    main = [one for one in filled if word(one[0]) not in ASIDE] or filled
    hollow = [(path, value) for path, value in entries if value == []]
    if len(main) + len(hollow) > 1:
        raise _several(path for path, _ in (*main, *hollow))
    if not main:
        return Guess(*hollow[0], usual=False) if hollow else None
    found = Guess(*main[0], usual=False)
    aside = word(found.path) in ASIDE
    empty = next(filter(None, (_empty_place(path, value, aside) for path, value in entries)), "")
    if empty:
        raise Ambiguous(found, empty)
    return found


def _empty_place(path: str, value: Any, likely: bool) -> str:
    """Return where records may belong at a key, or at a usual key of an object there; or ""."""
    if _key(path).lower() in RECORD_KEYS and isinstance(value, dict):
        inner = ((key, held) for key, held in value.items() if key.lower() in RECORD_KEYS)
        empty = next((key for key, held in inner if held in (None, "", {}, [])), "")
        return f"{path}.{empty}" if empty else ""
    return path if _may_be_records(path, value, likely) else ""


def _several(paths: Iterable[str]) -> Unusable:
    named = list(paths)
    return Unusable(f"its answer contains several lists ({', '.join(named)})", select(*named))


def _has_objects(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _may_be_records(path: str, value: Any, likely: bool = False) -> bool:
    """Return whether an empty value may be a list without items: its key is a plural.

    `likely`: also a key that is none, since the only list is hardly one of records.
    """
    if value not in (None, "", {}) or word(path) in ASIDE:
        return False
    if PLURAL.fullmatch(_key(path)):
        return True
    return likely and not OF_A_PAGE.fullmatch(_key(path))
