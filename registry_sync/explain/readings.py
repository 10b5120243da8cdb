"""What the mapping makes of one record: its name, then field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from registry_sync.mapping.model import Transformed
from registry_sync.source.paths import ABSENT
from registry_sync.sync.setup import Setup


@dataclass(frozen=True, slots=True)
class FieldReading:
    """The result of the current mapping for one field of the record as it is now."""

    field: str
    path: str
    raw: Any
    result: Any
    problem: str = ""


def readings_of(raw: dict[str, Any], done: Transformed, setup: Setup) -> Iterator[FieldReading]:
    """Yield what the mapping makes of a record: its name, then field by field."""
    problems = {problem.field: problem.message for problem in done.problems}
    fields = (done.entity.fields if done.entity else done.rest) or {}
    name = setup.mapping.name(raw)
    yield FieldReading(
        "name", setup.mapping.name_path, None if name is ABSENT else name,
        None if name is ABSENT or "name" in problems else name, problems.get("name", ""),
    )  # fmt: skip
    for mapped in setup.mapping.fields:
        value = mapped.get(raw)
        result = fields.get(mapped.field.id)
        labels = {option.id: option.label for option in mapped.field.options or ()}
        if isinstance(result, list):
            result = [labels.get(str(item), item) for item in result]
        elif isinstance(result, str):
            result = labels.get(result, result)
        name = mapped.field.name
        shown = None if value is ABSENT else value
        yield FieldReading(name, mapped.path, shown, result, problems.get(name, ""))
