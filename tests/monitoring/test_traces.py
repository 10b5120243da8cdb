"""Traces: a run in all of its slices is one trace, with ids and without values."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from registry_sync import runs
from registry_sync.core import trace_provider, tracing
from registry_sync.jobs.runner import SliceEnd, work_slice
from registry_sync.models import Batch, SyncRun
from tests.support.registry import compound
from tests.support.worlds import SECRET

pytestmark = pytest.mark.once


@pytest.fixture
def exporter(monkeypatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    traces = trace_provider.Traces.to(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "traces", lambda: traces)
    return exporter


def test_a_run_in_two_slices_is_one_trace(world, settings, exporter) -> None:
    settings.OBJECTS_PER_HOUR = settings.BATCH_SIZE = 5
    w = world([compound(n) for n in range(10)])
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert work_slice(run.pk) is SliceEnd.WAITING
    settings.OBJECTS_PER_HOUR = 0
    assert work_slice(run.pk) is SliceEnd.DONE and w.written() == 10
    spans = exporter.get_finished_spans()
    assert len({span.context.trace_id for span in spans}) == 1
    names = {span.context.span_id: span.name for span in spans}
    tree = {(span.name, names.get(span.parent.span_id) if span.parent else None) for span in spans}
    assert tree >= {
        ("run", None), ("slice", "run"), ("page", "slice"), ("batch", "page"), ("task", "batch"),
    }  # fmt: skip
    assert sum(span.name == "slice" for span in spans) == 2
    by_name = {span.name: dict(span.attributes) for span in spans}
    assert by_name["run"] == {
        "registry_sync.run": run.pk, "registry_sync.lane": "Compound",
        "registry_sync.kind": "full", "registry_sync.status": "SUCCEEDED",
    }  # fmt: skip
    tasks = {span.attributes.get("registry_sync.task") for span in spans if span.name == "task"}
    assert tasks == set(Batch.objects.values_list("task_id", flat=True))
    run.refresh_from_db()
    (whole,) = [span for span in spans if span.name == "run"]
    assert whole.start_time == int(run.started_at.timestamp() * 1e9)
    told = " ".join(span.to_json() for span in spans)
    for hidden in (SECRET, w.registry.token, w.registry.url, "Compound 1", "C-00000"):
        assert hidden not in told


def test_a_collector_gets_the_spans_of_a_real_process_over_http(deploy) -> None:
    from tests.support.otlp import Collector  # its protobuf takes long to load

    with Collector() as collector:
        d = deploy(3, env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        assert d.run("sync_registry")[0] == 0 and d.world.written() == 3
    assert collector.services == {"registry-sync"}
    names = {span.span_id: span.name for span in collector.spans}
    tree = {(span.name, names.get(span.parent_span_id)) for span in collector.spans}
    assert tree >= {("run", None), ("slice", "run"), ("batch", "slice"), ("task", "batch")}
    assert len({span.trace_id for span in collector.spans}) == 1
    for hidden in (SECRET, d.world.registry.token, "Compound 1", "C-00000"):
        assert hidden.encode() not in collector.bodies


def test_a_fault_shows_by_its_type_alone(exporter) -> None:
    with pytest.raises(ValueError, match="C-000001"), tracing.span("batch"):
        raise ValueError("C-000001 has no name")
    (span,) = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert not span.events


def test_nothing_is_imported_unless_a_variable_asks_for_it(monkeypatch, caplog) -> None:
    code = (
        "import sys; from registry_sync.core import tracing\n"
        "with tracing.in_run_trace('1'), tracing.span('slice'): pass\n"
        "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    assert tracing.is_enabled()
    monkeypatch.setitem(sys.modules, "registry_sync.core.trace_provider", None)
    tracing.traces.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert tracing.traces() is None
    assert "the extra [otel]" in caplog.text
    tracing.traces.cache_clear()
    for name, value in (("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")):
        monkeypatch.setenv(name, value)
        assert not tracing.is_enabled()
        monkeypatch.delenv("OTEL_SDK_DISABLED", raising=False)
