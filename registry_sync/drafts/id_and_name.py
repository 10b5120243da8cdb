"""Which path can be a record's id, and which its name, as far as a sample shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.core.text import name_key, number_of
from registry_sync.core.types import Json
from registry_sync.drafts.name_similarity import ALIKE, name_likeness
from registry_sync.drafts.sample import paths_of
from registry_sync.source.paths import ABSENT, PathError, compile_template


def judge_ids(records: Sequence[Json], id_paths: Sequence[str]) -> tuple[bool, str]:
    """Return whether every record of the sample has a unique id, and a sentence about it."""
    where = " + ".join(id_paths)
    try:
        gets = [compile_template(path) for path in id_paths]
    except PathError as error:
        return False, str(error)
    ids = [
        tuple(str(v) for get in gets if (v := get(r)) not in (ABSENT, None, "")) for r in records
    ]
    complete = [by_value for by_value in ids if len(by_value) == len(gets)]
    if len(complete) < len(records):
        return False, (
            f"{len(records) - len(complete)} of {number_of(len(records), 'record')} "
            f"{'has' if len(records) == 1 else 'have'} no id at {where}"
        )
    if len(set(complete)) < len(complete):
        return False, f"{number_of(len(complete) - len(set(complete)), 'duplicate id')} at {where}"
    return True, f"every record has a unique id at {where}"


def suggest_name(records: Sequence[Json], name_field: str, id_path: str) -> tuple[str, str]:
    """Return a suggestion for External Name Field and why; the current one if it works."""
    fault = _name_fault(records, name_field)
    if not fault:
        return name_field, f"{name_field} gives every record a unique name"
    likely = sorted(paths_of(records), key=lambda path: -name_likeness(path, "name"))
    for path in [path for path in likely if name_likeness(path, "name") >= ALIKE] + [name_field]:
        for text in (path, f"{{{path}}} [{{{id_path}}}]"):
            if "{" not in path and not _name_fault(records, text):
                return text, f"{fault}; {text} gives every record a unique name"
    return id_path, f"{fault}; no other path gives every record a name"


def _name_fault(records: Sequence[Json], name_field: str) -> str:
    try:
        compile_template(name_field)
    except PathError as error:
        return str(error)
    names = [value for record in records if (value := _named(record, name_field))]
    if len(names) < len(records):
        return (
            f"{name_field} is empty in {len(records) - len(names)} of "
            f"{number_of(len(records), 'record')}"
        )
    twice = len(names) - len(set(names))
    return f"{name_field} gives {number_of(twice, 'duplicate name')}" if twice else ""


def _named(record: Json, name_field: str) -> str:
    value = compile_template(name_field)(record)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return name_key(str(value))
