"""Whether the registry's modified-since filter still works, where nothing that came shows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.models import Lane
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.source.filter_probe import LONG_AGO
from registry_sync.sync.context import RunContext

EVERY = timedelta(days=1)
"""How often a lane's filter is checked, at most, while it works."""


class FilterCheck:
    """Checks the filter after a run that got nothing new, once a day, and after each full run while
    it is broken. The lane keeps the result."""

    def __init__(self, ctx: RunContext, source: Source) -> None:
        self.ctx, self.run, self.lane, self.source = ctx, ctx.run, ctx.lane, source

    def broken(self) -> str:
        """Return why everything must be read, if the filter returns nothing new; else "".

        If a run knows which record must come back, that shows it already.
        """
        run = self.run
        try:
            if run.reads_all:
                if _is_broken(self.lane) and not run.dry_run:
                    self._judge()
            elif not run.dry_run and not run.watermark_record and self._is_expected():
                return self._check()
        except SourceError as error:
            text = f"Whether the modified-since filter works could not be checked: {error.message}"
            runs.log(run, "INFO", text)
            if not run.reads_all:
                self._keep(works=True, given=None)
        return ""

    def _is_expected(self) -> bool:
        if self.run.unchanged < self.run.read or not self.lane.ledger.exists():
            return False
        last = self.lane.source_state.get("filter", {})
        asked_since, at = last.get("asked"), last.get("at")
        if asked_since != self._long_ago_text() or not at:
            return True
        return timezone.now() - datetime.fromisoformat(at) > EVERY

    def _long_ago_text(self) -> str:
        return self.source.since_text(LONG_AGO)

    def _check(self) -> str:
        """Ask for what changed since long ago: where that is no more, everything must be read.

        Nothing is asked after a run that got as many records as the last full one.
        """
        last_full = runs.good_runs(self.lane).filter(reads_all=True).first()
        whole = last_full.read if last_full and self.run.read else 1
        given = None if self.run.read >= whole else self._given(more_than=self.run.read)
        works = given is None or given >= whole
        self._keep(works=works, given=given)
        if works:
            return ""
        return (
            "for changes since long ago, the modified-since filter returns no more than this run "
            "got: only reading everything shows whether it works"
        )

    def _judge(self) -> None:
        """Warn, after everything was read, if the filter does not return most of it.

        A filter that returns more than it did may be as broken: the next run checks one that works.
        """
        if not self.run.read:
            return
        before = self.lane.source_state["filter"].get("given") or 0
        given = self._given(more_than=max(before, self.run.read // 2))
        works = given is None or given >= self.run.read
        self._keep(works=works, given=given, check_next=works)
        if works:
            return
        what = f"only {number_of(given, 'record')}" if given else "nothing"
        text = f"For changes since {LONG_AGO:%Y-%m-%d}, the registry returns {what}, although it "
        text += f"has {'more' if given else 'records'}: its modified-since filter does not work, "
        text += "so everything is read each time. The integration owner checks with the registry's "
        text += "owner how it expects the time: the parameter's name, and "
        text += "endpoint.incremental.datetime_format and timezone in Connector Settings."
        runs.warn(self.run, self.ctx.lease, "filter_empty", text)

    def _given(self, *, more_than: int) -> int | None:
        """Return how many records changed since long ago; None if more than so many did.

        Raise SourceError.
        """
        given = 0
        for page in self.source.pages(LONG_AGO):
            given += len(page.records)
            if given > more_than:
                return None
        return given

    def _keep(self, *, works: bool, given: int | None, check_next: bool = False) -> None:
        found: dict[str, Any] = {
            "asked": self._long_ago_text(),
            "at": "" if check_next else timezone.now().isoformat(),
            "works": works,
            "given": given,
        }
        runs.learn_source_facts(self.lane, self.ctx.lease, filter=found)


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
        return "the modified-since filter did not work when it was last checked"
    return ""


def _is_broken(lane: Lane) -> bool:
    return lane.source_state.get("filter", {}).get("works") is False
