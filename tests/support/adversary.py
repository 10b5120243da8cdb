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
from schemathesis.core.errors import InvalidSchema
from schemathesis.schemas import APIOperation

from sandbox.tenant.containers import store_by_hand
from sandbox.tenant.document import overlaid
from sandbox.tenant.entities import add_by_hand
from sandbox.tenant.entity_types import TYPES, WRITTEN
from sandbox.tenant.request_check import has_operation
from sandbox.tenant.results import add_project, add_result_schema
from tests.support.tenants import Tenant
from tests.support.worlds import APP

__all__ = ["MODES", "Adversary", "InvalidSchema", "operations"]
Json = dict[str, Any]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
OF_FOUR = 3
"""How many of four ids are known ones."""
DRAWN = {"annotations": [], "primers": []}
PARTS: dict[str, Json] = {
    "molecule": {"chemicalStructure": {"structureFormat": "smiles", "value": "CCO.Cl"}},
    "dna_sequence": {"bases": "ACGT", "isCircular": True, **DRAWN},
    "aa_sequence": {"aminoAcids": "MK", "annotations": []},
    "dna_oligo": {"bases": "ACGT"}, "rna_oligo": {"bases": "ACGU"},
}  # fmt: skip
"""What an upsert of each type requires."""
RESULTS = [{"system_name": "lane", "type": "text"}, {"system_name": "read", "type": "integer"}]


def operations() -> dict[str, APIOperation]:
    """Return the operations that the sandbox has, as "METHOD /path"."""
    doc = {**overlaid()}
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
        self.type, self.schema = "custom_entity", tenant.schema
        self.schemas = {"custom_entity": tenant.schema}
        row = tenant.row("X-1", aliases=["An alias"], folderId=tenant.folder)
        tenant.upsert(row, tenant.row("X-2"), tenant.row("Å/3"))
        for type_, parts in PARTS.items():
            schema = self.schemas[type_] = tenant.add_schema(type_)
            tenant.write(type_, "upsert", tenant.row(type_, schemaId=schema, **parts))
        for type_ in sorted(TYPES.keys() - WRITTEN.keys()):
            schema = self.schemas[type_] = tenant.add_schema(type_)
            add_by_hand(state, tenant.row(type_, schemaId=schema))
        store_by_hand(state, state.entity("X-1"), "Tube")
        self.results = add_result_schema(state, "Syncs", RESULTS)
        self.project = add_project(state, "Operations")
        session = {"appId": APP, "name": "Sync", "timeoutSeconds": 60, "messages": []}
        canvas = {"appId": APP, "featureId": "f", "resourceId": "etr_1", "blocks": []}
        for path, body in (("/app-sessions", session), ("/app-canvases", canvas)):
            assert tenant.http.post(path, json=body).status_code == 201
        state.configure(APP, {"API URL": "http://x", "Schema to Sync": tenant.schema})

    def known(self, name: str) -> list[str]:
        """Return what the tenant has under a parameter's or property's name."""
        t, state = self.tenant, self.tenant.state
        ours = [e for e in state.entities.values()
                if state.schemas[e.schema_id]["type"] == self.type]  # fmt: skip
        registered = [e.entity_registry_id for e in ours]
        ids = [e.id for e in ours]
        of_type = dict.fromkeys((
            TYPES[self.type].ids, "molecule_id", "dna_sequence_id", "aa_sequence_id", "oligo_id",
            "custom_entity_id", "storageContentsIds", "object_id",
        ), ids)  # fmt: skip
        named = {
            **of_type, "schemaId": [self.schema], "registryId": [t.registry],
            "folderId": [t.folder], "appId": [APP], "sessionId": list(state.sessions),
            "entityRegistryId": registered,
            "name": [*(e.name for e in state.entities.values()), "A new one"],
            "featureId": ["f"], "resourceId": ["etr_1"], "nextToken": ["0", "1"],
            "archiveReason": ["NOT_ARCHIVED", "ANY_ARCHIVED", "ANY_ARCHIVED_OR_NOT_ARCHIVED"],
            "modifiedAt": ["> 2020-01-01", "< 2020-01-01", "> 2020-01-01 AND < 2099-01-01"],
            "registry_id": [t.registry], "schema_id": [self.schema], "dropdown_id": [t.kinds],
            "folder_id": [t.folder], "item_id": list(state.config), "user_id": ["ent_ada"],
            "canvas_id": list(state.canvases), "id": [*state.sessions, *ids],
            "projectId": [self.project], "project_id": [self.project],
            "container_id": list(state.containers), "transaction_id": list(state.transactions),
            "assayResultIds": list(state.results), "value": ["CCO", "C[C@H](N)C(=O)O.Cl"],
            "bases": ["ACGTN"], "aminoAcids": ["MKV*"], "format": ["CSV"],
            "task_id": list(state.tasks),
            "entity_registry_id": registered, "authorIds": ["ent_ada", APP],
            "createdAt": ["> 2020-01-01"], "ids": ids or [""],
            "names.anyOf": registered, "entityRegistryIds.anyOf": registered,
            "entityRegistryIds": registered,
        }  # fmt: skip
        return named.get(name, [])

    def aim(self, case: Case) -> Case:
        """Exchange most ids of a case for known ones, of the type that it is about."""
        place = case.operation.path.strip("/").partition(":")[0].partition("/")[0]
        types = (kind.name for kind in TYPES.values() if kind.path == place)
        self.type = next(types, "custom_entity")
        of_results = place in ("assay-results", "result-transactions", "assay-result-schemas")
        self.schema = self.results if of_results else self.schemas[self.type]
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
        """Name most fields of an upsert as the schema does, of a result as its systems do."""
        state = self.tenant.state
        names = (
            list(state.system_names[self.results])
            if self.schema == self.results
            else [f["name"] for f in state.schemas[self.schema]["fieldDefinitions"]]
        )
        for name, value in values.items():
            draw = zlib.crc32(repr(name).encode())
            yield (names[draw // 4 % len(names)] if draw % 4 < OF_FOUR else name), value
