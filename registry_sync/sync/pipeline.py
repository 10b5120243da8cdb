"""The straight line: configure, watermark, pull, transform, compare, upsert, record, report.

One code path for every trigger. `Line.work` does one slice of a run: it begins by taking up what
an earlier slice left, works whole batches until its time is up, and says whether there is more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence

from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.bulk_upsert import access_lost
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait, retry_time
from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.core.waits import CONFIGURATION_CHANGED, NEW_API_KEY, OBJECT_LIMIT
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.reporting import app_status
from registry_sync.reporting.bookmark import bookmark_of
from registry_sync.reporting.session_messages import counts_sentence
from registry_sync.runs import estimate
from registry_sync.source.client import Source
from registry_sync.source.pages import Page
from registry_sync.sync import benchling_state as rebuild
from registry_sync.sync import drift, retry
from registry_sync.sync import outcome as verdict
from registry_sync.sync import starting_point as start
from registry_sync.sync.compare import compare
from registry_sync.sync.context import Slice
from registry_sync.sync.delivery import leftover_batches as leftover
from registry_sync.sync.delivery.delivery import Delivery
from registry_sync.sync.delivery.dry_run import Rehearsal
from registry_sync.sync.gates import adoption, guards, names
from registry_sync.sync.gates.admission import admit
from registry_sync.sync.listener import Listener
from registry_sync.sync.pacing import Terms, sleep
from registry_sync.sync.phase_timer import Stopwatch
from registry_sync.sync.records import Candidate, SourceRecord, arrivals
from registry_sync.sync.setup import Setup, configure, lane_key
from registry_sync.sync.source_tracking import Reading

Phase = SyncRun.Phase


class Line:
    """One slice of one run, from its lease to its end.

    `open_source(setup, pause, keep_alive)` makes the registry's client from the configuration of
    the tenant.
    `work` raises LeaseLost, Wait or SyncError; whoever composed the line ends the run then.
    """

    def __init__(
        self,
        run: SyncRun,
        lease: runs.Lease,
        client: Client,
        open_source: Callable[[Setup, Callable[[float], None], Callable[[], None]], Source],
        terms: Terms,
        listener: Listener,
    ) -> None:
        self.run, self.lease, self.client = run, lease, client
        self.open_source, self.terms, self.listener = open_source, terms, listener
        self.deadline = time.monotonic() + terms.slice_seconds
        self.session = app_status.Session(run, lease, client)
        self.claims = names.Claims()
        self.timed = Stopwatch(run.phase_seconds)
        self._renewed = time.monotonic()
        client.pause = self.pause

    def work(self) -> bool:
        """Work one slice; True when the run is finished, False when there is more to do."""
        try:
            with self.timed("configure"):
                self.configure()
            self.source = self.open_source(
                self.setup, lambda seconds: self.pause(seconds, ""), self.keep_alive
            )
            try:
                return self._work()
            except SourceError as error:
                if error.code != "registry_unauthorised" or not self._has_new_key():
                    raise
                raise Wait(retry_time(0), NEW_API_KEY) from error
            finally:
                self.source.close()
        finally:
            self.client.pause = sleep

    def _has_new_key(self) -> bool:
        """Say whether API Key was changed in Benchling since this slice began."""
        setup = configure(self.client, private_key=self.terms.private_key)
        return setup.config.api_key != self.setup.config.api_key

    def _work(self) -> bool:
        if self.run.phase == Phase.REBUILD and not self.rebuild():
            return False
        if self.run.phase == Phase.DRIFT and not self.look_for_drift():
            return False
        self.deliver = self._delivery()
        self.reading = Reading(
            self.run, self.lease, self.lane, self.setup.mapping, self.source.asked_from
        )
        self.guard = guards.UpdateGuard(self.run, self.lane, self.terms.great_change_percent)
        with self.timed("upsert"):
            self.deliver.recover()
        if self.run.phase == Phase.PULL and not self.pull():
            return False
        if self.run.phase == Phase.RETRY:
            with self.timed("retry"):
                if not self.retry():
                    return False
        with self.timed("report"):
            self.finish()
        return True

    # -- configure and watermark -----------------------------------------------------------

    def configure(self) -> None:
        """Read the configuration anew, and decide in the first slice from where to read."""
        self.setup = configure(self.client, private_key=self.terms.private_key)
        key = lane_key(self.client, self.setup)
        self.lane, is_new = Lane.objects.get_or_create(
            **key, defaults={"schema_name": self.setup.schema.name}
        )
        if is_new and (others := Lane.objects.exclude(pk=self.lane.pk).count()):
            text = (
                f"A new lane begins, with an empty ledger: {self.lane} in {self.lane.tenant}. "
                f"{'The other one keeps' if others == 1 else f'The {others} others keep'} what "
                "was recorded there."
            )
            runs.log(self.run, "WARNING", text)
        runs.keep_schema(self.lane, self.lease, self.setup.schema)
        self.at = Slice(self.run, self.lease, self.lane, self.setup, self.client)
        changed = self.run.phase != Phase.CONFIGURE and self._changed_meanwhile()
        if not self.run.dry_run:  # before anything is compared with what the ledger holds
            leftover.settle(self.run, self.lease, self.client, self.pause, own=changed)
        if self.run.phase == Phase.CONFIGURE:
            start.begin(self.at, "", full_after=self.terms.full_after)
        elif changed:
            runs.log(self.run, "WARNING", "The configuration changed: everything is read again.")
            if self.run.lane_id != self.lane.pk:
                runs.save(self.run, self.lease, **dict.fromkeys(ledger.COUNTS, 0))
            ledger.forget_hashes(self.run, self.lease)
            reason = "the mapping or the Benchling schema changed during the run"
            start.begin(self.at, reason, full_after=self.terms.full_after)

    def _changed_meanwhile(self) -> bool:
        same = self.run.fingerprint == self.setup.mapping.fingerprint
        return not same or self.run.lane_id != self.lane.pk

    def look_for_drift(self) -> bool:
        """Compare what Benchling holds with what we wrote; False when the slice's time is up."""
        with self.timed("drift"):
            done = drift.look(self.at, self.out_of_time)
        return done and self._looked()

    def rebuild(self) -> bool:
        """Fill an empty ledger from Benchling's own list; False when the slice's time is up."""
        with self.timed("rebuild"):
            done = rebuild.fill(self.at, self.out_of_time)
        return done and self._looked()

    def _looked(self) -> bool:
        runs.save(self.run, self.lease, position=None, phase=start.after_looking(self.run.kind))
        return True

    # -- pull to upsert --------------------------------------------------------------------

    def pull(self) -> bool:
        """Carry page after page; False when the slice's time is up before the last one."""
        if self.run.only:
            self.pilot()
            return self._pulled()
        again = self.run.position is not None
        for page in self._pages():
            self.session.open(quiet=self.run.created + self.run.updated == 0)
            records = arrivals(page.records, self.source, self.run.fingerprint, page.unread)
            if reason := self.reading.follow(page, records):
                return self._read_all_again(reason)
            with self.timed("compare"):
                # Pages from before the slice's end come again until one brings nothing known.
                again = bool(self.carry(records, page=page, again=again)) and again
            self._warn_of_times()
            self.tell()
            if page.next_position is not None and self.out_of_time() and not self.run.dry_run:
                with self.timed("upsert"):
                    self.deliver.flush()
                self.deliver.settled((), {}, **self.place(page))
                return False
        with self.timed("upsert"):
            self.deliver.flush()
        if reason := self.reading.lost():
            return self._read_all_again(reason)
        return self._pulled()

    def _warn_of_times(self) -> None:
        unread, example = self.source.bad_cursors
        if unread:
            runs.warn(
                self.run,
                self.lease,
                "no_time",
                f"Records bear no modification time that can be read (one has {example}): changes "
                "of them are seen by full runs only. The integration owner checks "
                "endpoint.incremental in Connector Settings.",
            )

    def _pulled(self) -> bool:
        if isinstance(self.deliver, Rehearsal):
            self.deliver.conclude()
        if not self.run.dry_run:
            runs.save(self.run, self.lease, phase=Phase.RETRY)
        return True

    def _pages(self) -> Iterator[Page]:
        since = None if self.run.reads_all else self.run.since
        pages = self.source.pages(since, position=self.run.position)
        while True:
            with self.timed("pull"):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def pilot(self) -> None:
        """Read and carry the records that were named, and no others."""
        found = self.source.fetch_all(self.run.only)
        for external_id in self.run.only:
            if external_id not in found:
                runs.warn(
                    self.run,
                    self.lease,
                    f"not_at_source:{external_id}",
                    f"{external_id} is not in the registry, or API Key may not see it: the "
                    "registry's owner knows.",
                )
        records = list(found.values())
        self.session.open()
        self.carry(arrivals(records, self.source, self.run.fingerprint), force=True)
        self.deliver.flush()

    def carry(
        self,
        records: Sequence[SourceRecord],
        *,
        page: Page | None = None,
        again: bool = False,
        force: bool = False,
    ) -> int:
        """Bring records to their end or into a batch: transform, compare, admit, deliver.

        What is settled is recorded together with the place that is reached by `page`. Returns how
        many this run had seen already, which are counted unless they come `again` by our doing.
        """
        out = compare(
            records,
            self.run,
            self.lane,
            self.setup,
            underway=self.deliver.underway,
            force=force,
            position=page.position if page else None,
        )
        if page is not None:
            self.reading.judge(records, out.settled)
        self.run.repeated += 0 if again else out.repeated
        self.run.coerced += out.coerced
        resting = self._admit(out.candidates, self.deliver.underway.values())
        with self.timed("upsert"):
            self.deliver.send_full_batches()
        place = self.place(page) if page and not out.later else {}
        self.deliver.settled([*out.settled, *resting], out.known, **place)
        if out.later:
            # An earlier form of these is still on its way: it has to land before they follow.
            self.deliver.flush()
            self.carry(out.later, page=page, again=True)
        return out.repeated

    def _admit(
        self, candidates: Sequence[Candidate], underway: Collection[str]
    ) -> list[RecordOutcome]:
        """Hand over to delivery what may go; returns the sightings of the rest.

        `underway` are the registry ids of what will be there first.
        """
        candidates, equal = adoption.consider(self.at, rebuild.learn(self.at, candidates))
        going, waiting = admit(
            self.lane, self.setup.schema, candidates, self.claims, underway=underway
        )
        self.guard.check(going)
        self.deliver.add(going)
        return [*equal, *waiting]

    def place(self, page: Page) -> Json:
        """Say how far the run has come with a page: where another process would go on."""
        position = self.deliver.oldest_position() or page.next_position
        seconds = self.run.phase_seconds
        return {"position": position, "phase_seconds": seconds, **self.reading.place()}

    def _delivery(self) -> Delivery | Rehearsal:
        if self.run.dry_run:
            return Rehearsal(
                self.run, self.lane, self.setup, self.client, self.claims, self.listener
            )
        return Delivery(
            run=self.run,
            lease=self.lease,
            lane=self.lane,
            setup=self.setup,
            client=self.client,
            claims=self.claims,
            pause=self.pause,
            on_failed_batch=self.check_access,
            batch_size=self.terms.batch_size,
            in_flight=self.terms.in_flight,
            objects_per_hour=self.terms.objects_per_hour,
        )

    def check_access(self, refusal: Refused | None) -> None:
        """After a failed batch: is it the whole run's cause? Raises SyncError or Wait."""
        if refusal is not None and refusal.status in (401, 403, 404):
            raise access_lost(refusal, f"the schema {self.setup.schema.name} and its folder")
        setup = configure(self.client, private_key=self.terms.private_key)
        if setup.mapping.fingerprint != self.setup.mapping.fingerprint or (
            setup.summary() != self.setup.summary()
        ):
            raise Wait(retry_time(0), CONFIGURATION_CHANGED)

    # -- errors tried again, and the end ---------------------------------------------------

    def retry(self) -> bool:
        """Try open errors again whose cause may be gone, until a round brings nothing more.

        False when a person wants the run to pause: what was tried by then is not tried again.
        """
        self.session.open()
        if verdict.read_whole(self.run, self.lane):
            closed = ledger.close_withdrawn(self.run, self.lease)
            if closed:
                text = f"{closed:,} errors are closed: their records are no longer in the registry."
                runs.log(self.run, "INFO", text)
        if not self._try_errors():
            return False
        if aside := retry.stand_aside(self.run, self.lane):
            self.deliver.rename(aside)
            if not self._try_errors():
                return False
        circle = retry.circles(self.run, self.lane, self.setup)
        if circle:
            resting = self._admit(circle, [candidate.entity.registry_id for candidate in circle])
            ledger.record(self.run, self.lease, resting)
            self.deliver.flush()
        return True

    def _try_errors(self) -> bool:
        while True:
            before = self.run.created + self.run.updated + self.run.unchanged
            for errors in retry.due(self.at):
                self.carry(self._again(errors), force=True)
                self.deliver.flush()
                self.tell()
                if runs.is_paused(self.run):
                    return False
            if before == self.run.created + self.run.updated + self.run.unchanged:
                return True

    def _again(self, errors: Sequence[EntityError]) -> list[SourceRecord]:
        """Take the copies we keep of refused records; what was read in part is asked for anew."""
        kept = [error for error in errors if error.waits_for != "detail"]
        # Who was asked for longest ago first: ten that stay broken must not stop all others.
        partly = sorted(
            (error for error in errors if error.waits_for == "detail"), key=lambda e: e.last_seen
        )
        try:
            whole, unread = self.source.read_whole([error.raw or {} for error in partly])
        except SourceError as error:  # all was read: its end must not hang on these
            runs.log(self.run, "WARNING", f"{error} {error.remedy}")
            whole, unread = [], []
        asked = arrivals(whole, self.source, self.run.fingerprint, unread)
        again = [arrival._replace(retried=True) for arrival in asked]
        return retry.arrivals(kept, self.run.fingerprint) + again

    def finish(self) -> None:
        """Judge the run, end it, and tell everyone."""
        run = self.run
        self.session.open()
        incremental = self.setup.connector.incremental
        if run.moves_watermark and incremental is not None:
            # A registry whose records bear no time: what counts is when it was asked.
            asked = run.server_date if not incremental.cursor_path else None
            run.watermark = asked or run.watermark or run.server_date
        if equal := run.adoptions.filter(actor="").count():
            text = f"{equal:,} entities that were in Benchling before equal the registry's records"
            runs.log(run, "INFO", f"{text} and were taken over.")
        for warning in verdict.warnings(run, self.lane):
            runs.warn(run, self.lease, warning.code, warning.text)
        runs.finish(
            run,
            self.lease,
            verdict.status(run, self.lane),
            phase=Phase.REPORT,
            position=None,
            phase_seconds=run.phase_seconds,
            watermark=run.watermark,
            watermark_record=run.watermark_record,
            **{name: getattr(run, name) for name in ledger.COUNTS},
        )
        runs.log(run, "INFO", counts_sentence(run))
        self.client.pause = sleep  # the lease is given up by now
        app_status.close_session(run, self.client, bookmark_of(run))
        self.listener.progress(run)

    def _read_all_again(self, reason: str) -> bool:
        """Start the reading anew, from the beginning of everything."""
        self.deliver.flush()  # what waits bears a place in the reading that is given up
        runs.log(self.run, "WARNING", f"Everything is read: {reason}.")
        runs.save(
            self.run,
            self.lease,
            kind=self.run.kind if self.run.dry_run else SyncRun.Kind.FULL,
            reads_all=True,
            full_reason=reason[:300],
            since=None,
            expected_record="",
            watermark=None,
            watermark_record="",
            position=None,
            last_full_at=timezone.now(),
            server_date=None,
            older=0,
            **(dict.fromkeys(ledger.COUNTS, 0) if self.run.dry_run else {}),
        )
        return self.pull()

    # -- time ------------------------------------------------------------------------------

    def out_of_time(self) -> bool:
        """Say whether the slice ends here: its time is up, or a person wants the run to pause."""
        return time.monotonic() > self.deadline or runs.is_paused(self.run)

    def pause(self, seconds: float, reason: str) -> None:
        """Wait with the lease kept alive; a long wait is told, and one past the slice ends it."""
        if reason == OBJECT_LIMIT and self.run.limited_at is None:
            written = self.run.created + self.run.updated
            now = timezone.now()
            runs.save(self.run, self.lease, limited_at=now, limited_written=written)
        if reason and self.out_of_time():
            raise Wait(retry_time(seconds), reason)
        if reason and seconds > 1:
            self.session.progress(f"Waiting for {reason}; next try in {seconds:.0f} s.")
        # First of all: a holder whose lease was taken over must not go on, and ask again.
        runs.renew(self.lease)
        until, often = time.monotonic() + seconds, runs.lease_time().total_seconds() / 9
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, often))
            if left > often:
                runs.renew(self.lease)

    def keep_alive(self) -> None:
        """Prolong the lease now and then, while the registry is read page by page."""
        now, often = time.monotonic(), runs.lease_time().total_seconds() / 9
        if now - self._renewed > often:
            self._renewed = now
            runs.renew(self.lease)

    def tell(self) -> None:
        """Show progress to whoever watches: the terminal and App Status."""
        self.listener.progress(self.run)
        total = self.run.source_total
        of_total = f" of {total:,}" if total else ""
        left = estimate.time_left_sentence(self.run, per_hour=self.terms.objects_per_hour)
        counts = counts_sentence(self.run)
        self.session.progress(f"So far{of_total}: {counts} {left}".strip())
