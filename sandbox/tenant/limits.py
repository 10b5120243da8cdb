"""Benchling's limits: requests a window, objects an hour, and faults on demand.

https://docs.benchling.com/docs/rate-limiting
"""

from __future__ import annotations

import math
import re
from typing import Any

from .state import Fault, TenantState

Json = dict[str, Any]
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
        self.window_start = state.clock.now()
        self.used = 0
        self.bucket = float(state.switches.object_burst)
        self.filled = state.clock.now()

    def take_request(self) -> tuple[bool, dict[str, str]]:
        """Count a request; False when the window is full. Headers as Benchling sends them."""
        switches, now = self.state.switches, self.state.clock.now()
        if not switches.rate_limit:
            return True, {}
        if not 0 <= now - self.window_start < switches.rate_window:  # a test may set it back
            self.window_start, self.used = now, 0
        allowed = self.used < switches.rate_limit
        self.used += allowed
        left = max(0.0, switches.rate_window - (now - self.window_start))
        return allowed, {
            "x-rate-limit-limit": str(switches.rate_limit),
            "x-rate-limit-remaining": str(switches.rate_limit - self.used),
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
