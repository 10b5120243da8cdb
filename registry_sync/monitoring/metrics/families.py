"""Every metric: its name, its type, its labels, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # it is slow to import, and a run counts without it
    from prometheus_client.core import Metric

PREFIX = "registry_sync"
Labels = tuple[str, ...]
Samples = Mapping[Labels, float]
"""Numbers by the values of their labels."""
RUN_SECONDS = tuple(
    map(float, (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400))
)
"""Upper bounds of the durations of runs and their phases: from a quiet run to a first load."""
INFINITE = "+Inf"
WITHIN, SECONDS = "within", "seconds"
"""The last label of a histogram's stored numbers: the count of each bound, and the sum."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. With several lanes, one that is `by_lane` has the label `lane` first."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: Labels = ()
    by_lane: bool = True

    @property
    def full_name(self) -> str:
        """Return the name as a monitor has it; a histogram's samples add `_bucket` and others."""
        return f"{PREFIX}_{self.name}"

    def render(self, samples: Samples, *, several: bool) -> Metric:
        """Return the family with its samples, each by lane where there are `several`."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        labels = (*(("lane",) if several and self.by_lane else ()), *self.labels)
        if self.kind == "histogram":
            return self._histogram(samples, labels)
        kind = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = kind(self.full_name, self.text, labels=labels)
        for values, number in samples.items():
            family.add_metric(values, number)
        return family

    def _histogram(self, samples: Samples, labels: Sequence[str]) -> Metric:
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(self.full_name, self.text, labels=labels)
        for values in dict.fromkeys(key[:-1] for key in samples):
            count, buckets = 0.0, []
            for bound in (*map(str, RUN_SECONDS), INFINITE):
                count += samples.get((*values, f"{WITHIN} {bound}"), 0)
                buckets.append((bound, count))
            family.add_metric(values, buckets, samples.get((*values, SECONDS), 0))
        return family


def bucket_of(seconds: float) -> str:
    """Return the last label of the bucket that a duration in seconds falls into."""
    fitting = (str(bound) for bound in RUN_SECONDS if seconds <= bound)
    return f"{WITHIN} {next(fitting, INFINITE)}"


RUNS = Family("runs_total", "counter", "Ended runs by outcome, without dry runs.", ("status",))
WRITTEN = Family("objects_written_total", "counter", "Entities created or changed in Benchling.")
BATCHES = Family("batches_total", "counter", "Batches of entities sent to Benchling.")
WAITS = Family(
    "waits_total", "counter",
    "Waits of runs by reason; object_limit and request_limit are Benchling's limits.", ("reason",),
)  # fmt: skip
WAIT_SECONDS = Family(
    "wait_seconds_total", "counter", "Seconds that runs waited by reason.", ("reason",)
)
RUN_DURATION = Family(
    "run_duration_seconds", "histogram",
    "From the start of a run to its end, waits included, by kind, without dry runs.", ("kind",),
)  # fmt: skip
PHASE_DURATION = Family(
    "phase_duration_seconds", "histogram",
    "Seconds that a run spent in a phase, without dry runs.", ("phase",),
)  # fmt: skip
ACTIVE = Family("run_active", "gauge", "Whether a run is queued or running.")
HEARTBEAT = Family(
    "run_heartbeat_timestamp_seconds", "gauge", "Time of the active run's last heartbeat."
)
WAITING_UNTIL = Family(
    "run_waiting_until_timestamp_seconds", "gauge",
    "When the active run, which is waiting, resumes, by reason.", ("reason",),
)  # fmt: skip
LAST_GOOD = Family(
    "last_good_run_timestamp_seconds", "gauge",
    "End of the last good run. Absent before the first one.",
)  # fmt: skip
NO_GOOD_RUN = Family("no_good_run_yet", "gauge", "Whether no run has been good so far.")
OPEN_ERRORS = Family(
    "open_errors", "gauge", "Records not in Benchling, by who must act.", ("kind",)
)
OLDEST_ERROR = Family(
    "oldest_error_timestamp_seconds", "gauge",
    "Since when the oldest open error has been open. Absent where there is none.",
)  # fmt: skip
OUTSTANDING = Family(
    "mapping_outstanding", "gauge", "Whether no run has written the published mapping yet."
)
BUDGET = Family(
    "object_budget_left", "gauge",
    "Entities that may still be written in this hour. Absent without OBJECTS_PER_HOUR.",
    by_lane=False,
)  # fmt: skip
REDIS = Family(
    "redis_up", "gauge", "Whether Redis answers. Absent without REDIS_URL.", by_lane=False
)
WORKERS = Family("workers", "gauge", "Live workers by queue.", ("queue",), by_lane=False)
QUEUED = Family("queue_jobs", "gauge", "Jobs that wait in a queue.", ("queue",), by_lane=False)
RECEIVED = Family(
    "webhooks_received_total", "counter", "Verified webhooks by type.", ("type",), by_lane=False
)
REFUSED = Family(
    "webhooks_refused_total", "counter", "Refused webhooks by reason.", ("reason",), by_lane=False
)
UNPROCESSED = Family(
    "webhooks_waiting", "gauge", "Webhooks that are not processed yet.", by_lane=False
)
MESSAGES = Family(
    "alert_messages_total", "counter",
    "Messages of alerts by channel and outcome: sent, or given up after a day.",
    ("channel", "outcome"), by_lane=False,
)  # fmt: skip
UNSENT = Family(
    "alert_messages_waiting", "gauge", "Messages of alerts that are still to be sent.",
    by_lane=False,
)  # fmt: skip
FAMILIES = tuple(value for value in list(globals().values()) if isinstance(value, Family))
"""All of them, in the order in which they are read."""
