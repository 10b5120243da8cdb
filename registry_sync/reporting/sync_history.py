"""One result in Benchling for each run that got a session: planned, written once, reported.

Nothing that goes wrong here changes a run. What could not be written is tried again by the
reconciler; what Benchling refuses is said in the run's log, page and session.
https://docs.benchling.com/docs/getting-started-with-results
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.assay_results import (
    SchemaRefuses,
    dropdown_options,
    has_result,
    missing_fields,
    start_result,
    status_key,
)
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import AnswerLost, Refused, Wait
from registry_sync.benchling.history_target import SCHEMA, HistoryTarget, target_of_items
from registry_sync.benchling.response_types import Task
from registry_sync.core import stopping
from registry_sync.core.problems import SyncError
from registry_sync.models import HistoryResult, HistorySchema, SyncRun
from registry_sync.reporting.history_row import history_row_of, result_id_of, sample_row

logger = logging.getLogger(__name__)
LOOKS = (0.1, 0.2, 0.5, 1.0, 2.0, 2.0)
"""Seconds between looks at the task; what takes longer is looked at by the reconciler."""
TRIES = 20
LONGEST = timedelta(hours=1)
State = HistoryResult.State


class NotYet(Exception):
    """Whether a result is created is not known; it is looked at again later."""


def plan_history_row(run: SyncRun, target: HistoryTarget | None) -> None:
    """Keep where a run's row will go, as its configuration says now."""
    if run.dry_run:
        return
    if target is None:
        HistoryResult.objects.filter(run=run, state=State.WAITING, tries=0).delete()
        return
    place = {"schema_id": target.schema_id, "project_id": target.project_id}
    HistoryResult.objects.update_or_create(run=run, defaults=place)


def write_history_row(run: SyncRun, client: Client) -> str:
    """Write an ended run's row, if its configuration wants one; return what to report, or "".

    Raise nothing but Stopping, LeaseLost and what the database raises.
    """
    if run.dry_run or not run.session_id:
        return ""
    try:
        row = HistoryResult.objects.filter(run=run).first() or _planned_late(run, client)
    except (Refused, SyncError, Wait):
        return ""  # the configuration is out of reach, and the run says so
    if row is None or row.state != State.WAITING:
        return ""
    return _attempt(row, run, lambda: _write(row, run, client))


def write_waiting(client: Callable[[], Client]) -> None:
    """Try again to write the rows that are waiting and whose time has come."""
    now = timezone.now()
    rows = HistoryResult.objects.filter(state=State.WAITING, next_try_at__lte=now)
    for row in rows.select_related("run__lane").order_by("next_try_at")[:20]:
        write_history_row(row.run, client())


def learn_fields(client: Client, target: HistoryTarget) -> HistorySchema:
    """Learn which fields a result schema lacks, and keep it. Raise SchemaRefuses, Refused."""
    options = dropdown_options(client, target.schema_id)
    sample = sample_row()
    sample |= {name: min(ids.values()) for name, ids in options.items() if name in sample}
    left_out = missing_fields(client, target, sample)
    options = {name: ids for name, ids in options.items() if name in {*sample} - {*left_out}}
    row, _ = HistorySchema.objects.update_or_create(
        **runs.app_key(),
        schema_id=target.schema_id,
        defaults={"left_out": left_out, "options": options, "learned_at": timezone.now()},
    )
    return row


def _planned_late(run: SyncRun, client: Client) -> HistoryResult | None:
    """Plan the row of a run that ended before its configuration could be read."""
    if run.phase != SyncRun.Phase.CONFIGURE:
        return None
    plan_history_row(run, target_of_items(client.configuration_items()))
    return HistoryResult.objects.filter(run=run).first()


def _attempt(row: HistoryResult, run: SyncRun, work: Callable[[], str]) -> str:
    """Do one attempt and keep how it ended; return what to report, or ""."""
    row.tries += 1
    try:
        refused = work()
    except (SyncError, Wait, AnswerLost, NotYet) as error:
        return _later(row, run, error)
    except (Refused, SchemaRefuses) as refusal:
        if isinstance(refusal, Refused) and refusal.is_limit:
            return _later(row, run, refusal)
        refused = str(refusal)
    except (stopping.Stopping, runs.LeaseLost, DatabaseError):
        raise
    except Exception as error:
        logger.exception("The row for %s could not be made", SCHEMA, extra=runs.log_extra(run))
        refused = f"an internal error ({type(error).__name__})"
    return _ended(row, run, refused)


