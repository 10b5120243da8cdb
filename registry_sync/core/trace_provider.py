"""OpenTelemetry's SDK as this service uses it. Imported only where traces are on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from opentelemetry import context, trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from registry_sync import __version__

Attributes = Mapping[str, str | int]
PREFIX = "registry_sync"
FLUSH = 5000
"""Milliseconds that a slice waits at its end for its spans to be sent."""


class RunIds(RandomIdGenerator):
    """Random ids, except for the span of a run: slices in other processes know its ids."""

    def __init__(self) -> None:
        self.fixed: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self.fixed[0] if self.fixed else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.fixed[1] if self.fixed else super().generate_span_id()


class Traces:
    """Where spans go, and how they are made."""

    def __init__(self, provider: TracerProvider, ids: RunIds) -> None:
        self.provider, self.ids = provider, ids
        self.tracer = provider.get_tracer(PREFIX, __version__)

    @classmethod
    def of_environment(cls) -> Traces:
        """Return traces that the OTEL_* variables describe, by OTLP over HTTP or to the console."""
        exporter: SpanExporter
        if os.environ.get("OTEL_TRACES_EXPORTER") == "console":
            exporter = ConsoleSpanExporter()
        else:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
        return cls.to(BatchSpanProcessor(exporter))

    @classmethod
    def to(cls, processor: Any) -> Traces:
        """Return traces that a span processor receives."""
        ids = RunIds()
        own = Resource({"service.name": "registry-sync", "service.version": __version__})
        resource = own.merge(OTELResourceDetector().detect())
        provider = TracerProvider(id_generator=ids, resource=resource)
        provider.add_span_processor(processor)
        return cls(provider, ids)

    @contextmanager
    def span(
        self, name: str, attributes: Attributes, *, under: Any = None, began: int = 0
    ) -> Iterator[None]:
        """Trace a block. An exception shows by its type only: its text may hold values."""
        with self.tracer.start_as_current_span(
            name, context=under, start_time=began or None, attributes=_named(attributes),
            record_exception=False, set_status_on_exception=False,
        ) as span:  # fmt: skip
            try:
                yield
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def here(self) -> context.Context:
        """Return the present place."""
        return context.get_current()

    @contextmanager
    def in_run(self, key: str) -> Iterator[None]:
        """Let a block's spans be under the run's span, which is written at the run's end."""
        trace_id, span_id = _ids(key)
        chosen = self.provider.sampler.should_sample(None, trace_id, "run").decision
        sampled = chosen is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        run = NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags))
        token = context.attach(trace.set_span_in_context(run, context.Context()))
        try:
            yield
        finally:
            context.detach(token)

    def run(self, key: str, began: datetime, ended: datetime, attributes: Attributes) -> None:
        """Write a run's span."""
        self.ids.fixed = _ids(key)
        try:
            span = self.tracer.start_span(
                "run", context.Context(), attributes=_named(attributes), start_time=_ns(began)
            )
        finally:
            self.ids.fixed = None
        span.end(_ns(ended))

    def flush(self) -> None:
        """Send what is not sent yet."""
        self.provider.force_flush(FLUSH)


def _named(attributes: Attributes) -> dict[str, str | int]:
    return {f"{PREFIX}.{name}": value for name, value in attributes.items()}


def _ids(key: str) -> tuple[int, int]:
    """Return the ids of the trace and of the span of a run."""
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])


def _ns(when: datetime) -> int:
    return int(when.timestamp() * 1e9)
