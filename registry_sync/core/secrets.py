"""What looks like a secret."""

from __future__ import annotations

import re

SECRET = re.compile(r"(?i).*(token|secret|password|passwd|api[-_]?key|apikey|authorization|cookie)")
