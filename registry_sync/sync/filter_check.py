"""Whether the registry's modified-since filter still works, where nothing that came shows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.models import Lane
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.source.filter_probe import LONG_AGO
from registry_sync.sync.context import RunContext

EVERY = timedelta(days=1)
"""How often a lane's filter is checked, at most, while it works."""


class FilterCheck:
    """Checks the filter after a run that got no records, once a day, and after each full run while
    it is broken. The lane keeps the result."""

    def __init__(self, ctx: RunContext, source: Source) -> None:
        self.ctx, self.run, self.lane, self.source = ctx, ctx.run, ctx.lane, source

    def broken(self) -> str:
        """Return why everything must be read, if the filter returns nothing; else "".

        If a run knows which record must come back, that shows it already.
        """
        run = self.run
        if run.reads_all:
            if _is_broken(self.lane) and not run.dry_run:
                self._check()
            return ""
        if run.dry_run or run.read or run.watermark_record or not self._is_expected():
            return ""
        return self._check()

    def _is_expected(self) -> bool:
        last = self.lane.source_state.get("filter", {})
        asked_since, at = last.get("asked"), last.get("at")
        if asked_since != self._long_ago_text() or not at:
            return self.lane.ledger.exists()
        return timezone.now() - datetime.fromisoformat(at) > EVERY and self.lane.ledger.exists()

    def _long_ago_text(self) -> str:
        return self.source.since_text(LONG_AGO)

    def _check(self) -> str:
        """Ask once for what changed since long ago, and keep what came of it."""
        try:
            works = bool(next(self.source.pages(LONG_AGO)).records)
        except SourceError as error:
            text = f"Whether the modified-since filter works could not be checked: {error.message}"
            runs.log(self.run, "INFO", text)
            works = True
        found: dict[str, Any] = {
            "asked": self._long_ago_text(),
            "at": timezone.now().isoformat(),
            "works": works,
        }
        runs.learn_source_facts(self.lane, self.ctx.lease, filter=found)
        if works:
            return ""
        text = f"For changes since {LONG_AGO:%Y-%m-%d}, the registry returns nothing, although it "
        text += "has records: its modified-since filter does not work, so everything is read each "
        text += "time. The integration owner checks with the registry's owner how it expects the "
        text += "time: the parameter's name, and endpoint.incremental.datetime_format and timezone "
        runs.warn(self.run, self.ctx.lease, "filter_empty", text + "in Connector Settings.")
        return "the modified-since filter returns nothing, whatever it is asked for"


def why_all(connector: Connector, lane: Lane) -> str:
    """Return why the registry cannot be asked for changes only; "" if it can."""
    incremental = connector.incremental
    if incremental is None or incremental.client_side:
        return ""
    if not connector.sends_since:
        return (
            "nothing in endpoint.params or endpoint.json of Connector Settings sends "
            "{incremental.start_value}"
        )
    if _is_broken(lane):
        return "the modified-since filter returned nothing, whatever it was asked for"
    return ""


def _is_broken(lane: Lane) -> bool:
    return lane.source_state.get("filter", {}).get("works") is False
