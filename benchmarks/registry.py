"""A registry of synthetic compounds, of any size, that uses little of the machine it shares.

Pages are generated from numbers when they are requested, in a separate process.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
BASE = datetime(2026, 1, 5, tzinfo=UTC)
KINDS = ("Small molecule", "Protein", "Antibody", "Oligonucleotide")


def stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def record(number: int, edition: int, modified_at: str) -> Json:
    """Make one compound of about half a kilobyte, of which six values are mapped."""
    return {
        "id": f"RS-{number:07d}",
        "name": f"Compound {number:07d}",
        "smiles": "CC(=O)OC1=CC=CC=C1C(=O)O" + "C" * (number % 60),
        "kind": KINDS[number % 4],
        "approval": 1950 + number % 70 + edition,
        "weight": round(100 + number % 9000 / 7, 3),
        "batch": f"B{number % 977:04d}",
        "supplier": "Contoso Fine Chemicals",
        "comment": f"Made for the benchmark, number {number}, kept in cabinet {number % 41}.",
        "purity": 90 + number % 10,
        "hazards": ["GHS07"] if number % 3 else [],
        "modified_at": modified_at,
    }


class Compounds:
    """The records, of which the first `edited` were changed a moment ago."""

    def __init__(self, count: int, page: int, latency: float) -> None:
        self.count, self.page, self.latency = count, page, latency
        self.edited = 0
        self.edited_at = ""

    def edit(self, count: int) -> None:
        self.edited, self.edited_at = count, stamp(datetime.now(UTC))
        self.answer.cache_clear()

    @lru_cache(maxsize=2)  # noqa: B019 - one registry a process
    def answer(self, start: int, since: str) -> bytes:
        """Return a page of records as new as `since`; edited records come last, as the newest."""
        first = max(self.edited, self._first(since))
        unedited = self.count - first
        edited = self.edited if not since or self.edited_at >= since else 0
        total, end = unedited + edited, start + self.page
        numbers = [
            first + n if n < unedited else n - unedited for n in range(start, min(end, total))
        ]
        link = f"?start={end}&since={since}" if end < total else None
        items = [self._record(number) for number in numbers]
        return json.dumps({"items": items, "total": total, "next": link}).encode()

    def _first(self, since: str) -> int:
        """Find the first record that is as new as `since`."""
        if not since:
            return 0
        seconds = (datetime.fromisoformat(since) - BASE).total_seconds()
        return min(self.count, max(0, ceil(seconds)))

    def _record(self, number: int) -> Json:
        if number < self.edited:
            return record(number, 1, self.edited_at)
        return record(number, 0, stamp(BASE + timedelta(seconds=number)))


def serve(compounds: Compounds, port: int) -> ThreadingHTTPServer:
    """Listen on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            if asked.path == "/edit":
                compounds.edit(int(query["count"]))
                self._send(b"{}")
                return
            time.sleep(compounds.latency)
            self._send(compounds.answer(int(query.get("start", 0)), query.get("since", "")))

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds a page")
    given = parser.parse_args()
    server = serve(Compounds(given.count, given.page, given.latency), given.port)
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/compounds"}), flush=True)
    server.serve_forever()
