"""Strings that Django and RQ import, and jobs that were queued under a path that is gone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from registry_sync import runs
from registry_sync.core import dotted_paths
from registry_sync.drafts import preview, starting
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import (
    Installation,
    Lane,
    MappingDraft,
    Reconciliation,
    SyncRun,
    WebhookDelivery,
)
from registry_sync.sync.clients import client_of_settings, plain_source
from registry_sync.sync.reconcile import record as reconciling
from sandbox.redis import RedisServer
from tests.support import ROOT
from tests.support.factories import WebhookDeliveryFactory
from tests.support.registry import compound
from tools.syntax_trees import nodes_of

NAMES = ("sync", "interactive")
HOUR = timedelta(hours=1)


@pytest.fixture
def queues(settings: Any) -> Iterator[dict[str, Queue]]:
    """The service's two queues, on a Redis of the test's own."""
    server = RedisServer().start()
    settings.REDIS_URL = server.url
    connection = Redis.from_url(server.url)
    yield {name: Queue(name, connection=connection, serializer=JSONSerializer) for name in NAMES}
    connection.close()
    server.stop()


def work(queue: Queue) -> None:
    """Let a worker take what is queued, until nothing is left."""
    SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)


@pytest.mark.once
def test_every_path_leads_to_what_it_names():
    named = [value for name, value in vars(dotted_paths).items() if name.isupper()]
    paths = [path for one in named for path in (one.values() if isinstance(one, dict) else [one])]
    assert paths
    for path in paths:
        assert import_string(path).__name__ == path.rpartition(".")[2]


def dotted_paths_in(path: Path) -> Iterator[str]:
    """Yield the strings of a module by which something of the service can be imported."""
    for node in nodes_of(path):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and re.fullmatch(r"registry_sync(\.\w+){2,}", text):
            with suppress(ImportError):
                if not isinstance(import_string(text), ModuleType):
                    yield text


@pytest.mark.once
def test_they_stand_nowhere_else():
    files = [*(ROOT / "registry_sync").rglob("*.py"), *(ROOT / "integration").rglob("*.py")]
    found = {path.relative_to(ROOT): list(dotted_paths_in(path)) for path in files}
    assert [str(path) for path in found if found[path]] == ["registry_sync/core/dotted_paths.py"]
    assert len(found[Path("registry_sync/core/dotted_paths.py")]) > 5


def test_a_run_queued_under_an_old_path_is_queued_again(world, queues):
    w, queue = world([compound(n) for n in range(20)]), queues["sync"]
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.ADMIN)
    job_id = f"sync-run-{run.pk}-{run.fence}"
    queue.enqueue("registry_sync.jobs.run_sync", run.pk, job_id=job_id)
    work(queue)
    run.refresh_from_db()
    assert run.status == SyncRun.Status.QUEUED and w.written() == 0
    SyncRun.objects.update(created_at=timezone.now() - HOUR)
    assert reconcile(alert=False) == 1
    work(queue)
    run.refresh_from_db()
    assert (run.status, w.written()) == (SyncRun.Status.SUCCEEDED, 20)


def test_a_delivery_queued_under_an_old_path_is_queued_again(world, queues):
    world([])
    queue = queues["interactive"]
    delivery = WebhookDeliveryFactory(type="v2.app.deactivated")
    old = "registry_sync.deliveries.work_delivery"
    queue.enqueue(old, delivery.pk, job_id=f"delivery-{delivery.pk}-0")
    work(queue)
    assert not Installation.objects.exists()
    WebhookDelivery.objects.update(received_at=timezone.now() - HOUR)
    assert reconcile(alert=False) == 1
    work(queue)
    delivery.refresh_from_db()
    assert delivery.state == WebhookDelivery.State.DONE
    assert Installation.objects.get().deactivated_at is not None


def test_a_preview_queued_under_an_old_path_is_queued_again(world, queues):
    world([compound(n) for n in range(20)])
    queue = queues["sync"]
    draft = starting.start_draft(
        client_of_settings(), plain_source, title="Mine", actor="ada", from_live=True
    )
    preview.request_preview(draft)
    job_id = f"preview-{draft.pk}-{draft.version}-0"
    queue.enqueue("registry_sync.jobs.run_preview", draft.pk, job_id=job_id)
    work(queue)
    draft.refresh_from_db()
    assert draft.preview_state == MappingDraft.Preview.QUEUED
    MappingDraft.objects.update(preview_heartbeat=timezone.now() - HOUR)
    assert reconcile(alert=False) == 1
    work(queue)
    draft.refresh_from_db()
    assert (draft.preview_state, draft.preview["read"]) == (MappingDraft.Preview.DONE, 20)


def test_a_comparison_queued_under_an_old_path_is_queued_again(world, queues):
    world([compound(n) for n in range(3)]).sync()
    queue = queues["sync"]
    row = reconciling.begin_comparison(Lane.objects.get(), actor="mona", by_worker=True)
    old = "registry_sync.jobs.run_reconciliation"
    queue.enqueue(old, row.pk, job_id=f"reconciliation-{row.pk}")
    work(queue)
    row.refresh_from_db()
    assert row.finished_at is None and reconcile(alert=False) == 0
    Reconciliation.objects.update(started_at=timezone.now() - HOUR)
    assert reconcile(alert=False) == 1
    work(queue)
    row.refresh_from_db()
    assert (row.counts["equal"], row.trouble, row.attempts) == (3, "", 1)
    assert reconcile(alert=False) == 0
