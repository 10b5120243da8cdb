"""Results in Benchling: rows of a result schema, whose fields go by their system names.

The API shows no system name of a field. Which of them a schema has is learned from what it
refuses, in a transaction that is aborted.
https://benchling.com/api/reference (bulkCreateAssayResults, createAssayResultsInTransaction)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.history_target import HistoryTarget
from registry_sync.core.text import name_key
from registry_sync.core.types import Json

Fields = dict[str, Any]
"""Values by the system names of their fields."""
UNSAID = "Benchling gives no reason"


class SchemaRefuses(Exception):
    """The schema takes no result, whichever of the fields it has; the text says why."""


def start_result(client: Client, target: HistoryTarget, result_id: str, fields: Fields) -> str:
    """Start to create one result and return the task's id.

    Raise Refused, also where a limit is used up, and AnswerLost where it may have started.
    """
    body = {"assayResults": [{"id": result_id, **_row(target, fields)}]}
    path = "assay-results:bulk-create"
    return str(client.call("post", path, body, needs="taskId", once=True, limited=True)["taskId"])


def has_result(client: Client, result_id: str) -> bool:
    """Return whether a result exists; Benchling refuses a list with an unknown id."""
    try:
        body = client.get("assay-results:bulk-get", assayResultIds=result_id)
    except Refused as refused:
        if refused.status in (400, 404):
            return False
        raise
    return any(each.get("id") == result_id for each in body.get("assayResults") or ())


def result_schema(client: Client, schema_id: str) -> Json:
    """Return one result schema."""
    return client.get(f"assay-result-schemas/{quote(schema_id, safe='')}", needs="id")


def dropdown_options(client: Client, schema_id: str) -> dict[str, dict[str, str]]:
    """Return the ids of the options of a schema's dropdowns, by the field and the option's key.

    A field goes by what its display name makes as a system name. A dropdown without options, or
    which the app may not read, is left out.
    """
    found: dict[str, dict[str, str]] = {}
    try:
        fields = result_schema(client, schema_id).get("fieldDefinitions") or ()
        for field in fields:
            if field.get("type") == "dropdown" and not field.get("archiveRecord"):
                options = client.dropdown(str(field["dropdownId"])).get("options") or ()
                ids = {status_key(o["name"]): str(o["id"]) for o in options if is_option_in_use(o)}
                found |= {status_key(str(field["name"])): ids} if ids else {}
    except Refused as refused:
        if refused.is_limit:
            raise
    return found


def is_option_in_use(option: Json) -> bool:
    """Return whether a dropdown's option is not archived."""
    return not option.get("archiveRecord")


def status_key(text: str) -> str:
    """Return the key by which labels are compared: “Completed with warnings” is a status, too."""
    return re.sub(r"[\s_]+", "_", name_key(text))


def project(client: Client, project_id: str) -> Json:
    """Return one project."""
    return client.get(f"projects/{quote(project_id, safe='')}", needs="id")


def missing_fields(client: Client, target: HistoryTarget, fields: Fields) -> dict[str, str]:
    """Return which of the fields a schema does not take, each with Benchling's reason.

    Nothing is created: the transaction is aborted. Raise SchemaRefuses and Refused.
    """
    opened = client.call("post", "result-transactions", {}, needs="id", limited=True)
    path = f"result-transactions/{quote(str(opened['id']), safe='')}"
    try:
        return _missing(client, path, target, fields)
    finally:
        with suppress(Refused):  # what is never committed is never seen
            client.call("post", f"{path}:abort", {}, limited=True)


def _missing(client: Client, path: str, target: HistoryTarget, fields: Fields) -> dict[str, str]:
    remaining, out = dict(fields), dict[str, str]()
    while (refusal := _refusal(client, path, target, remaining)) is not None:
        named = dict(_named(refusal, remaining))
        if not named:
            named = _refused_alone(client, path, target, remaining)
        if not named or len(named) == len(remaining):
            raise SchemaRefuses(next(_sentences(refusal), "") or refusal.message or UNSAID)
        out |= named
        remaining = {name: value for name, value in remaining.items() if name not in named}
    return {name: out[name] for name in fields if name in out}


def _refused_alone(
    client: Client, path: str, target: HistoryTarget, fields: Fields
) -> dict[str, str]:
    """Return the fields that are refused one by one, where a refusal of all names none."""
    refusals = {
        name: _refusal(client, path, target, {name: value}) for name, value in fields.items()
    }
    return {name: each.message or UNSAID for name, each in refusals.items() if each is not None}


def _refusal(client: Client, path: str, target: HistoryTarget, fields: Fields) -> Refused | None:
    try:
        body = {"assayResults": [_row(target, fields)]}
        client.call("post", f"{path}/results", body, limited=True)
    except Refused as refused:
        if refused.status != 400:
            raise
        return refused
    return None


def _row(target: HistoryTarget, fields: Fields) -> Json:
    values = {name: {"value": value} for name, value in fields.items()}
    place = {"projectId": target.project_id} if target.project_id else {}
    return {"schemaId": target.schema_id, **place, "fields": values}


def _named(refusal: Refused, fields: Fields) -> Iterator[tuple[str, str]]:
    """Yield each field that a refusal names, and why: as a key, or in a sentence."""
    for row in _rows(refusal):
        for name, why in (row.get("fields") or {}).items():
            if name in fields:
                yield name, _text(why)
    for sentence in _sentences(refusal):
        for name in fields:
            if re.search(rf"^{name}:|[\"'“‘`]{name}[\"'”’`]", sentence):
                yield name, sentence


def _sentences(refusal: Refused) -> Iterator[str]:
    for row in _rows(refusal):
        yield from map(str, row.get("global") or ())
    if refusal.message:
        yield refusal.message


def _rows(refusal: Refused) -> list[Json]:
    errors = refusal.errors
    listed = errors if isinstance(errors, list) else [errors]
    return [each for each in listed if isinstance(each, dict)]


def _text(why: object) -> str:
    return " ".join(map(str, why)) if isinstance(why, list) else str(why or UNSAID)
