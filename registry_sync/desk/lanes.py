"""Which lane a page is about: the one it names, else the first that this app feeds now."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.core.text import as_key
from registry_sync.models import Lane


def find(asked: str = "") -> Lane | None:
    """Return the lane with the primary key `asked`, else this app's first current lane.

    `asked` is what an address gives as `?lane=`. None: there is no such lane, or no run has read
    its configuration yet.
    """
    if (key := as_key(asked)) is not None:
        return Lane.objects.filter(pk=key).first()
    return next(iter(runs.current_lanes()), None)


def is_current(lane: Lane | None) -> bool:
    """Return whether runs of this app feed the lane now."""
    return lane is not None and lane in runs.current_lanes()
