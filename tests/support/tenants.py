"""A tenant alone, and an app that asks it without the service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sandbox.tenant import TenantServer, TenantState
from sandbox.tenant.entity_types import TYPES
from tests.support.worlds import APP, CLIENT, DEFINITION, PUBLIC, SECRET

Json = dict[str, Any]


class Tenant:
    """A tenant with a registry, a folder and a schema, and an app's requests to it."""

    def __init__(self, **switches: Any) -> None:
        self.server = TenantServer(**{"task_base": 0.002, **switches}).start()
        state = self.state
        self.registry, self.folder = state.add_registry("Research"), state.add_folder("Synced")
        self.kinds = state.add_dropdown("Kinds", ["Small molecule"])
        fields = [
            {"name": "Note", "type": "text"}, {"name": "SMILES", "type": "long_text"},
            {"name": "Parent", "type": "entity_link"},
            {"name": "Kind", "type": "dropdown", "dropdownId": self.kinds},
        ]  # fmt: skip
        self.schema = state.add_schema("Compound", self.registry, fields=fields)
        state.install_app(APP, DEFINITION, CLIENT, SECRET, PUBLIC)
        self.http = httpx.Client(base_url=f"{self.server.url}/api/v2", timeout=120)
        self.sign_in()

    def add_schema(self, type_: str, **more: Any) -> str:
        """Add a schema of an entity type with the field Note, and return its id."""
        fields = more.pop("fields", [{"name": "Note", "type": "text"}])
        id_ = self.state.add_schema(TYPES[type_].label, self.registry, fields=fields, type=type_)
        self.state.schemas[id_].update(more)
        return id_

    @property
    def state(self) -> TenantState:
        return self.server.state

    def sign_in(self) -> None:
        """Take a new token; the last one ends after 15 minutes."""
        self.http.headers["Authorization"] = f"Bearer {self.state.new_token(APP)}"

    def stop(self) -> None:
        self.http.close()
        self.server.stop(wait=False)  # nothing asks it any more

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.http.get(path, params={k.replace("__", "."): v for k, v in query.items()})

    def row(self, id_: str, name: str = "", **more: Any) -> Json:
        return {"entityRegistryId": id_, "name": name or f"Name of {id_}", "schemaId": self.schema,
                "registryId": self.registry, "fields": {}, **more}  # fmt: skip

    def upsert(self, *rows: Json) -> Json:
        """Write rows in one task; return the task when it has ended, or the refusal."""
        return self.write("custom_entity", "upsert", *rows)

    def write(self, type_: str, verb: str, *rows: Json) -> Json:
        """Upsert or update entities of a type in one task; return it when it has ended."""
        kind = TYPES[type_]
        answer = self.http.post(f"/{kind.path}:bulk-{verb}", json={kind.key: rows})
        if answer.status_code != 202:
            return {"status": answer.status_code, **answer.json()["error"]}
        while (task := self.get(f"/tasks/{answer.json()['taskId']}").json())["status"] == "RUNNING":
            time.sleep(0.002)
        return dict(task)

    def upsert_one(self, id_: str, **more: Any) -> httpx.Response:
        row = self.row(id_, **more)
        del row["entityRegistryId"]
        return self.http.patch(f"/custom-entities/{quote(id_, safe='')}:upsert", json=row)

    def listed(self, **query: str) -> list[str]:
        """Return the registry ids that a list shows."""
        answer = self.get("/custom-entities", **query)
        assert answer.status_code == 200, answer.text
        return sorted(e["entityRegistryId"] or "" for e in answer.json()["customEntities"])

    def entity(self, id_: str) -> Json:
        """Return an entity as the API does."""
        held = self.state.entity(id_)
        assert held is not None
        path = TYPES[self.state.schemas[held.schema_id]["type"]].path
        return dict(self.get(f"/{path}/{held.id}").json())


@pytest.fixture
def tenant() -> Iterator[Any]:
    """Give `make(**switches)`; every exchange must be within the contract."""
    made: list[Tenant] = []

    def make(**switches: Any) -> Tenant:
        made.append(Tenant(**switches))
        return made[-1]

    yield make
    violations = [v for one in made for v in one.server.settled_violations()]
    for one in made:
        one.stop()
    assert not violations, violations[:3]
