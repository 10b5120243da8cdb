"""The entries of a list beside the records: deletions, or all ids. They are records or bare ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import Unusable
from registry_sync.source.answers.failures import only_words
from registry_sync.source.answers.list_items import RecordList
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.answers.record_guess import DEEPEST, RECORD_KEYS
from registry_sync.source.answers.record_list import RecordFinder
from registry_sync.source.paths import ABSENT, compile_path

BARE = "\x00id"
"""The key under which a bare id becomes an entry."""
ASIDE = frozenset({"links", "link", "errors", "error", "warnings", "meta", "metadata", "included"})
"""Keys of lists that are no entries."""
OPPOSITE = pattern(
    r"(?i)restor|undelet|unarchiv|reactivat|reinstat|recover|updat|creat|added|chang|modif|insert|upsert"
)
"""Keys of lists with what is still there, or there again."""
DELETED = pattern(
    r"(?i)delet|remov|tombstone|withdr[ae]w|gone|archiv|purg|trash|obsolete|retire|inactiv|(^|_)ids$"
)
"""Keys of lists with what has left."""


def identify_by(identify: Callable[[Json], str | None]) -> Callable[[Json], str | None]:
    """Return how an entry is identified: a bare id is its own."""
    return lambda entry: str(entry[BARE]).strip() or None if BARE in entry else identify(entry)


class EntryFinder(RecordFinder):
    """Finds the entries of each answer: at the selector, at a usual key, or in its only list.

    `setting` is the selector's name, for the message where there are several lists.
    """

    setting = "endpoint.deletes.data_selector"

    def find(self, body: Any, *, whole: bool, later: bool) -> RecordList:
        """Return the entries of an answer. Raise Unusable if it is not clear which they are."""
        list_path = self._selector or self.learned
        place = list_path or self._place(body)
        value = compile_path(place)(body) if place else []
        if value is ABSENT and not self._selector and not later:
            self._refuse_moved(place, body)
        if value is ABSENT or value in (None, "", {}):
            return RecordList()
        if not isinstance(value, list):
            raise Unusable(f"its answer has no list at {place}", self._select([place]))
        found = RecordList([self._entry(item, place) for item in value if item is not None])
        if self._says_nothing(found):
            return RecordList()
        if found.records:
            self._learn(place, body, found.records[0])
        return found

    def unsure(self, message: str) -> RecordList:
        """Raise Unusable: nothing shows whether an answer with nothing but words is empty."""
        raise Unusable(f"its answer has no list, but says: {message:.100}")

    def strange(self, body: Any) -> str:
        """Return how an answer without entries differs from those that had some; "" if it may not.

        A list of deletions may be left out, or have other lists in its stead.
        """
        message = only_words(body)
        return f"has no list, and says: {message:.100}" if message else ""

    def count(self, body: Any) -> int:
        try:
            return self.find(body, whole=True, later=True).count
        except Unusable:
            return 0

    def _entry(self, item: Any, place: str) -> Json:
        if isinstance(item, dict):
            return item
        if type(item) in (str, int):
            return {BARE: item}
        failure = f"its list at {place} has {as_sent(item, 60)}, which is no id"
        raise Unusable(failure, self._select(["…"]))

    def _place(self, body: Any) -> str:
        """Return the path of the only list of an answer; "" if it has none."""
        if isinstance(body, list):
            return "$"
        if not isinstance(body, dict):
            failure = f"its answer is {as_sent(body, 60)}, without a list"
            raise Unusable(failure, self._select(["…"]))
        nodes: list[tuple[str, Json]] = [("", body)]
        for _ in range(DEEPEST):
            entries = [
                (f"{path}.{key}" if path else key, value)
                for path, node in nodes
                for key, value in node.items()
                if key.lower() not in ASIDE and not OPPOSITE.search(key)
            ]
            if lists := [path for path, value in entries if isinstance(value, list)]:
                return self._chosen(lists, entries)
            nodes = [(path, value) for path, value in entries if isinstance(value, dict)]
        return ""

    def _chosen(self, lists: list[str], entries: list[tuple[str, Any]]) -> str:
        """Return the path of the list with entries. Raise Unusable if several may be it."""
        usual = [path for path in lists if _is_usual(path)] or lists
        if len(usual) > 1:
            raise Unusable(
                f"its answer contains several lists ({', '.join(usual)})", self._select(usual)
            )
        path = usual[0]
        held = dict(entries)
        hollow = [other for other, value in entries if value in (None, "", {}) and _is_usual(other)]
        if hollow and held[path] and not _is_usual(path):
            raise Unusable(
                f"its answer has a list at {path}, but its entries may belong at {hollow[0]}, "
                "which is empty",
                self._select([path, hollow[0]]),
            )
        return path

    def _refuse_moved(self, place: str, body: Any) -> None:
        """Raise Unusable if an answer has its entries elsewhere than those before."""
        other = self._place(body) if isinstance(body, (dict, list)) else ""
        if other and _is_usual(other) and compile_path(other)(body):
            raise Unusable(
                f"its entries were at {place} before, where it has none now, but it has a list at "
                f"{other}",
                self._select([place, other]),
            )

    def _select(self, paths: list[str]) -> str:
        settings = [
            json.dumps({"endpoint": {"deletes": {"data_selector": path}}}, ensure_ascii=False)
            for path in paths
        ]
        return f"sets {self.setting} in Connector Settings: {' or '.join(settings)}"


def _is_usual(path: str) -> bool:
    key = path.rpartition(".")[2]
    return path == "$" or key in RECORD_KEYS or DELETED.search(key) is not None
