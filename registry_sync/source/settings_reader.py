"""Reading settings that a person wrote: values by type, and every fault by its path."""

from __future__ import annotations

import re
from typing import Any

from registry_sync.core.secrets import SECRET
from registry_sync.core.types import Json
from registry_sync.source.paths import PathError, compile_path, compile_template


class Faults:
    """Gathers faults, so that an owner sees all of them at once; what is at fault reads as empty.

    `where` is always the path of the value as its owner would write it.
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, fault: str) -> None:
        """Note a fault; a sentence part that begins with the path."""
        if fault not in self.found:
            self.found.append(fault)

    def section(
        self, raw: object, where: str, known: tuple[str, ...], later: tuple[str, ...] = ()
    ) -> Json:
        """Read an object that may hold the `known` keys; `later` are keys we know of but lack."""
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.add(f"{where or 'the whole'} must be an object")
            return {}
        for name, value in raw.items():
            at = f"{where}.{name}" if where else str(name)
            if name in later:
                if value not in (None, False, "none", {}, {"mode": "none"}):
                    self.add(f"{at} is not built yet")
            elif name not in known and not SECRET.fullmatch(str(name)):
                self.add(f"{at} is unknown: {', '.join(known)} are known here")
        return raw

    def secrets(self, raw: object, where: str) -> None:
        """Refuse secrets, whose place is `API Key`: everyone who may see the settings reads them.

        A value that is a placeholder or empty is none.
        """
        if isinstance(raw, list):
            for index, item in enumerate(raw):
                self.secrets(item, f"{where}[{index}]")
        if not isinstance(raw, dict):
            return
        for name, value in raw.items():
            at = f"{where}.{name}" if where else str(name)
            held = isinstance(value, (str, int, float)) and not isinstance(value, bool)
            if SECRET.fullmatch(str(name)) and held and not re.fullmatch(r"|\{.*\}", str(value)):
                self.add(f"{at} is a secret: put it into API Key, and say in client.auth how it "
                         "is sent")  # fmt: skip
            self.secrets(value, at)

    def choice(
        self,
        raw: Json,
        name: str,
        where: str,
        *,
        of: tuple[str, ...],
        default: str,
        later: tuple[str, ...] = (),
    ) -> Any:
        """Read one of some words."""
        value = raw.get(name, default)
        if value in later:
            self.add(f"{where}.{name} '{value}' is not built yet")
        elif value not in of:
            self.add(f"{where}.{name} {value!r} is none of {', '.join(of)}")
        else:
            return value
        return default

    def text(self, raw: object, where: str) -> str:
        """Read text, trimmed."""
        if raw is None:
            return ""
        if not isinstance(raw, str):
            self.add(f"{where} must be text")
            return ""
        return raw.strip()

    def whole(self, raw: object, where: str, *, least: int = 0) -> int:
        """Read a whole number."""
        if isinstance(raw, bool) or not isinstance(raw, int) or raw < least:
            self.add(f"{where} must be a whole number, {least} at least")
            return max(least, 1)
        return raw

    def mapping(self, raw: object, where: str) -> Json:
        """Read an object with any keys."""
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.add(f"{where} must be an object")
            return {}
        return dict(raw)

    def flat(self, raw: object, where: str) -> Json:
        """Read an object of plain values, as fit into headers and query parameters."""
        read: Json = {}
        for name, value in self.mapping(raw, where).items():
            many = value if isinstance(value, list) else [value]
            if not all(isinstance(item, (str, int, float)) for item in many):
                self.add(f"{where}.{name} must be text, a number, true or false, or a list of them")
                continue
            plain = [str(item).lower() if isinstance(item, bool) else item for item in many]
            read[name] = plain if isinstance(value, list) else plain[0]
        return read

    def path(self, raw: Json, name: str, where: str) -> str:
        """Read a path into a record or an answer."""
        text = self.text(raw.get(name), f"{where}.{name}")
        if text:
            try:
                compile_path(text)
            except PathError as error:
                self.add(f"{where}.{name}: {error}")
        return text

    def paths(self, raw: object, where: str) -> tuple[str, ...]:
        """Read a path or a list of them; templates of paths do as well."""
        read = []
        for item in raw if isinstance(raw, list) else [] if raw is None else [raw]:
            text = self.text(item, where)
            try:
                compile_template(text)
            except PathError as error:
                self.add(f"{where}: {error}")
            read.append(text)
        return tuple(read)
