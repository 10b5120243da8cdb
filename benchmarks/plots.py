"""`python -m benchmarks.plots`: how cost grows with size, drawn from what was measured last.

It runs in the environment of `make bench-peers`, which has matplotlib.
"""

from __future__ import annotations

from typing import Any

from matplotlib import pyplot
from matplotlib.axes import Axes

from .kept import MILLION, ROOT, ROWS, saved
from .names import BOTH, DLT, EDITED, FIRST, IN_FLIGHT, NOTHING, OURS, PLAIN, READ

FOLDER = ROOT / "docs" / "images"
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
LINES = {
    (FIRST, PLAIN): ("plain script, first load", "#d95f02", "-", "s"),
    (FIRST, DLT): ("dlt, first load", "#1b9e77", "-", "^"),
    (FIRST, OURS): ("Registry Sync, first load", "#1f4fa3", "-", "o"),
    (FIRST, IN_FLIGHT): ("Registry Sync, first load, 4 in flight", "#56b4e9", "--", "o"),
    (BOTH, OURS): ("Registry Sync, both sides read", "#8c564b", "-", "D"),
    (READ, OURS): ("Registry Sync, all read", "#d62728", "-", "v"),
    (NOTHING, OURS): ("Registry Sync, nothing changed", "#9467bd", "-", "P"),
    (EDITED, PLAIN): ("plain script, 1 % changed", "#e6ab02", ":", "s"),
    (EDITED, OURS): ("Registry Sync, 1 % changed", "#17807e", ":", "X"),
}
"""What each line is called, its color, its dashes and its marker: no two lines share a color."""
PLOTS = {
    "seconds": ("benchmark-seconds", "seconds"),
    "cpu": ("benchmark-cpu", "CPU seconds of the client"),
    "peak": ("benchmark-memory", "peak memory of the client, MB"),
}
Rows = list[dict[str, Any]]


def main() -> None:
    """Draw one SVG for each quantity, with each database beside the other."""
    pyplot.rcParams["svg.hashsalt"] = "registry-sync"  # the same rows give the same file
    pyplot.rcParams["font.size"] = 13
    for quantity, (file, label) in PLOTS.items():
        measured = rows_of(quantity)
        sizes = {name: sorted({row["count"] for row in rows}) for name, rows in measured.items()}
        figure, places = pyplot.subplots(
            1, len(measured), figsize=(10, 6.5), layout="constrained", sharey=True, squeeze=False,
            width_ratios=[len(counts) for counts in sizes.values()],
        )  # fmt: skip
        shown: dict[str, Any] = {}
        for axes, (database, rows) in zip(places[0], measured.items(), strict=True):
            shown |= _draw(axes, rows, quantity)
            axes.set(xscale="log", xlabel="records", title=TITLES[database])
            axes.set_xticks(sizes[database])
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.xaxis.set_minor_formatter("")
            axes.grid(alpha=0.3)
        first = places[0][0]
        first.set(ylabel=label, yscale="linear" if quantity == "peak" else "log")
        first.set_ylim(bottom=0 if quantity == "peak" else None)
        first.yaxis.set_major_formatter("{x:g}")
        figure.legend(shown.values(), shown, frameon=False, ncols=2, loc="outside lower center")
        figure.savefig(FOLDER / f"{file}.svg", metadata={"Date": None})
        pyplot.close(figure)


def rows_of(quantity: str) -> dict[str, Rows]:
    """Return the rows to draw, by database: the million was measured on PostgreSQL.

    Its tenant answers at once, so its seconds compare only where nothing was written.
    """
    found = {database: saved(path) for database, path in ROWS.items()}
    found["postgresql"] += [
        row for row in saved(MILLION) if quantity != "seconds" or not row["measured"]["written"]
    ]
    return {database: rows for database, rows in found.items() if rows}


def _draw(axes: Axes, rows: Rows, quantity: str) -> dict[str, Any]:
    """Draw the lines, and return them by their labels."""
    drawn: dict[str, Any] = {}
    for (what, who), (label, color, style, marker) in LINES.items():
        points = sorted(
            (row["count"], row["measured"]["used"][quantity])
            for row in rows
            if (row["what"], row["who"]) == (what, who)
        )
        if points:
            (drawn[label],) = axes.plot(
                *zip(*points, strict=True), style, color=color, marker=marker, label=label
            )
    return drawn


if __name__ == "__main__":
    main()
