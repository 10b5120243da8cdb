"""Traces of OpenTelemetry: run → slice → page → batch → task.

Off unless a standard OTEL_* variable names an exporter; nothing is imported before that. Attributes
are ids, counts and names of lanes: never a value of a record, an address or a secret.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from registry_sync.core import log_context

if TYPE_CHECKING:
    from registry_sync.core.trace_provider import Traces

logger = logging.getLogger(__name__)


def is_enabled() -> bool:
    """Return whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "")
    return exporter != "none" and bool(
        exporter
        or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )


@cache
def traces() -> Traces | None:
    """Return where spans go, made once a process; None if traces are off or cannot be made."""
    if not is_enabled():
        return None
    try:
        from registry_sync.core.trace_provider import Traces
    except ImportError:
        logger.warning(
            "OTEL_* asks for traces, but OpenTelemetry is not installed. The operator installs "
            "the extra [otel], or unsets the variable."
        )
        return None
    return Traces.of_environment()


@contextmanager
def span(
    name: str, *, under: Any = None, began: int = 0, **attributes: str | int
) -> Iterator[None]:
    """Trace a block, beside the ids that its log lines have.

    `under` is the place of another span, from `here()`; else the span around it is its parent.
    `began` is when it began, in nanoseconds since 1970, if that was before this call.
    """
    found = traces()
    if found is None:
        yield
        return
    with found.span(name, {**log_context.bound(), **attributes}, under=under, began=began):
        yield


def here() -> Any:
    """Return the place of the present span, for spans that belong under it later."""
    found = traces()
    return None if found is None else found.here()


@contextmanager
def in_run_trace(key: str) -> Iterator[None]:
    """Let the spans of a block belong to a run's trace, which all of its slices share.

    `key` identifies the run among all tenants and apps.
    """
    found = traces()
    if found is None:
        yield
        return
    try:
        with found.in_run(key):
            yield
    finally:
        found.flush()  # RQ ends a job's process without further notice


def write_run_span(key: str, began: datetime, ended: datetime, **attributes: str | int) -> None:
    """Write the span of a whole run that has ended. Its slices, in any process, are under it."""
    if (found := traces()) is not None:
        found.run(key, began, ended, {**log_context.bound(), **attributes})
