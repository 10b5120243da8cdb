"""The functions that RQ workers call, by the paths in core.dotted_paths."""

from __future__ import annotations

from registry_sync.drafts import preview
from registry_sync.drafts.preview_queue import enqueue_preview
from registry_sync.jobs.presses import let_presses_join
from registry_sync.jobs.runner import SliceEnd, tune_garbage_collector, work_slice
from registry_sync.models import MappingDraft, Reconciliation
from registry_sync.runs.queue import enqueue
from registry_sync.sync.clients import client_of_settings, plain_source, source_of
from registry_sync.sync.reconcile import record as reconciling


def run_sync(run_id: int) -> None:
    """Work one slice of a run, and queue the next one."""
    tune_garbage_collector()
    let_presses_join(run_id)
    if work_slice(run_id) is SliceEnd.MORE:
        enqueue(run_id)


def run_preview(draft_id: int) -> None:
    """Work one slice of a draft's preview, and queue the next one behind other jobs."""
    if preview.work_preview(draft_id, client_of_settings, source_of):
        enqueue_preview(MappingDraft.objects.get(pk=draft_id))


def run_reconciliation(pk: int) -> None:
    """Compare both sides of a lane, as someone asked for at the desk."""
    row = Reconciliation.objects.select_related("lane").get(pk=pk)
    if row.finished_at is None:
        reconciling.work(row, client_of_settings(), plain_source)
