"""README's tables of causes, rendered from the catalogue.

`python -m registry_sync.reporting.readme` rewrites the tables in README.md, each between its two
markers (`<!-- causes: records -->` and `<!-- end of causes -->`). A test compares them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from registry_sync.reporting.catalogue import (
    RECORD_CAUSES,
    RUN_FAILURES,
    WARNINGS,
    Cause,
    record_wait,
)

TABLES = {"records": RECORD_CAUSES, "runs": RUN_FAILURES, "warnings": WARNINGS}
MARKED = re.compile(
    r"(?P<start><!-- causes: (?P<name>\w+) -->\n)(?P<table>.*?)(?P<end><!-- end of causes -->)",
    re.DOTALL,
)


def rendered(text: str) -> str:
    """Return a document with each marked table replaced by the catalogue's."""
    return MARKED.sub(lambda found: found["start"] + _marked(found["name"]) + found["end"], text)


def _marked(name: str) -> str:
    return table(TABLES[name], waits=name == "records")


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


if __name__ == "__main__":
    readme = Path(sys.argv[1] if sys.argv[1:] else "README.md")
    readme.write_text(rendered(readme.read_text("utf-8")), "utf-8")
