"""What a record says about itself: its id and its modification time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from registry_sync.core.epochs import UNITS, other_unit
from registry_sync.core.types import Json
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.connector import Connector, Incremental
from registry_sync.source.paths import ABSENT, Getter, compile_path, compile_template
from registry_sync.source.timestamps import read_time


class RecordReader:
    """Reads the ids and modification times of one registry's records.

    `bad_cursors` counts the times that could not be read, with the first of them as an example.
    `untimed` is the id of its record, or "". A record without a time that `departs`, such as
    `{"id": 3, "deleted": true}`, needs none.
    """

    def __init__(
        self, connector: Connector, departs: Callable[[Json], bool] = lambda record: False
    ) -> None:
        self._departs = departs
        self.bad_cursors: tuple[int, str] = (0, "")
        self.untimed = ""
        self._terms = connector.incremental or Incremental()
        form = self._terms.datetime_format
        self._unit = form if form in UNITS else ""
        self._id_paths = [compile_template(path) for path in connector.id_paths]
        self._cursor: Getter | None = (
            compile_path(self._terms.cursor_path) if self._terms.cursor_path else None
        )

    def identify(self, record: Json) -> str | None:
        """Return a record's external id as text; None if it has none that is usable."""
        parts = []
        for path in self._id_paths:
            value = path(record)
            if type(value) is str and len(self._id_paths) == 1:  # nearly all are
                return value.strip() or None
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                return None
            text = str(value).strip()
            if not text:
                return None
            parts.append(text)
        return "-".join(parts)

    def cursor_of(self, record: Json) -> datetime | None:
        """Return a record's modification time, in UTC; count one that cannot be read."""
        if self._cursor is None:
            return None
        value = self._cursor(record)
        when = None if value is ABSENT else read_time(value, self._terms)
        if when is not None and self._unit and other_unit(value, self._unit):
            when = None  # seconds, given as milliseconds, would be a time in 1970
        if when is None and not (value in (ABSENT, None, "") and self._departs(record)):
            count, example = self.bad_cursors
            shown = "no value" if value is ABSENT else as_sent(value)
            self.bad_cursors = (count + 1, example or shown)
            if not count:
                self.untimed = self.identify(record) or ""
        return when
