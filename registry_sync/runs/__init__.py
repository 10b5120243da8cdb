"""A run's life: requested, leased, logged, paused, ended.

Other rooms import this package; `queue`, `quota` and `estimate` are imported as modules.
"""

from registry_sync.runs.deployment import app_key, current_lanes, tenant_host
from registry_sync.runs.lane_schema import SchemaView, keep_schema, schema_view
from registry_sync.runs.lease import (
    Lease,
    LeaseLost,
    claim,
    lease_time,
    release,
    renew,
    save,
    stranded,
)
from registry_sync.runs.lifecycle import (
    cancel,
    fail,
    finish,
    is_paused,
    pause,
    paused_sentence,
    request,
    resume,
    waiting_sentence,
)
from registry_sync.runs.queries import (
    active,
    fails_lately,
    good_runs,
    open_errors,
    repeats_last_failure,
)
from registry_sync.runs.run_log import log, warn

__all__ = [
    "Lease",
    "LeaseLost",
    "SchemaView",
    "active",
    "app_key",
    "cancel",
    "claim",
    "current_lanes",
    "fail",
    "fails_lately",
    "finish",
    "good_runs",
    "is_paused",
    "keep_schema",
    "lease_time",
    "log",
    "open_errors",
    "pause",
    "paused_sentence",
    "release",
    "renew",
    "repeats_last_failure",
    "request",
    "resume",
    "save",
    "schema_view",
    "stranded",
    "tenant_host",
    "waiting_sentence",
    "warn",
]
