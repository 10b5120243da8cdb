"""What people draw on a sequence, and whether it still fits when the bases change.

The end of a drawing is exclusive, and the end of the sequence is written as 0.
https://benchling.com/api/reference (DnaAnnotation)
"""

from __future__ import annotations

from collections.abc import Iterator

from registry_sync.core.types import Json

NAMES = {
    "annotations": "the annotation", "primers": "the primer", "parts": "the part",
    "translations": "the translation",
}  # fmt: skip


def misfits(drawn: Json, kinds: tuple[str, ...], before: str, after: str) -> list[str]:
    """Return the drawings that no longer fit, in words.

    `drawn` is the entity as Benchling has it. Where the length stays, a drawing fits as long as it
    lies on the sequence; a primer must also bind. Where the length changes, it fits if its bases
    are the same at the same place: otherwise it would mark others.
    """
    return [
        f"{NAMES[kind]} {_named(drawing)}"
        for kind in kinds
        for drawing in drawn.get(kind) or ()
        if not all(
            _fits(span, before.upper(), after.upper(), strict=kind == "primers")
            for span in _spans(drawing)
        )
    ]


def _spans(drawing: Json) -> Iterator[tuple[int, int]]:
    for each in drawing.get("regions") or [drawing]:
        if isinstance(each.get("start"), int):
            yield each["start"], int(each.get("end") or 0)


def _fits(span: tuple[int, int], before: str, after: str, *, strict: bool) -> bool:
    start, end = span
    if len(before) == len(after) and not strict:
        return True
    whole = (end or len(before)) <= len(after) and start < len(after)
    return whole and _covered(before, start, end) == _covered(after, start, end or len(before))


def _covered(bases: str, start: int, end: int) -> str:
    end = end or len(bases)
    if end > start:
        return bases[start:end]
    return bases[start:] + bases[:end]  # around the origin of a circle


def _named(drawing: Json) -> str:
    start, end = drawing.get("start"), drawing.get("end")
    place = "" if start is None else f" ({int(start) + 1} to {end or 'the end'})"
    return f"“{drawing.get('name') or 'without a name'}”{place}"
