"""A run's life: requested, leased, logged, paused, ended.

Other rooms import this package; `queue`, `quota` and `estimate` are imported as modules.
"""

from registry_sync.runs.database_clock import database_now, now_in_query
from registry_sync.runs.deployment import app_key, current_lanes, tenant_host
from registry_sync.runs.follow_up import (
    Answer,
    joinable,
    request_or_follow,
    start_following,
    to_follow,
)
from registry_sync.runs.hold_up import HOLD_UP_COLUMNS, HoldUp, hold_up, waits_for_turn
from registry_sync.runs.lane_names import LaneNames
from registry_sync.runs.lane_order import in_link_order
from registry_sync.runs.lane_schema import SchemaView, linked_schemas, save_schema, schema_view
from registry_sync.runs.lease import (
    NOT_WAITING,
    Lease,
    LeaseLost,
    claim,
    is_held,
    is_waiting,
    lease_time,
    release,
    renew,
    save_columns,
    shorten_leases,
    stranded,
)
from registry_sync.runs.lifecycle import (
    cancel,
    fail,
    finish,
    is_paused,
    pause,
    paused_sentence,
    request_run,
    resume,
    waiting_sentence,
)
from registry_sync.runs.queries import (
    active,
    active_runs,
    fails_lately,
    good_runs,
    is_whole,
    only_dismissed,
    only_open,
    open_errors,
    repeats_last_failure,
    started_by,
    whole_runs,
)
from registry_sync.runs.run_log import count_wait, log, log_extra, warn
from registry_sync.runs.source_state import learn_source_facts
from registry_sync.runs.unwritten_mapping import UnwrittenMapping, outstanding, versions_of

__all__ = [
    "HOLD_UP_COLUMNS",
    "NOT_WAITING",
    "Answer",
    "HoldUp",
    "LaneNames",
    "Lease",
    "LeaseLost",
    "SchemaView",
    "UnwrittenMapping",
    "active",
    "active_runs",
    "app_key",
    "cancel",
    "claim",
    "count_wait",
    "current_lanes",
    "database_now",
    "fail",
    "fails_lately",
    "finish",
    "good_runs",
    "hold_up",
    "in_link_order",
    "is_held",
    "is_paused",
    "is_waiting",
    "is_whole",
    "joinable",
    "learn_source_facts",
    "lease_time",
    "linked_schemas",
    "log",
    "log_extra",
    "now_in_query",
    "only_dismissed",
    "only_open",
    "open_errors",
    "outstanding",
    "pause",
    "paused_sentence",
    "release",
    "renew",
    "repeats_last_failure",
    "request_or_follow",
    "request_run",
    "resume",
    "save_columns",
    "save_schema",
    "schema_view",
    "shorten_leases",
    "start_following",
    "started_by",
    "stranded",
    "tenant_host",
    "to_follow",
    "versions_of",
    "waiting_sentence",
    "waits_for_turn",
    "warn",
    "whole_runs",
]
