"""The docs' tables of causes, rendered from the catalogue.

A table stands between two markers: `<!-- causes: records -->` and `<!-- end of causes -->`. The
first names a table of the catalogue, the waits of runs, or the codes of some causes.
`python -m tools.reference` rewrites the docs' pages; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from registry_sync.reporting.catalogue import (
    ACTION_FAILURES,
    RECORD_CAUSES,
    RUN_FAILURES,
    RUN_WAITS,
    WARNINGS,
    Cause,
    record_wait,
)

TABLES = {
    "records": RECORD_CAUSES,
    "runs": RUN_FAILURES,
    "warnings": WARNINGS,
    "actions": ACTION_FAILURES,
}
WHEN = "on 5 January 2026 at 14:30 UTC"
"""An example of when a wait ends, as the canvas writes it."""
MARKED = re.compile(
    r"(?P<start><!-- causes: (?P<what>[^>]+?) -->\n)(?P<table>.*?)(?P<end><!-- end of causes -->)",
    re.DOTALL,
)


def rendered_catalogue(text: str) -> str:
    """Return a document with each marked table replaced by the catalogue's."""
    return MARKED.sub(lambda found: found["start"] + _marked(found["what"]) + found["end"], text)


def _marked(name: str) -> str:
    if name == "waits":
        return "| code | what the canvas says |\n| --- | --- |\n" + "".join(
            f"| `{wait.code or 'other'}` | {wait.scientist.replace('{when}', WHEN)} |\n"
            for wait in RUN_WAITS
        )
    if name in TABLES:
        return table(TABLES[name], waits=name == "records")
    return table(chosen_entries(name.split()))


def chosen_entries(codes: Sequence[str]) -> list[Cause]:
    """Return the entries of these codes. Raise KeyError for one that the catalogue lacks."""
    every = {cause.code: cause for causes in TABLES.values() for cause in causes}
    return [every[code] for code in codes]


def table(causes: Iterable[Cause], *, waits: bool = False) -> str:
    """Return causes as a Markdown table; with `waits` what the record waits for, too."""
    heads = ["code", "what it means", "who must act", "what to do", *(["waits for"] * waits)]
    rows = [heads, ["---"] * len(heads)]
    rows += [[f"`{c.code}`", c.title, c.who, c.remedy, *([_awaited(c)] * waits)] for c in causes]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _awaited(cause: Cause) -> str:
    if cause.actors == ("transient",):
        return "the next run"
    return record_wait(cause.waits_for).summary
