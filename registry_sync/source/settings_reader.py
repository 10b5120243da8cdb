"""Reading settings that people wrote: values by type, and every fault by its path."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from registry_sync.core.json_text import numbers_unlike_json
from registry_sync.core.readable import in_message
from registry_sync.core.secrets import SECRET, is_secret
from registry_sync.core.types import Json
from registry_sync.source.paths import PathError, compile_path, compile_template

SHOWN = 80
"""Characters of a faulty value that its fault shows."""
OWN_SECRET = "put it into API Key, and describe in client.auth how it is sent"


class SettingsReader:
    """Reads values and collects faults, so that all of them can be reported at once.

    A faulty value reads as empty. `where` is always the path of a value as its owner writes it.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.unused: list[str] = []
        """Paths of settings that have no effect, each with the reason."""

    def add(self, fault: str) -> None:
        """Note a fault: a part of a sentence that begins with the path."""
        if fault not in self.faults:
            self.faults.append(fault)

    def add_unused(self, where: str, why: str) -> None:
        """Note a setting that has no effect, with the reason."""
        self.unused.append(f"{where} has no effect: {why}")

    def check_used(self, settings: Json, used: Iterable[str], where: str, why: str) -> None:
        """Note the settings that are given and not among those `used`, with the reason."""
        names = {*used}
        for name, value in settings.items():
            if name not in names and value is not None and not SECRET.fullmatch(str(name)):
                self.add_unused(f"{where}.{name}", why)

    # -- objects -----------------------------------------------------------------------------

    def section(
        self, raw: object, where: str, names: tuple[str, ...], later: tuple[str, ...] = ()
    ) -> Json:
        """Return an object that may have the keys `names`; `later` are keys not built yet."""
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.add(f"{where or 'the whole'} must be an object")
            return {}
        for name, value in raw.items():
            at = f"{where}.{name}" if where else str(name)
            if name in names:
                continue
            if name in later:
                if value not in (None, False, "none", {}, {"mode": "none"}):
                    self.add(f"{at} is not built yet")
            elif not SECRET.fullmatch(str(name)):
                self.add(f"{at} is unknown; the known settings here are {', '.join(names)}")
        return raw

    def fields(self, kind: Any, settings: Json, where: str) -> Json:
        """Return the settings of a dataclass that are given, by name.

        Names that end with `_path` are paths. The others are text or whole numbers, as their
        defaults are. Numbers are 1 or more; an `offset` and those that begin with `base_` are 0 or
        more.
        """
        read: Json = {}
        for each in dataclasses.fields(kind):
            name, value = each.name, settings.get(each.name)
            if value is None:
                continue
            if name.endswith("_path"):
                read[name] = self.path(settings, name, where)
            elif isinstance(each.default, bool) or each.type == "bool | None":
                read[name] = self.truth(value, f"{where}.{name}")
            elif isinstance(each.default, int):
                least = 0 if name.startswith("base_") or name == "offset" else 1
                read[name] = self.whole(value, f"{where}.{name}", least=least)
            else:
                read[name] = self.text(value, f"{where}.{name}")
        return read

    def mapping(self, raw: object, where: str) -> Json:
        """Return an object with any keys."""
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self.add(f"{where} must be an object")
            return {}
        return dict(raw)

    def flat(self, raw: object, where: str) -> Json:
        """Return an object of plain values, as they fit into headers and query parameters."""
        read: Json = {}
        for name, value in self.mapping(raw, where).items():
            many = value if isinstance(value, list) else [value]
            if not all(isinstance(item, (str, int, float)) for item in many):
                self.add(f"{where}.{name} must be text, a number, true or false, or a list of them")
                continue
            plain = [str(item).lower() if isinstance(item, bool) else item for item in many]
            read[name] = plain if isinstance(value, list) else plain[0]
        return read

    # -- single values -----------------------------------------------------------------------

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
        """Return one of some words; `later` are words not built yet."""
        value = raw.get(name)
        if value is None:
            return default
        if value in of:
            return value
        if value in later:
            self.add(f"{where}.{name} {in_message(value, SHOWN)} is not built yet")
        else:
            given = in_message(value, SHOWN)
            self.add(f"{where}.{name} {given} is not one of {', '.join(of)}")
        return default

    def text(self, raw: object, where: str) -> str:
        """Return text, trimmed."""
        if raw is None:
            return ""
        if not isinstance(raw, str):
            self.add(f"{where} must be text")
            return ""
        return raw.strip()

    def texts(self, raw: object, where: str) -> list[str]:
        """Return a text or a list of them, as a list."""
        if isinstance(raw, list) and None in raw:
            self.add(f"{where} must be text, or a list of texts")
        return [self.text(item, where) for item in (raw if isinstance(raw, list) else [raw])]

    def whole(self, raw: object, where: str, *, least: int = 0) -> int:
        """Return a whole number."""
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        if isinstance(raw, bool) or not isinstance(raw, int) or raw < least:
            self.add(f"{where} must be a whole number, at least {least}")
            return max(least, 1)
        return raw

    def truth(self, raw: object, where: str) -> bool:
        """Return true or false."""
        if not isinstance(raw, bool):
            self.add(f"{where} must be true or false")
        return raw is True

    def path(self, raw: Json, name: str, where: str) -> str:
        """Return a path into a record or an answer."""
        text = self.text(raw.get(name), f"{where}.{name}")
        if text:
            try:
                compile_path(text)
            except PathError as error:
                self.add(f"{where}.{name}: {error}")
        return text

    def paths(self, raw: object, where: str) -> tuple[str, ...]:
        """Return a path, or a template of paths, or a list of them, as a tuple."""
        read = []
        for item in raw if isinstance(raw, list) else [] if raw is None else [raw]:
            text = self.text(item, where)
            if item is None:
                self.add(f"{where} must be text, or a list of texts")
            try:
                compile_template(text)
            except PathError as error:
                self.add(f"{where}: {error}")
            read.append(text)
        return tuple(read)

    # -- checks ------------------------------------------------------------------------------

    def check_secrets(self, raw: object, where: str) -> None:
        """Refuse secrets anywhere below: everyone who can see the settings could read them.

        A value that is empty or a placeholder is no secret.
        """
        if isinstance(raw, list):
            for index, item in enumerate(raw):
                self.check_secrets(item, f"{where}[{index}]")
        if not isinstance(raw, dict):
            return
        for name, value in raw.items():
            at = f"{where}.{name}" if where else str(name)
            if is_secret(str(name), value):
                self.add(f"{at} is a secret: {OWN_SECRET}")
            self.check_secrets(value, at)

    def check_numbers(self, raw: object) -> None:
        """Check that all numbers are ones that JSON has: they are sent and stored as JSON."""
        for where, number in numbers_unlike_json(raw):
            self.add(f"{where} must be a finite number, not {number}")

    def check_address(self, url: str, where: str) -> None:
        """Check that a URL is one, and contains no secret."""
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            can_be_sent = not usable or _has_a_host(url)
        except ValueError:
            can_be_sent = False
        if not can_be_sent:
            self.add(f"{where} is not a valid URL")
            return
        if not usable:
            self.add(f"{where} is not a valid URL; it must begin with https://")
        secret_names = [
            name for name, value in parse_qsl(parts.query) if SECRET.fullmatch(name) and value
        ]
        if parts.username or parts.password or secret_names:
            self.add(f"{where} contains a secret: {OWN_SECRET}")

    def check_sendable(self, text: str, where: str) -> None:
        """Check that a text can be sent in a header."""
        if not (text.isascii() and text.isprintable()):
            self.add(f"{where} must be one line of plain (ASCII) text")

    def check_required(self, settings: Any, where: str) -> None:
        """Check that the settings which a type requires are there: see its `required`."""
        for name in settings.required:
            if not getattr(settings, name):
                self.add(f"{where}.{name} is required for {settings.type}")


@lru_cache(maxsize=256)
def _has_a_host(url: str) -> bool:
    """Return whether a request can be sent to a URL, as far as its host's name shows.

    Raise ValueError (UnicodeError) where a part of the name is empty or has over 63 characters.
    """
    try:
        sent = requests.Request("GET", url).prepare().url or ""
    except requests.RequestException:  # a space, or a letter that no name has
        return False
    return bool((urlsplit(sent).hostname or "").encode("idna"))


def setting_names(kinds: Iterable[Any]) -> tuple[str, ...]:
    """Return the names of the settings of some dataclasses, each once."""
    return tuple(dict.fromkeys(name for kind in kinds for name in _names_of(kind)))


@cache
def _names_of(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(kind))
