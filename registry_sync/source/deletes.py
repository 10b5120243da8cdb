"""How the registry says that a record has left it: the settings of `endpoint.deletes`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from registry_sync.core.setting import (
    LIST,
    PATH,
    PATHS,
    Setting,
    one_of,
    setting,
    settings_of,
    whole,
)
from registry_sync.core.types import Json
from registry_sync.source.answers.marks import as_sent, is_marked
from registry_sync.source.json_values import key_of, keys_of
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.source.settings_reader import SettingsReader

Mode = Literal["none", "flag", "feed", "absence"]
FEW = 3
"""The guard never stops this few withdrawals or fewer."""
NO_VALUES = frozenset(map(key_of, (None, False, 0, "", [], {})))
"""Values of a flag's path that say nothing, where `values` does not say which ones do."""
NO_TEXT = re.compile(
    r"\s*(?:false|f|no|n|0|off|null|none|nil|n/a|-|never|(?:000[01]|1753|1900|1970|9999)-\d.*)?\s*",
    re.IGNORECASE,
)
"""Texts that say nothing there: no, and the least or greatest time of a system."""


@dataclass(frozen=True, slots=True)
class Deletes:
    """The settings of `endpoint.deletes`."""

    mode: Mode = "none"
    path: str = setting(
        "",
        "For `flag`: the path of the value that marks a deleted record. For `feed`: the address "
        "of the list of deletions, appended to the base; `{incremental.start_value}` in it is the "
        "time of the feed's own last read.",
        example="is_archived",
    )
    values: tuple[Any, ...] = setting(
        (),
        "For `flag`: the values that mark a deleted record, compared as JSON. Without it, every "
        "value does but null, false, 0, an empty text, list or object, text that says no, and "
        "times such as 0001-01-01 and 9999-12-31.",
        type=LIST, shown=[True], example=["retired", "deleted"],
    )  # fmt: skip
    ids_endpoint: str = setting(
        "",
        "For `absence`: the address of a list of all ids, appended to the base. It makes a "
        "complete listing in each run.",
        example="compounds/ids",
    )
    data_selector: str = setting(
        "",
        "The path of the entries in the answers of the feed or of `ids_endpoint`: records, or "
        "bare ids. Without it, it is learned as for the list.",
        type=PATH, example="ids",
    )  # fmt: skip
    primary_key: tuple[str, ...] = setting(
        (),
        "The path of the id in an entry of the feed or of `ids_endpoint`, or a list of paths. "
        "Without it, it is that of the records.",
        type=PATHS, example="compound_id",
    )  # fmt: skip
    guard_percent: int = setting(
        5,
        "More withdrawals than this share of the lane wait for someone.",
        type=whole(),
        example=1,
    )
    guard_count: int = setting(
        50,
        "More withdrawals than this number wait for someone. The smaller of both limits holds, "
        "but never less than 3.",
        type=whole(), example=10,
    )  # fmt: skip
    _marks: frozenset[Any] = field(default=frozenset(), repr=False)

    def most(self, entities: int) -> int:
        """Return how many of a lane's entities may be withdrawn at once without someone."""
        return max(FEW, min(entities * self.guard_percent // 100, self.guard_count))

    def flagged(self, record: Json) -> str:
        """Return how a record is marked as deleted, as a clause; "" if it is not."""
        if self.mode != "flag":
            return ""
        value = compile_path(self.path)(record)
        if is_marked(value):  # the transformation refuses the record
            return ""
        if value is ABSENT:
            value = None
        marked = key_of(value) in self._marks if self._marks else _says_something(value)
        return f"{self.path} is {as_sent(value)}" if marked else ""

    @property
    def for_fingerprint(self) -> list[Any]:
        """Return what decides which records are the lane's; nothing where no flag does."""
        return [["deletes", self.path, list(self.values)]] if self.mode == "flag" else []


def _says_something(value: Any) -> bool:
    """Return whether a flag is set, by whatever value."""
    if isinstance(value, str):
        return NO_TEXT.fullmatch(value) is None
    return key_of(value) not in NO_VALUES


USED: dict[Mode, tuple[str, ...]] = {
    "none": (),
    "flag": ("path", "values"),
    "feed": ("path", "data_selector", "primary_key"),
    "absence": ("ids_endpoint", "data_selector", "primary_key"),
}
"""The settings that have an effect in each mode, beside the guard's."""
GUARD = ("guard_percent", "guard_count")
DELETES = {
    "mode": Setting(
        "How the registry says that a record has left it. `flag`: by a value of the record. "
        "`feed`: by a list of deletions. `absence`: by leaving it out of a complete list.",
        one_of("none", "flag", "feed", "absence"), "none", "flag",
    ),
    **settings_of(Deletes),
}  # fmt: skip
"""The settings of `endpoint.deletes`, by name."""


def read_deletes(reader: SettingsReader, raw: object, *, scoped: bool) -> Deletes:
    """Return the settings of `endpoint.deletes`, and note every fault by its path.

    `scoped`: the scope decides, too, which records leave, so that the guard has something to do.
    """
    where = "endpoint.deletes"
    settings = reader.section(None if raw is False or raw == "none" else raw, where, tuple(DELETES))
    modes = tuple(USED)
    mode: Mode = reader.choice(settings, "mode", where, of=modes, default="none")
    used = ("mode", *USED[mode], *(GUARD if mode != "none" or scoped else ()))
    if settings.get("mode") in (None, *modes):
        _note_unused(reader, settings, mode, used)
    path = reader.path(settings, "path", where) if mode == "flag" else reader.text(
        settings.get("path"), f"{where}.path"
    )  # fmt: skip
    if mode in ("flag", "feed") and not path:
        reader.add(f"{where}.path is required for {mode}")
    values = settings.get("values")
    if values is not None and not isinstance(values, list):
        reader.add(f"{where}.values must be a list, for example [true]")
    marks = tuple(values if isinstance(values, list) else ())
    ids = reader.text(settings.get("ids_endpoint"), f"{where}.ids_endpoint")
    return Deletes(
        mode, path, marks, ids,
        data_selector=reader.path(settings, "data_selector", where),
        primary_key=reader.paths(settings.get("primary_key"), f"{where}.primary_key"),
        **_guard(reader, settings, where),
        _marks=keys_of(marks),
    )  # fmt: skip


def _guard(reader: SettingsReader, settings: Json, where: str) -> dict[str, int]:
    return {
        name: reader.whole(settings[name], f"{where}.{name}", least=1)
        for name in GUARD
        if settings.get(name) is not None
    }


def _note_unused(reader: SettingsReader, settings: Json, mode: Mode, used: tuple[str, ...]) -> None:
    other_settings = {name: value for name, value in settings.items() if name in DELETES}
    guards = {name: other_settings.pop(name) for name in GUARD if name in other_settings}
    reader.check_used(other_settings, used, "endpoint.deletes", f"the mode is {mode}")
    why = "the mode is none, and there is no scope"
    reader.check_used(guards, used, "endpoint.deletes", why)
    if mode == "absence" and not settings.get("ids_endpoint"):
        why = "only ids_endpoint uses it in the mode absence"
        for name in ("data_selector", "primary_key"):
            if settings.get(name) is not None:
                reader.add_unused(f"endpoint.deletes.{name}", why)
