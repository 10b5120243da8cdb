"""The problems of single records, in words for the person who must act."""

from __future__ import annotations

import json
import re
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.problems import Kind, Problem, WaitsFor
from registry_sync.core.secrets import shortened
from registry_sync.mapping.empty_hints import empty_hint
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.rules import RuleError
from registry_sync.mapping.rules.base import MOST_SHOWN
from registry_sync.mapping.unit_hints import unit_hint
from registry_sync.mapping.values import Misfit
from registry_sync.source.answers.marks import fault_in, unmarked
from registry_sync.source.paths import ABSENT

FOLDERS = ("folder_missing", "folder_ambiguous")
PLAIN_KEY = re.compile(r"[A-Za-z_]\w{0,40}", re.ASCII)
"""Keys that need no quotes in a path."""


def field_problem(
    mapped: FieldMapping, value: Any, error: Misfit | RuleError, external_id: str
) -> Problem:
    """Return the problem of a value that does not fit its field."""
    item = getattr(error, "item", None)
    shown = _shown(value if item is None else item)
    name = mapped.field.name
    at = f" (path {mapped.path})" if mapped.path else ""
    if isinstance(error, RuleError):
        return Problem(
            kind="mapping",
            code="rule",
            message=f"{external_id}, field “{name}”{at}: {error}.",
            remedy=empty_hint(value, mapped.field) or _correct(external_id, name),
            field=name,
            value=shown,
        )
    message = f"{external_id}, field “{name}”{at}: “{shown}” {error}."
    if error.code == "required_missing":
        message = f"{external_id} has no value for the required field “{name}”{at}."
    kind: Kind = "transient" if error.code == "structure_unread" else "source"
    if error.option is not None or error.code == "dropdown_ambiguous":
        kind = "benchling"
    return Problem(
        kind=kind,
        code=error.code,
        message=message,
        remedy=_inside(mapped, value, external_id)
        or _remedy(error, mapped.field, external_id, shown, value if item is None else item),
        field=name,
        value=shown,
        waits_for=_awaited(error, shown),
    )


def _awaited(error: Misfit, shown: str) -> WaitsFor | None:
    """Return what a value waits for in Benchling. Folders are not in a mapping's fingerprint."""
    if error.option is not None:
        return ("option", error.option)
    return ("folder", shown) if error.code in FOLDERS else None


def _inside(mapped: FieldMapping, value: Any, external_id: str) -> str:
    """Return how to map what is inside an object, such as `{"value": 5, "label": "x"}`, or ""."""
    keys = [key for key in value if PLAIN_KEY.fullmatch(key)] if isinstance(value, dict) else []
    if not keys or not mapped.path:
        return ""
    paths = " or ".join(f"{mapped.path}.{key}" for key in keys[:3])
    return (
        f"The integration owner maps what is inside it to “{mapped.field.name}”, by the path "
        f"{paths} in the app's configuration, or the registry's owner corrects {external_id}."
    )


def _remedy(error: Misfit, field: FieldDefinition, external_id: str, shown: str, value: Any) -> str:
    name = field.name
    if error.code == "structure_unread":
        return (
            "Nothing to do: the next run tries again. If it stays, the registry's owner corrects "
            f"the structure of {external_id}, or the operator gives the service more memory."
        )
    hint = empty_hint(value, field)
    if error.rule is not None:
        return (
            f"The integration owner adds {json.dumps({field.id: error.rule})} to Mapping Rules, or "
            f"the registry's owner corrects {external_id}; the next run picks it up."
        )
    if error.option is not None:
        return (
            f"A Benchling admin adds the option “{error.option}” to the dropdown of “{name}”, or "
            f"the registry's owner corrects {external_id}." + (f" {hint}" if hint else "")
        )
    if hint := hint or unit_hint(value, field, external_id):
        return hint
    if field.type == "authors":
        return (
            "The integration owner maps authors to a path that has API ids of Benchling users, or "
            f"the registry's owner corrects {external_id}."
        )
    if error.code in FOLDERS:
        act = "gives the app access to the folder"
        if error.code == "folder_ambiguous":
            act = "renames all but one of the folders"
        return (
            f"The registry's owner corrects {external_id}, the integration owner adds the value to "
            f"the table of folder in Mapping Rules, or a Benchling admin {act}; the next run picks "
            "it up."
        )
    if error.code == "dropdown_ambiguous":
        return (
            f"A Benchling admin renames or archives all but one of the options “{shown}” of the "
            f"dropdown of “{name}”, or the integration owner chooses one by a label table."
        )
    return _correct(external_id, name)


def _correct(external_id: str, name: str) -> str:
    return (
        f"The registry's owner corrects {external_id}, or the integration owner maps the field "
        f"“{name}” with another rule; the next run picks it up."
    )


def name_missing(external_id: str, path: str, value: Any) -> Problem:
    """Return the problem of a record without a usable name."""
    fault = fault_in(value) if isinstance(value, str) else ""
    why = f": “{_shown(value)}” {fault}" if fault else "; every entity in Benchling needs one"
    return Problem(
        kind="source",
        code="name_missing",
        message=f"{external_id} has no usable name at “{path}”{why}.",
        remedy=f"The registry's owner names {external_id}, or the integration owner corrects "
        "External Name Field in the app's configuration.",
        field="name",
        value=_shown(value),
    )


def undecided_mark(external_id: str, path: str, item: str, claim: str) -> Problem:
    """Return the problem of a text that does not say, for its mark, what a record does or is."""
    return Problem(
        kind="source",
        code="unreadable_text",
        message=f"It is not clear if {external_id} {claim}: “{_shown(item)}” at “{path}” "
        f"{fault_in(item)}.",
        remedy=f"The registry's owner corrects {external_id}; the next run picks it up.",
        field=path,
        value=_shown(item),
    )


def name_unreadable(external_id: str, path: str, value: str) -> Problem:
    """Return the problem of a name with a character that no text can hold."""
    return Problem(
        kind="source",
        code="unreadable_text",
        message=f"{external_id} has a name at “{path}” that contains a character that cannot be "
        "stored (NUL, or half of a surrogate pair).",
        remedy=f"The registry's owner removes it from the name of {external_id}; the next run "
        "picks it up.",
        field="name",
        value=_shown(value),
    )


def long_id(external_id: str, registry_id: str, most: int) -> Problem:
    """Return the problem of a registry id that is too long for Benchling."""
    return Problem(
        kind="source",
        code="unusable_id",
        message=f"The registry id {shortened(registry_id, 60)}… of {shortened(external_id, 60)}… "
        f"would have {len(registry_id)} characters; the maximum is {most}.",
        remedy="The registry's owner gives the record a shorter id, or the integration owner sets "
        "a shorter registry_id_template in Connector Settings.",
        field="registry id",
        value=shortened(registry_id, MOST_SHOWN),
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return "" if value is ABSENT or value is None else shortened(unmarked(str(value)), MOST_SHOWN)
