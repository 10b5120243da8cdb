"""`python -m benchmarks.plots`: how cost grows with size, drawn from what was measured last.

It runs in the environment of `make bench-peers`, which has matplotlib.
"""

from __future__ import annotations

import json
from typing import Any

from matplotlib import pyplot
from matplotlib.axes import Axes

from .kept import MILLION, ROOT, ROWS
from .names import DLT, EDITED, FIRST, IN_FLIGHT, NOTHING, OURS, PLAIN, READ

FOLDER = ROOT / "docs" / "images"
LINES = {
    (FIRST, PLAIN): ("plain script, first load", "C1", "-"),
    (FIRST, DLT): ("dlt, first load", "C2", "-"),
    (FIRST, OURS): ("Registry Sync, first load", "C0", "-"),
    (FIRST, IN_FLIGHT): ("Registry Sync, 4 in flight", "C0", "--"),
    (READ, OURS): ("Registry Sync, all read", "C3", "-"),
    (NOTHING, OURS): ("Registry Sync, nothing changed", "C4", "-"),
    (EDITED, PLAIN): ("plain script, 1 % changed", "C1", ":"),
    (EDITED, OURS): ("Registry Sync, 1 % changed", "C0", ":"),
}
PLOTS = {
    "seconds": ("benchmark-seconds", "seconds"),
    "cpu": ("benchmark-cpu", "CPU seconds of the client"),
    "peak": ("benchmark-memory", "peak memory of the client, MB"),
}


def main() -> None:
    """Draw one SVG for each quantity."""
    rows = json.loads(ROWS.read_text(encoding="utf-8"))
    if MILLION.exists():
        rows += json.loads(MILLION.read_text(encoding="utf-8"))
    pyplot.rcParams["svg.hashsalt"] = "registry-sync"  # the same rows give the same file
    for quantity, (name, label) in PLOTS.items():
        figure, axes = pyplot.subplots(figsize=(10, 4.5), layout="constrained")
        _draw(axes, rows, quantity)
        axes.set(xscale="log", xlabel="records", ylabel=label)
        axes.set_yscale("linear" if quantity == "peak" else "log")
        axes.set_ylim(bottom=0 if quantity == "peak" else None)
        axes.set_xticks(sorted({row["count"] for row in rows}))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)


def _draw(axes: Axes, rows: list[dict[str, Any]], quantity: str) -> None:
    for (what, who), (label, color, style) in LINES.items():
        points = sorted(
            (row["count"], row["measured"]["used"][quantity])
            for row in rows
            if (row["what"], row["who"]) == (what, who)
            # A million records were loaded from a tenant that answers at once.
            and (quantity != "seconds" or row["count"] < 1_000_000)
        )
        if points:
            axes.plot(*zip(*points, strict=True), style, color=color, marker="o", label=label)


if __name__ == "__main__":
    main()
