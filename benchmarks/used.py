"""What one process used, and what the tenant saw of it."""

from __future__ import annotations

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Used:
    """What one process used: wall-clock and CPU seconds, peak memory in MB, and its exit status."""

    seconds: float
    cpu: float
    peak: float
    status: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A run and what the tenant saw of it."""

    used: Used
    written: int
    requests: int
    app_status: int
    batches: int = 0
    tenant: float = 0.0
    """Seconds that the sandbox itself computed: its client waits for these as well."""


def used_by(seconds: float, usage: resource.struct_rusage, status: int) -> Used:
    """Return what a process used, of its wall-clock seconds and its resources."""
    # ru_maxrss is in KB on Linux, and not below what this small parent had when it forked.
    return Used(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, status)
