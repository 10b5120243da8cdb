"""Requests that Benchling's own document allows, and some that it does not, made by schemathesis.

They would rarely name what the tenant has, so most ids are exchanged for known ones.
https://schemathesis.readthedocs.io
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation

from sandbox.tenant.document import overlaid
from sandbox.tenant.request_check import has_operation
from tests.support.tenants import Tenant
from tests.support.worlds import APP

Json = dict[str, Any]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
OF_FOUR = 3
"""How many of four ids are known ones."""


def operations() -> dict[str, APIOperation]:
    """Return the operations that the sandbox has, as "METHOD /path"."""
    doc = overlaid()
    doc["paths"] = {
        path: {key: part for key, part in item.items()
               if key == "parameters" or has_operation(key, path)}
        for path, item in doc["paths"].items()
    }  # fmt: skip
    doc["paths"] = {path: item for path, item in doc["paths"].items() if set(item) - {"parameters"}}
    found = [result.ok() for result in schemathesis.openapi.from_dict(doc).get_all_operations()]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


class Adversary:
    """Exchanges what a case names for what a tenant has, by the case's own values alone."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        state = tenant.state
        row = tenant.row("X-1", aliases=["An alias"], folderId=tenant.folder)
        tenant.upsert(row, tenant.row("X-2"), tenant.row("Å/3"))
        session = {"appId": APP, "name": "Sync", "timeoutSeconds": 60, "messages": []}
        canvas = {"appId": APP, "featureId": "f", "resourceId": "etr_1", "blocks": []}
        for path, body in (("/app-sessions", session), ("/app-canvases", canvas)):
            assert tenant.http.post(path, json=body).status_code == 201
        state.configure(APP, {"API URL": "http://x", "Schema to Sync": tenant.schema})

    def known(self, name: str) -> list[str]:
        """Return what the tenant has under a parameter's or property's name."""
        t, state = self.tenant, self.tenant.state
        registered = [e.entity_registry_id for e in state.entities.values()]
        named = {
            "schemaId": [t.schema], "registryId": [t.registry], "folderId": [t.folder],
            "appId": [APP], "sessionId": list(state.sessions), "entityRegistryId": registered,
            "name": [*(e.name for e in state.entities.values()), "A new one"],
            "featureId": ["f"], "resourceId": ["etr_1"], "nextToken": ["0", "1"],
            "archiveReason": ["NOT_ARCHIVED", "ANY_ARCHIVED", "ANY_ARCHIVED_OR_NOT_ARCHIVED"],
            "modifiedAt": ["> 2020-01-01", "< 2020-01-01", "> 2020-01-01 AND < 2099-01-01"],
            "registry_id": [t.registry], "schema_id": [t.schema], "dropdown_id": [t.kinds],
            "folder_id": [t.folder], "item_id": list(state.config), "user_id": ["ent_ada"],
            "canvas_id": list(state.canvases), "id": list(state.sessions),
            "task_id": list(state.tasks),
            "custom_entity_id": list(state.entities), "entity_registry_id": registered,
            "customEntityIds": list(state.entities), "authorIds": ["ent_ada", APP],
            "createdAt": ["> 2020-01-01"], "ids": list(state.entities) or [""],
            "names.anyOf": registered, "entityRegistryIds.anyOf": registered,
            "entityRegistryIds": registered,
        }  # fmt: skip
        return named.get(name, [])

    def aim(self, case: Case) -> Case:
        """Exchange most ids of a case for known ones."""
        for name, value in list((case.path_parameters or {}).items()):
            aimed = self._aimed(name, value)
            case.path_parameters[name] = value if aimed is value else quote(aimed, safe="")
        for name, value in list((case.query or {}).items()):
            case.query[name] = self._aimed(name, value)
        case.body = self._deep(case.body, "")
        return case

    def _aimed(self, name: str, value: Any) -> Any:
        known, draw = self.known(name), zlib.crc32(repr(value).encode())
        if not isinstance(value, str) or not known or draw % 4 >= OF_FOUR:
            return value
        return known[draw // 4 % len(known)]

    def _deep(self, value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [self._deep(item, name) for item in value]
        if isinstance(value, dict):
            fields = value if name != "fields" else dict(self._fields(value))
            return {key: self._deep(item, str(key)) for key, item in fields.items()}
        return self._aimed(name, value)

    def _fields(self, values: Json) -> Iterator[tuple[str, Any]]:
        """Name most fields of an upsert as the schema does."""
        names = [
            f["name"] for f in self.tenant.state.schemas[self.tenant.schema]["fieldDefinitions"]
        ]
        for name, value in values.items():
            draw = zlib.crc32(repr(name).encode())
            yield (names[draw // 4 % len(names)] if draw % 4 < OF_FOUR else name), value
