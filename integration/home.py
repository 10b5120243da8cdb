"""Where the service keeps what it writes beside itself: its database and its static files."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Return the checkout, or the current folder where the package is installed."""
    return CHECKOUT if (CHECKOUT / "manage.py").exists() else Path.cwd()
