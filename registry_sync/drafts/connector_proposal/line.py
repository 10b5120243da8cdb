"""What is proposed, line by line, and what was seen of the registry for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.source.connector_settings import read_connector
from registry_sync.source.http import Reply

LONGEST = 40.0
"""Seconds after which no further parameter is tried: people wait for a test."""


@dataclass(frozen=True, slots=True)
class ProposedSetting:
    """One setting that is proposed, by its path, and what was seen that speaks for it.

    A line without a `setting` says only what was seen.
    """

    setting: str
    value: Any
    evidence: str


@dataclass
class Findings:
    """The registry as far as it was looked at: the settings so far, and what came by them.

    `open_source` makes a client for a connector; it is the caller's to close.
    """

    api_url: str
    open_source: Callable[[Connector], Source]
    settings: Json
    lines: list[ProposedSetting] = field(default_factory=list)
    reply: Reply | None = None
    records: list[Json] = field(default_factory=list)
    complete: bool = False
    """Whether `records` are all that the registry has."""
    page_size: int = 0
    """Records of the first page."""
    until: float = field(default_factory=lambda: time.monotonic() + LONGEST)
    """When no further parameter is tried."""
    counting: str = ""
    """A path of ids that may only count the records of a page."""

    def add(self, setting: str, value: Any, evidence: str) -> None:
        """Propose a setting, such as `endpoint.data_selector`."""
        self.settings = with_setting(self.settings, setting, value)
        self.lines.append(ProposedSetting(setting, value, evidence))

    def replace(self, setting: str, value: Any, evidence: str) -> None:
        """Propose another value for a setting than earlier."""
        self.lines = [line for line in self.lines if line.setting != setting]
        self.add(setting, value, evidence)

    def note(self, evidence: str) -> None:
        """Say what was seen where no setting follows."""
        self.lines.append(ProposedSetting("", None, evidence))

    def settle(self, error: SourceError) -> None:
        """Raise SourceError after a passing one, unless the registry answers a plain request.

        Some registries answer 500 to a parameter that they do not know.
        """
        if error.transient:
            self.source(endpoint__params={}, endpoint__incremental=None).first_reply()

    @property
    def is_late(self) -> bool:
        """Return whether the registry answers so slowly that no more should be tried."""
        return time.monotonic() > self.until

    @property
    def key(self) -> str | list[str]:
        """Return the path or paths of a record's id, as far as they are proposed."""
        key: str | list[str] = (self.settings.get("endpoint") or {}).get("primary_key") or "id"
        return key

    def source(self, **changed: Any) -> Source:
        """Return a client by the settings so far, with some of them `changed`, by path.

        Raise SourceError if they cannot be used together.
        """
        settings = self.settings
        for setting, value in changed.items():
            settings = with_setting(settings, setting.replace("__", "."), value)
        connector, faults = read_connector(settings, api_url=self.api_url)
        if faults:
            raise SourceError("; ".join(faults), remedy="", kind="mapping")
        return self.open_source(replace(connector, detail=None))


def with_setting(settings: Json, path: str, value: Any) -> Json:
    """Return settings with a value at a dotted path."""
    key, _, rest = path.partition(".")
    inner = settings.get(key)
    at = with_setting(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return {**settings, key: at}
