"""A collector for prometheus-client: it asks the database and Redis when a monitor reads.

Web, workers and cron are processes of their own, often on several machines, so none of them can
count in its memory what `/metrics` tells.
https://prometheus.github.io/client_python/collector/custom/
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from registry_sync.core.waits import OBJECT_LIMIT, REQUEST_LIMIT
from registry_sync.models import SyncRun
from registry_sync.monitoring.metrics import families, tallies
from registry_sync.monitoring.metrics.families import FAMILIES, Family, Labels
from registry_sync.monitoring.metrics.lane_gauges import (
    Found,
    LaneLabels,
    gauges_of_lanes,
    of_active,
)
from registry_sync.monitoring.metrics.service_gauges import of_redis, of_service

ZEROS: dict[Family, list[Labels]] = {
    families.RUNS: [(s,) for s in SyncRun.Status.values if s not in SyncRun.ACTIVE],
    families.WRITTEN: [()],
    families.BATCHES: [()],
    families.WAITS: [(OBJECT_LIMIT.code,), (REQUEST_LIMIT.code,)],
    families.WAIT_SECONDS: [(OBJECT_LIMIT.code,), (REQUEST_LIMIT.code,)],
}
"""Labels of counters that are there before anything is counted, so that a first one shows."""
BY_NAME = {family.name: family for family in FAMILIES}


class DatabaseCollector(Collector):
    """Reads every metric; the number of queries does not grow with the history."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that a registry does not ask the database when it is made."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that has samples. Raise DatabaseError."""
        lanes = LaneLabels()
        for read in (
            _counted(lanes),
            of_active(lanes),
            gauges_of_lanes(lanes),
            of_service(),
            of_redis(),
        ):
            for family, samples in read:
                if samples:
                    yield family.render(samples, several=lanes.several)


def _counted(lanes: LaneLabels) -> Iterator[Found]:
    """Yield what is counted for ever."""
    found = {family: dict(lanes.zeros(rest)) for family, rest in ZEROS.items()}
    for lane_id, numbers in tallies.totals().items():
        for name, number in numbers.items():
            family_name, *labels = name.split("|")
            if (family := BY_NAME.get(family_name)) is not None:
                where = (*(lanes.of(lane_id) if family.by_lane else ()), *labels)
                samples = found.setdefault(family, {})
                samples[where] = samples.get(where, 0) + number
    yield from found.items()
