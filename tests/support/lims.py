"""An invented LIMS: a registry of one's own that no setting was made for."""

from __future__ import annotations

from typing import Any

from tests.support.odd import Asked, Reply

KEY = "k3y-of-the-registry"
FIELDS = [{"name": "Title", "type": "text"}, {"name": "Amount", "type": "float"}]
"""Of the Benchling schema that its records go to."""


def lims(asked: Asked) -> Any:
    """Answer as an invented LIMS: a key in a header, records in an envelope."""
    if asked.headers.get("X-API-Key") != KEY:
        return Reply({"error": f"key {asked.headers.get('Authorization')} is not valid"}, 401)
    rows = [
        {"code": f"K-{n:03d}", "title": f"Kind {n}", "amount": n + 0.5, "token": f"t0ken-{n}"}
        for n in range(30)
    ]
    start = int(asked.query.get("offset", 0))
    return {"data": {"rows": rows[start : start + 20], "total": len(rows)}}