def _write(row: HistoryResult, run: SyncRun, client: Client) -> str:
    """Create the result unless it exists; return why it was refused, or ""."""
    target = HistoryTarget(row.schema_id, row.project_id)
    row.result_id = row.result_id or result_id_of(run)
    if row.tries > 1:
        if row.task_id and (task := _ended_task(row, client)) is not None:
            return _fault_of(task, row, client)
        if has_result(client, row.result_id):
            return ""
    fields = _taken(run, client, target)
    row.save()  # before it is sent: another process may have to look for it
    try:
        row.task_id = start_result(client, target, row.result_id, fields)
    except Refused:
        if has_result(client, row.result_id):  # another attempt was quicker
            return ""
        raise
    row.save(update_fields=["task_id"])  # at once: another process waits for its end
    task = _ended_task(row, client)
    if task is None and not has_result(client, row.result_id):
        raise Refused(404, "Benchling does not know the task that should create the result.")
    return _fault_of(task, row, client) if task is not None else ""


def _ended_task(row: HistoryResult, client: Client) -> Task | None:
    """Return the task's end; None if Benchling has forgotten it.

    Raise NotYet while it runs, and where Benchling does not say.
    """
    for pause in (*LOOKS, 0.0):
        try:
            task = client.task(row.task_id)
        except Refused as refused:
            if refused.is_limit:
                raise
            if _is_there(client, row.result_id):
                return None
            raise NotYet(f"Benchling refuses to show the task that creates it: {refused}") from None
        if task is None or not task.running:
            return task
        client.pause(pause, "")
    raise NotYet("Benchling has not finished the task that creates it.")


def _is_there(client: Client, result_id: str) -> bool:
    try:
        return has_result(client, result_id)
    except Refused:
        return False


def _fault_of(task: Task, row: HistoryResult, client: Client) -> str:
    """Return why a task failed, or "": also where another attempt has created the result."""
    if task.succeeded or has_result(client, row.result_id):
        return ""
    return task.message or f"Benchling refused it: {task.errors}"


def _taken(run: SyncRun, client: Client, target: HistoryTarget) -> dict[str, Any]:
    """Return the values that the schema takes; a run reports once which ones it does not."""
    row = HistorySchema.objects.of_app().filter(schema_id=target.schema_id).first()
    if row is None or row.learned_at is None or row.options is None:
        row = learn_fields(client, target)
    values = {
        name: value for name, value in history_row_of(run).items() if name not in row.left_out
    }
    lacking = []
    for name, ids in (row.options or {}).items():
        if name in values:
            label = str(values.pop(name))
            if (option := ids.get(status_key(label))) is not None:
                values[name] = option
            else:
                lacking.append(f"{name} “{label}”")
    _report(run, row, lacking)
    return values


def _report(run: SyncRun, row: HistorySchema, lacking: list[str]) -> None:
    """Report the fields and dropdown options that a schema lacks, unless a run has done so."""
    names = list(row.left_out)
    reported = [each for each in row.reported if "“" in each]
    if names and names != [each for each in row.reported if each not in reported]:
        text = (
            f"{SCHEMA} ({row.schema_id}) has no usable fields with the system names "
            f"{', '.join(names)}. Results are written without them."
        )
        runs.log(run, "WARNING", text)
    if new := [each for each in lacking if each not in reported]:
        text = (
            f"Dropdowns of {SCHEMA} ({row.schema_id}) have no option for {', '.join(new)}. The "
            "result is written without it. A Benchling admin adds the option to the dropdown."
        )
        runs.log(run, "WARNING", text)
    values: dict[str, Any] = {"reported": names + reported + new}
    if lacking:  # the next run looks whether the option was added
        values["learned_at"] = None
    HistorySchema.objects.filter(pk=row.pk).update(**values)


def _later(row: HistoryResult, run: SyncRun, error: Exception) -> str:
    """Keep a row for another try, unless there were too many; return what to report."""
    unknown = isinstance(error, NotYet)
    if row.tries >= TRIES:
        state = State.UNKNOWN if unknown else State.REFUSED
        return _ended(row, run, f"{error} (after {row.tries} attempts)", state)
    row.next_try_at = timezone.now() + min(timedelta(minutes=2 ** min(row.tries, 7)), LONGEST)
    row.note = str(error)
    row.save()
    if row.tries > 1:
        return ""
    text = f"This run's result in {SCHEMA} is not written yet and will be tried again: {error}"
    if unknown:
        text = (
            f"It is not known yet whether this run's result in {SCHEMA} was written. This will be "
            f"checked again: {error}"
        )
    runs.log(run, "WARNING", text)
    return text


def _ended(row: HistoryResult, run: SyncRun, refused: str, state: State = State.REFUSED) -> str:
    row.state = state if refused else State.WRITTEN
    row.note, row.next_try_at = refused, None
    row.save()
    if not refused:
        runs.log(run, "INFO", f"This run's result in {SCHEMA} was written ({row.result_id}).")
        return ""
    # What the schema takes may have changed: the next run learns it again.
    HistorySchema.objects.of_app().filter(schema_id=row.schema_id).update(learned_at=None)
    outcome = "was not written" if state == State.REFUSED else "is not known to be written"
    text = (
        f"This run's result in {SCHEMA} {outcome}: {refused.rstrip('.')}. A Benchling admin "
        "must check the schema, the project and the app's access; manage.py doctor tests them."
    )
    runs.log(run, "WARNING", text)
    return text
