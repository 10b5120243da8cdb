"""Types that every room shares."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""A JSON object, as `json.loads` gives it."""
