"""The last phase: judge the run, end it and report it."""

from __future__ import annotations

from django.db import transaction

from registry_sync import ledger, runs
from registry_sync.core.text import were
from registry_sync.reporting import app_status
from registry_sync.reporting.bookmark import bookmark_of
from registry_sync.reporting.session_messages import counts_sentence
from registry_sync.source.watermark import settled
from registry_sync.sync import run_verdict
from registry_sync.sync.context import Phase, RunContext
from registry_sync.sync.plans import outcome
from registry_sync.sync.plans.plan_gate import watermark_of_plan
from registry_sync.sync.withdrawals.cautions import withdrawal_cautions


def finish_run(ctx: RunContext) -> None:
    """Judge the run, end it and tell everyone. Raise SyncError if it cannot be called good."""
    run = ctx.run
    ctx.session.open()
    _settle_watermark(ctx)
    if equal := run.adoptions.filter(actor="").count():
        text = f"{equal:,} entities that were in Benchling before equal the registry's records"
        if equal == 1:
            text = "1 entity that was in Benchling before equals the registry's record"
        runs.log(run, "INFO", f"{text} and {were(equal)} taken over.")
    outcome.conclude(ctx)
    ctx.session.open()  # a plan that waits is shown
    for warning in [*run_verdict.warnings(run, ctx.lane), *withdrawal_cautions(ctx)]:
        runs.warn(run, ctx.lease, warning.code, warning.text)
    with transaction.atomic():
        runs.renew(ctx.lease)
        ledger.seal_run(run, ctx.lane)
        runs.finish(
            run,
            ctx.lease,
            run_verdict.status(run, ctx.lane),
            phase=Phase.REPORT,
            position=None,
            watermark=run.watermark,
            watermark_record=run.watermark_record,
            **{name: getattr(run, name) for name in ledger.COUNTS},
        )
        ledger.end_reported(run)
    runs.log(run, "INFO", counts_sentence(run))
    ctx.pacer.leave_lease()  # `runs.finish` gave it up
    ctx.listener.progress(run)  # canvases leave the session before its last messages
    app_status.close_session(run, ctx.client, bookmark_of(run))


def _settle_watermark(ctx: RunContext) -> None:
    run, incremental = ctx.run, ctx.setup.connector.incremental
    is_held_back = bool(run.reading.get("held"))
    if not run.moves_watermark or incremental is None:
        return
    run.watermark = settled(
        run.watermark,
        run.server_date,
        run.since,
        # Where records have no modification time, what counts is when the registry was asked.
        by_cursor=bool(incremental.cursor_path),
        held=is_held_back,
    )
    last = ctx.last_good
    if is_held_back:  # the record that set the last watermark is still expected
        run.watermark_record = last.watermark_record if last and run.since else ""
    elif run.reads_all and run.reading.get("blind") and last and last.watermark and run.watermark:
        # A new record that a deletion hid from this read changed since the last run.
        run.watermark = min(run.watermark, last.watermark)
    limit = watermark_of_plan(ctx)
    if run.plan is not None and limit is not None and run.watermark and run.watermark > limit:
        run.watermark, run.watermark_record = limit, run.plan.run.watermark_record
