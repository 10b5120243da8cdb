"""`manage.py sync_registry`: run one sync to its end in this process, or enqueue it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.db import DatabaseError

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.following import following_plan
from registry_sync.jobs.presses import work_presses
from registry_sync.jobs.reconciler import reconcile
from registry_sync.management.lane_options import lanes_to_sync
from registry_sync.management.lane_work import LaneOutcome, LaneWork, SeveralLanes
from registry_sync.management.operator import (
    FAILED,
    UNMIGRATED,
    OperatorCommand,
    is_unmigrated,
    refuse_misconfiguration,
    remedy_for,
)
from registry_sync.management.run_progress import RunProgress
from registry_sync.management.run_summary import (
    busy_sentence,
    does_as_much,
    left_sentence,
    run_summary,
    taken_sentence,
)
from registry_sync.management.sync_options import add_sync_options, wanted_run
from registry_sync.management.sync_output import output_mode
from registry_sync.models import Lane, SyncRun
from registry_sync.monitoring.alert_check import update_alerts
from registry_sync.runs.queue import enqueue
from registry_sync.sync.listener import Listener

SUCCEEDED, WARNINGS, BUSY = 0, 2, 75


class Command(OperatorCommand):
    help = (
        "Bring Benchling up to date with the registry. Exit status: 0 succeeded, 2 completed "
        "with warnings, 1 failed, 75 another run is active, 64 wrong usage. Where the app has "
        "several syncs, all of them run: 1 if any failed, 75 if all were busy, else 2 if any "
        "completed with warnings or was busy, else 0."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ended: list[LaneWork] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_sync_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        request = wanted_run(options)
        try:
            refuse_misconfiguration()
            with stopping.deferring_sigterm(), output_mode(self, options, self.ended):
                self._sync(request, options)
        except (SystemExit, CommandError):
            update_alerts(send=True)  # there may be no worker to do it
            raise
        except DatabaseError as error:
            if is_unmigrated():
                raise CommandError(UNMIGRATED, returncode=FAILED) from error
            raise CommandError(
                f"The database cannot be used: {str(error).strip()}. Nothing is lost: the run "
                "continues within two minutes after the database is back, or with the next "
                f"sync_registry. The operator must {remedy_for(error, 'check DATABASE_URL.')}",
                returncode=FAILED,
            ) from error
        update_alerts(send=True)

    def _sync(self, request: dict[str, Any], options: dict[str, Any]) -> None:
        work_presses()
        reconcile(alert=False)  # no slow receiver before the run
        special = "--only" if request["only"] else "--since" if request["since"] else ""
        lanes = lanes_to_sync(options["lane"], one_for=special)
        if len(lanes) > 1:
            self._sync_several(lanes, request, options)
        request["lane"] = next(iter(lanes), None)
        run, is_new = runs.request_run(**request)
        if not is_new:
            run = self._take_over(run, request)
        if options["enqueue"]:
            if not enqueue(run.pk):
                self._not_enqueued(run)
            self.stdout.write(f"Run {run.pk} is queued for the workers.")
            self._note(run)
            return
        jobs.tune_garbage_collector()
        if run.dry_run:
            self.stdout.write("DRY RUN: nothing is written to Benchling.")
        with RunProgress(
            self.stdout.isatty(), details=options["details"], out=self.stdout
        ) as watch:
            run = jobs.work_to_end(run.pk, watch, looks=False)  # `handle` does, at once
        if run.dry_run:
            watch.write_findings(run)
        if len(runs.current_lanes()) > 1 and not (options["lane"] or special):
            self._sync_several([], request, options, first=run)  # its configuration is new
        work_presses()
        self.stdout.write(run_summary(run))
        if run.dry_run:
            self.stdout.write("DRY RUN: nothing was written to Benchling.")
        self._exit(*self._with_following(run))

    def _with_following(self, run: SyncRun) -> list[SyncRun]:
        """Work the runs that a plan leads to; return all of them, in order."""
        done = [run]
        while (then := following_plan(done[-1])) is not None:
            with RunProgress(self.stdout.isatty(), details=False, out=self.stdout) as watch:
                then = jobs.work_to_end(then.pk, watch, looks=False)
            self.stdout.write(f"Then {run_summary(then)[0].lower()}{run_summary(then)[1:]}")
            done.append(then)
            if then.is_active:
                break
        return done

    def _take_over(self, run: SyncRun, request: dict[str, Any]) -> SyncRun:
        """Finish a run whose process died, then continue with the requested one.

        Raise SystemExit if the active run is alive, paused or waiting.
        """
        if why := busy_sentence(run):
            self._note(run, busy=why)
            self.stderr.write(why)
            raise SystemExit(BUSY)
        self.stdout.write(taken_sentence(run))
        finished = jobs.work_to_end(run.pk)
        if finished.is_active:
            self._left_to_others(finished)
        self.stdout.write(run_summary(finished))
        plain = not (request["only"] or request["since"])
        if plain and does_as_much(finished, request["kind"], reads_all=request["reads_all"]):
            self._exit(finished)
        again, is_new = runs.request_run(**request)
        if not is_new:
            self._left_to_others(again)
        return again

    def _left_to_others(self, run: SyncRun) -> NoReturn:
        """Exit while a run continues without this command, and say how it continues."""
        sentence = left_sentence(run)
        self._note(run, busy=sentence)
        self.stderr.write(sentence)
        raise SystemExit(BUSY)

    def _note(self, *found: SyncRun, busy: str = "") -> None:
        """Keep what became of the only lane for `--json`."""
        self.ended.append(LaneWork(found[0].lane, list(found), busy))

    def _exit(self, *found: SyncRun) -> NoReturn:
        if found[-1].is_active:
            self._left_to_others(found[-1])
        self._note(*found)
        statuses = {run.status for run in found}
        if statuses == {SyncRun.Status.SUCCEEDED}:
            raise SystemExit(SUCCEEDED)
        raise SystemExit(WARNINGS if statuses <= set(SyncRun.GOOD) else FAILED)

    # -- several lanes ---------------------------------------------------------------------

    def _sync_several(
        self,
        lanes: list[Lane],
        request: dict[str, Any],
        options: dict[str, Any],
        first: SyncRun | None = None,
    ) -> NoReturn:
        """Sync several lanes; after the run `first`, only those that it found to be new."""
        with RunProgress(self.stdout.isatty(), details=False, out=self.stdout) as bar:
            found: dict[int, RunProgress] = {}

            def listen(run: SyncRun) -> Listener:
                if not run.dry_run:
                    return bar
                details = options["details"]
                return found.setdefault(
                    run.pk, RunProgress(False, details=details, out=self.stdout)
                )

            work = SeveralLanes(
                request, say=self.stdout.write, complain=self.stderr.write, listen=listen
            )
            if first is not None:
                work.take(first)
            own_runs = work.request(lanes)
            if options["enqueue"]:
                for run in own_runs:
                    self._note(run)
                self.ended.extend(lane_work for lane_work in work.work.values() if lane_work.busy)
                self._enqueue(own_runs, work)
            jobs.tune_garbage_collector()
            if options["dry_run"] and first is None:
                self.stdout.write("DRY RUN: nothing is written to Benchling.")
            work.work_all()
        work_presses()
        for lane in work.work.values():
            for run in lane.runs:
                if run.pk in found:
                    found[run.pk].write_findings(run)
        work.tell()
        self.ended.extend(work.reported())
        if options["dry_run"]:
            self.stdout.write("DRY RUN: nothing was written to Benchling.")
        raise SystemExit(_status(work.outcomes()))

    def _enqueue(self, own_runs: list[SyncRun], work: SeveralLanes) -> NoReturn:
        """Hand the runs to the workers."""
        queued = [enqueue(run.pk) for run in own_runs]
        if not all(queued):
            self._not_enqueued(own_runs[queued.index(False)])
        for run in own_runs:
            self.stdout.write(f"Run {run.pk} is queued for the workers.")
        for lane in work.work.values():
            if lane.busy:
                self.stderr.write(f"{runs.LaneNames().of(lane.lane)}: {lane.busy}")
        status = SUCCEEDED if len(own_runs) == len(work.work) else WARNINGS if own_runs else BUSY
        raise SystemExit(status)

    def _not_enqueued(self, run: SyncRun) -> NoReturn:
        raise CommandError(
            f"Run {run.pk} is queued, but no worker could be notified. It starts when a worker "
            "polls or at the next sync_registry. The operator must check REDIS_URL and Redis.",
            returncode=FAILED,
        )


def _status(outcomes: list[LaneOutcome]) -> int:
    """Return the exit status over several lanes."""
    if LaneOutcome.FAILED in outcomes:
        return FAILED
    if outcomes and set(outcomes) == {LaneOutcome.BUSY}:
        return BUSY
    return WARNINGS if {LaneOutcome.BUSY, LaneOutcome.WARNED} & set(outcomes) else SUCCEEDED
