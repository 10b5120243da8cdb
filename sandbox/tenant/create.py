"""Creating one entity, registered or not. https://benchling.com/api/reference (createMolecule)"""

from __future__ import annotations

from typing import Any

from .entity_types import TYPES
from .errors import Refusal
from .state import Entity
from .upsert import Upsert

Json = dict[str, Any]
STRATEGIES = ("NEW_IDS", "IDS_FROM_NAMES")


class Create(Upsert):
    """One create request: what has no registry is not registered, and has no name to itself."""

    def registry_of(self, row: Json) -> str:
        return str(row.get("registryId") or "")

    def _apply(self, row: Json) -> Entity:
        if not row.get("schemaId"):
            raise Refusal("This sandbox creates entities of a schema only.")
        schema = self.state.schemas.get(row["schemaId"])
        if schema is None or schema["archiveRecord"]:
            raise Refusal("The schema is archived or does not exist.")
        self._check_type(schema)
        registry = self.registry_of(row)
        if registry not in ("", schema["registryId"]):
            raise Refusal(f"The schema {schema['name']} is not of this registry.")
        entity = self._create({**row, "registryId": registry,
                               "entityRegistryId": self._new_id(row, schema)}, schema)  # fmt: skip
        self.names.rename(entity, row["name"])
        self._set_fields(entity, row, keeps=True)
        self._set_rest(entity, row, clears=False)
        parts = TYPES[schema["type"]].parts
        entity.parts = parts.changed({}, parts.read(row), drops=False)
        return entity

    def _new_id(self, row: Json, schema: Json) -> str:
        """Return the registry id that a row asks for; "" without a registry."""
        given, strategy = row.get("entityRegistryId"), row.get("namingStrategy")
        if not row.get("registryId"):
            if given or strategy:
                raise Refusal("A registry is needed to register an entity.")
            return ""
        if bool(given) == bool(strategy):
            raise Refusal("Either entityRegistryId or namingStrategy is needed.")
        if given and (row["registryId"], given) in self.state.by_registry_id:
            raise Refusal(f"The registry ID '{given}' is not unique.")
        if strategy and strategy not in STRATEGIES:
            raise Refusal(f"This sandbox does not know the naming strategy {strategy}.")
        new = row["name"] if strategy == "IDS_FROM_NAMES" else self._numbered(schema)
        return str(given or new)

    def _numbered(self, schema: Json) -> str:
        number = 1
        while (schema["registryId"], f"{schema['prefix']}{number:03d}") in (
            self.state.by_registry_id
        ):
            number += 1
        return f"{schema['prefix']}{number:03d}"
