"""The settings of Connector Settings that are no dataclass of their own, by section and name."""

from __future__ import annotations

from registry_sync.core.deadlines import AnswerLimits
from registry_sync.core.setting import (
    ADDRESS,
    LIST,
    OBJECT,
    PATH,
    PATHS,
    VALUES,
    Setting,
    SettingType,
    one_of,
    settings_of,
)
from registry_sync.source.answers.blanks import ABSENT_WORDS
from registry_sync.source.answers.page_limits import PageLimits

HEADERS = SettingType(
    "object of text or numbers (ASCII)",
    {
        "type": "object",
        "propertyNames": {"pattern": r"^[ -~]*$"},
        "additionalProperties": {
            "anyOf": [
                {"type": "string", "pattern": r"^[ -~]*$"},
                {"type": ["number", "boolean"]},
            ]
        },
    },
)
TEMPLATE = SettingType("text", {"type": "string", "pattern": r"^\s*([^{]*\{id\}[^{]*)?\s*$"})
SECTION = SettingType("object", {"type": "object"})

PAGE_LIMITS = settings_of(PageLimits)

TOP = {
    "client": Setting("How requests are sent.", SECTION),
    "endpoint": Setting("What is requested, and how it is read.", SECTION),
    "registry_id_template": Setting(
        "The registry id in Benchling, with `{id}` once.", TEMPLATE, "{id}", "CDD-{id}"
    ),
    "identity": Setting(
        "Paths whose values identify what a record describes, such as a structure's key. If they "
        "change for the same id, a guard stops the record. `structure` and `sequence` mean the "
        "part of this name where Mapping Rules have it.",
        PATHS, example="structure.inchikey",
    ),
    "scope": Setting(
        "Which records are this lane's: a list of conditions that all must hold. See "
        "[Scope](#scope).",
        SettingType("list of objects", {"type": "array"}),
        example=[{"path": "site", "is": "Basel"}],
    ),
}  # fmt: skip
CLIENT = {
    "base_url": Setting(
        "The base of `endpoint.path` and `detail.path`. Without it, `API URL` is.",
        ADDRESS, example="https://lims.example.com/api/",
    ),
    "headers": Setting("Additional headers.", HEADERS, example={"Accept": "application/json"}),
    "auth": Setting(
        "How requests are signed: see [Authentication](#authentication).",
        SECTION, "bearer", {"type": "api_key", "name": "X-API-Key"},
    ),
    **settings_of(AnswerLimits),
    "max_page_bytes": PAGE_LIMITS["max_page_bytes"],
    "paginator": Setting(
        "The paginator where `endpoint.paginator` is missing.", SECTION, example="header_link"
    ),
}  # fmt: skip
ENDPOINT = {
    "path": Setting("The list's address, appended to the base.", example="compounds"),
    "method": Setting(
        "The HTTP method. Without it, POST where `json` is set, else GET.",
        one_of("GET", "POST"), example="POST",
    ),
    "params": Setting(
        "Query parameters. `{incremental.start_value}` is the start of an incremental read; when "
        "everything is read, the parameter that contains it is left out. `{limit}`, `{offset}`, "
        "`{page}` and `{cursor}` are available if the paginator fills them.",
        VALUES, example={"modified_after": "{incremental.start_value}", "sort": "id"},
    ),
    "json": Setting(
        "The body of the request, with the same placeholders.",
        OBJECT, example={"filter": {"type": "compound"}},
    ),
    "data_selector": Setting(
        "The path of the records. Without it, it is learned from the first answer that has some: "
        "the body itself, a usual key, or the only list. `$` is the body.",
        PATH, example="result.items",
    ),
    "primary_key": Setting(
        "The path of a record's id, or a list of paths, joined by hyphens. `External ID Field` "
        "takes precedence.",
        PATHS, "id", "compound_id",
    ),
    "paginator": Setting(
        "How the next page is found: see [Pagination](#pagination).",
        SECTION, "auto", {"type": "offset", "limit": 100},
    ),
    "incremental": Setting(
        "How changes are requested: see [Changes since the last run](#changes-since-the-last-run).",
        SECTION, example={"cursor_path": "modified_at"},
    ),
    "detail": Setting(
        "One more request for each record, if the list contains it only in part: see "
        "[Details](#details).",
        SECTION, example={"path": "compounds/{id}"},
    ),
    "response_actions": Setting(
        "What to do about answers of some kind: see [Responses](#responses).",
        SettingType("list of objects", {"type": "array"}),
        example=[{"status_code": 404, "action": "ignore"}],
    ),
    "max_page_records": PAGE_LIMITS["max_page_records"],
    "absent": Setting(
        "What a path that is missing from a record does: keep the value in Benchling, or clear "
        "it. See [Cleared values stay](#cleared-values-stay).",
        one_of(*ABSENT_WORDS), "keep", "clear",
    ),
    "empty_values": Setting(
        "Values that count as null for every field that is not boolean.",
        LIST, example=[False, "N/A", "0000-00-00"],
    ),
    "deletes": Setting(
        "How the registry says that a record has left it: see "
        "[What leaves the registry](#what-leaves-the-registry).",
        SECTION, example={"mode": "flag", "path": "is_archived"},
    ),
}  # fmt: skip
