"""Benchling's limits: requests a window, objects an hour, and faults on demand.

https://docs.benchling.com/docs/rate-limiting
"""

from __future__ import annotations

import math
import re
from collections import deque

from .state import Fault, TenantState

RATE_ERROR = {
    "error": {
        "type": "invalid_request_error",
        "message": "Rate limit exceeded.",
        "userMessage": "Rate limit exceeded.",
    }
}


class Limits:
    """Count what an app may still do, on the tenant's clock."""

    def __init__(self, state: TenantState) -> None:
        self.state = state
        self.taken: deque[float] = deque()
        """When the requests of the last window were taken."""
        self.bucket = float(state.switches.object_burst)
        self.filled = state.clock.now()

    def take_request(self) -> tuple[bool, dict[str, str]]:
        """Count a request; False when the window is full. Headers as Benchling sends them.

        The window slides: each request has room again `rate_window` seconds after it was taken.
        """
        switches, now = self.state.switches, self.state.clock.now()
        if not switches.rate_limit:
            return True, {}
        while self.taken and not 0 <= now - self.taken[0] < switches.rate_window:
            self.taken.popleft()  # the clock may also have been set back
        allowed = len(self.taken) < switches.rate_limit
        if allowed:
            self.taken.append(now)
        left = switches.rate_window - (now - self.taken[0]) if self.taken else 0.0
        return allowed, {
            "x-rate-limit-limit": str(switches.rate_limit),
            "x-rate-limit-remaining": str(max(0, switches.rate_limit - len(self.taken))),
            "x-rate-limit-reset": str(math.ceil(left)),
        }

    def take_objects(self, count: int) -> bool:
        """Count objects against the hourly throughput; False when there is no room."""
        switches, now = self.state.switches, self.state.clock.now()
        if not switches.objects_per_hour:
            return True
        refill = max(0.0, now - self.filled) * switches.objects_per_hour / 3600
        self.bucket = min(float(switches.object_burst), self.bucket + refill)
        self.filled = now
        if self.bucket < count:
            self.state.counters["throughput_429"] += 1
            return False
        self.bucket -= count
        return True

    def fault(self, method: str, path: str) -> Fault | None:
        """Return the first fault that matches a request, and use up one of its times."""
        for fault in list(self.state.faults):
            if re.search(fault.match, f"{method} {path}"):
                fault.times -= 1
                if fault.times <= 0:
                    self.state.faults.remove(fault)
                return fault
        return None
