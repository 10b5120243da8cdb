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
from registry_sync.runs.lane_schema import SchemaView, links_of, save_schema, schema_view
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
    save,
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
    request,
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
from registry_sync.runs.run_log import count_wait, log, of_run, warn
from registry_sync.runs.source_state import learn
from registry_sync.runs.unwritten_mapping import Outstanding, outstanding, versions_of

__all__ = [
    "HOLD_UP_COLUMNS",
    "NOT_WAITING",
    "Answer",
    "HoldUp",
    "LaneNames",
    "Lease",
    "LeaseLost",
    "Outstanding",
    "SchemaView",
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
    "learn",
    "lease_time",
    "links_of",
    "log",
    "now_in_query",
    "of_run",
    "only_dismissed",
    "only_open",
    "open_errors",
    "outstanding",
    "pause",
    "paused_sentence",
    "release",
    "renew",
    "repeats_last_failure",
    "request",
    "request_or_follow",
    "resume",
    "save",
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
