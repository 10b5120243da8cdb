"""The entries of a list beside the records: deletions, or all ids. They are records or bare ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import Unusable
from registry_sync.source.answers.record_guess import DEEPEST, RECORD_KEYS
from registry_sync.source.answers.record_list import RecordFinder, RecordList
from registry_sync.source.paths import ABSENT, compile_path

BARE = "\x00id"
"""The key under which a bare id becomes an entry."""
ASIDE = frozenset({"links", "link", "errors", "error", "warnings", "meta", "metadata", "included"})
"""Keys of lists that are no entries."""


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
        place = self._selector or self._place(body)
        value = compile_path(place)(body) if place else []
        if value is ABSENT or value in (None, "", {}):
            return RecordList()
        if not isinstance(value, list):
            raise Unusable(f"its answer has no list at {place}", self._select([place]))
        return RecordList([self._entry(item, place) for item in value if item is not None])

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
        raise Unusable(f"its list at {place} has {item!r:.60}, which is no id", self._select(["…"]))

    def _place(self, body: Any) -> str:
        """Return the path of the only list of an answer; "" if it has none."""
        if isinstance(body, list):
            return "$"
        if not isinstance(body, dict):
            raise Unusable(f"its answer is {body!r:.60}, without a list", self._select(["…"]))
        nodes: list[tuple[str, Json]] = [("", body)]
        for _ in range(DEEPEST):
            entries = [
                (f"{path}.{key}" if path else key, value)
                for path, node in nodes
                for key, value in node.items()
                if key.lower() not in ASIDE
            ]
            lists = [path for path, value in entries if isinstance(value, list)]
            usual = [path for path in lists if path.rpartition(".")[2] in RECORD_KEYS]
            if len(usual or lists) > 1:
                raise Unusable(
                    f"its answer contains several lists ({', '.join(usual or lists)})",
                    self._select(usual or lists),
                )
            if lists:
                return (usual or lists)[0]
            nodes = [(path, value) for path, value in entries if isinstance(value, dict)]
        return ""

    def _select(self, paths: list[str]) -> str:
        settings = [
            json.dumps({"endpoint": {"deletes": {"data_selector": path}}}, ensure_ascii=False)
            for path in paths
        ]
        return f"sets {self.setting} in Connector Settings: {' or '.join(settings)}"
