"""What the operator set, and how a run waits."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator set: pace, patience and the key that opens secure values."""

    private_key: str = field(repr=False)
    batch_size: int = 500
    in_flight: int = 1
    objects_per_hour: int = 0
    slice_seconds: float = 60.0
    full_after: timedelta = timedelta(days=7)
    great_change_percent: int = 50


def sleep(seconds: float, reason: str) -> None:
    """Wait outside a run, whatever the reason."""
    time.sleep(seconds)
