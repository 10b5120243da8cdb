"""The tenant's content, and how an admin or a test sets it up."""

from __future__ import annotations

import copy
import itertools
import json
import secrets
import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jwcrypto import jwe, jwk

from . import configuration
from .clock import Clock
from .signing import Signer
from .switches import Switches

Json = dict[str, Any]


@dataclass
class Entity:
    """One entity of any type; fields by field id, links as Benchling ids.

    An entity that is not registered has "" for both of its registry's ids.
    """

    id: str
    name: str
    registry_id: str
    entity_registry_id: str
    schema_id: str
    fields: Json
    creator: str
    created_at: str
    modified_at: str
    folder_id: str | None = None
    aliases: list[str] = field(default_factory=list)
    custom_fields: dict[str, str] = field(default_factory=dict)
    authors: list[str] = field(default_factory=list)
    archived: str | None = None
    parts: Json = field(default_factory=dict)
    """What its type has beside fields, such as bases."""


@dataclass
class Fault:
    """A deliberate fault for a number of matching requests."""

    match: str
    kind: str  # status, drop, apply_then_drop, stall, html, truncate, garble, drip
    times: int = 1
    status: int = 503
    body: Json | None = None
    seconds: float = 1.0
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class TenantState:
    """The tenant's whole content, in memory."""

    def __init__(self, name: str = "sandbox", **switches: Any) -> None:
        self.name = name
        self.clock = Clock()
        self.switches = Switches(**switches)
        self.attribution = ""
        self.registries: dict[str, Json] = {}
        self.folders: dict[str, Json] = {}
        self.dropdowns: dict[str, Json] = {}
        self.schemas: dict[str, Json] = {}
        self.entities: dict[str, Entity] = {}
        self.projects: dict[str, Json] = {}
        self.result_schemas: dict[str, Json] = {}
        self.system_names: dict[str, dict[str, Json]] = {}
        """The fields of each result schema by their system names."""
        self.results: dict[str, Json] = {}
        self.transactions: dict[str, Json] = {}
        self.containers: dict[str, Json] = {}
        self.history: dict[str, list[Any]] = {}
        """Who changed what of each entity, the earliest first."""
        self.exports: dict[str, str] = {}
        self.exported: deque[float] = deque()
        """Files of audit logs by their key, and when each was requested."""
        self.earlier: dict[str, list[tuple[float, Entity]]] = {}
        """Versions of entities, and when each was replaced, while lists may still show them."""
        self.by_registry_id: dict[tuple[str, str], str] = {}
        self.taken: dict[tuple[str, str], Counter[str]] = {}
        self.apps: dict[str, Json] = {}
        self.config: dict[str, Json] = {}
        self.sessions: dict[str, Json] = {}
        self.canvases: dict[str, Json] = {}
        self.users: dict[str, str] = {"ent_ada": "Ada Byron", "ent_max": "Max Born"}
        self.signer = Signer()
        self.webhooks: list[Json] = []
        self.stopped = threading.Event()
        self.tasks: dict[str, Json] = {}
        self.tokens: dict[str, tuple[str, float]] = {}
        self.faults: deque[Fault] = deque()
        self.refuse: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.violations: list[str] = []
        """Exchanges outside the contract."""
        self.malformed: list[str] = []
        """Requests that were refused because they are outside the contract."""
        self.counters: Counter[str] = Counter()
        self.endpoints: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.ahead_seconds = 0.0
        """CPU seconds of work that was done while its task was running."""
        self._numbers = itertools.count(1)

    # -- furnishing ------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06d}"

    def add_registry(self, name: str) -> str:
        id_ = self.new_id("src")
        self.registries[id_] = {"id": id_, "name": name}
        return id_

    def add_folder(self, name: str) -> str:
        id_ = self.new_id("lib")
        self.folders[id_] = {"id": id_, "name": name, "parentFolderId": None,
                             "projectId": "src_project", "archiveRecord": None}  # fmt: skip
        return id_

    def add_dropdown(self, name: str, labels: Iterable[str]) -> str:
        id_ = self.new_id("sfs")
        self.dropdowns[id_] = {"id": id_, "name": name, "archiveRecord": None, "options": []}
        for label in labels:
            self.add_option(id_, label)
        return id_

    def add_option(self, dropdown_id: str, label: str) -> str:
        id_ = self.new_id("sfso")
        option = {"id": id_, "name": label, "archiveRecord": None}
        self.dropdowns[dropdown_id]["options"].append(option)
        return id_

    def add_schema(
        self,
        name: str,
        registry_id: str,
        *,
        fields: Sequence[Json],
        prefix: str = "ENT",
        type: str = "custom_entity",
    ) -> str:
        """Add an entity schema; fields need `name` and `type`, the rest has defaults."""
        id_ = self.new_id("ts")
        self.schemas[id_] = {
            "id": id_, "name": name, "type": type, "prefix": prefix, "registryId": registry_id,
            "archiveRecord": None, "modifiedAt": self.clock.stamp(), "constraint": None,
            "fieldDefinitions": [self.definition(item) for item in fields],
        }  # fmt: skip
        return id_

    def definition(self, raw: Json) -> Json:
        """Return the definition of a field of a schema, with defaults."""
        base = {"id": self.new_id("tsf"), "isMulti": False, "isRequired": False,
                "archiveRecord": None}  # fmt: skip
        numeric = {"numericMin": None, "numericMax": None}
        extra = numeric if raw["type"] in ("integer", "float") else {}
        return {**base, **extra, **raw}

    def field_id(self, schema_id: str, name: str) -> str:
        return next(
            str(f["id"]) for f in self.schemas[schema_id]["fieldDefinitions"] if f["name"] == name
        )

    def install_app(
        self, app_id: str, definition_id: str, client_id: str, client_secret: str, public_key: str
    ) -> None:
        """Install an app, as an admin does in the Developer Console."""
        self.apps[app_id] = {
            "id": app_id, "definition": definition_id, "client_id": client_id,
            "client_secret": client_secret, "public_key": public_key,
        }  # fmt: skip

    def receive_webhooks(self, app_id: str, url: str) -> None:
        """Give an app's webhooks an address, as a developer does in the Developer Console."""
        self.apps[app_id]["webhook_url"] = url

    def configure(self, app_id: str, values: Json) -> None:
        """Fill in the app's configuration, replacing the named items; encrypt secrets."""
        configuration.fill_in(self, app_id, values)

    def add_item(
        self, app_id: str, path: list[str], type_: str, value: Any, *, required: bool = False
    ) -> Json:
        """Add one configuration item and return it."""
        id_ = self.new_id("aci")
        self.config[id_] = {
            "id": id_, "app": {"id": app_id}, "path": path, "type": type_, "value": value,
            "requiredConfig": required, "description": "", "createdAt": self.clock.stamp(),
            "modifiedAt": self.clock.stamp(),
        }  # fmt: skip
        return self.config[id_]

    def seal(self, app_id: str, text: str) -> str:
        """Encrypt a secure_text value with the app's public key, like Benchling (JWE compact)."""
        key = jwk.JWK.from_pem(self.apps[app_id]["public_key"].encode())
        header = json.dumps({"alg": "RSA-OAEP-256", "enc": "A256GCM"})
        sealed = jwe.JWE(text.encode(), header)
        sealed.add_recipient(key)
        return str(sealed.serialize(compact=True))

    def revoke_tokens(self) -> None:
        self.tokens.clear()

    def new_token(self, app_id: str) -> str:
        token = secrets.token_urlsafe(24)
        self.tokens[token] = (app_id, self.clock.now() + 900)
        return token

    # -- writing -------------------------------------------------------------------------------

    def keep_version(self, entity: Entity) -> None:
        """Keep an entity as it is, before it is changed, for lists that lag behind."""
        if self.switches.list_lag:
            version = self.clock.now(), copy.deepcopy(entity)
            self.earlier.setdefault(entity.id, []).append(version)

    def count_write(self, entity: Entity, *, created: bool) -> None:
        """Count an entity that the app wrote."""
        self.counters["objects_written"] += 1
        self.counters["objects_created" if created else "objects_updated"] += 1
        self.writes[entity.entity_registry_id] += 1

    # -- looking ----------------------------------------------------------------------------

    def entity(self, entity_registry_id: str) -> Entity | None:
        """Find an entity by its registry id, in any Benchling registry."""
        for (_, id_), entity_id in self.by_registry_id.items():
            if id_ == entity_registry_id:
                return self.entities[entity_id]
        return None

    def listed(self, ids: Iterable[str] | None = None) -> list[Entity]:
        """Return the entities in the order of their creation, as lists show them at present.

        With `ids`, only these: the others are not even looked at.
        """
        held: Iterable[Entity] = self.entities.values()
        if ids is not None:
            held = [self.entities[id_] for id_ in sorted(ids, key=_number) if id_ in self.entities]
        if not self.switches.list_lag:
            return list(held)
        at = self.clock.now() - self.switches.list_lag
        return [
            next((old for until, old in self.earlier.get(entity.id, ()) if until > at), entity)
            for entity in held
            if datetime.fromisoformat(entity.created_at).timestamp() <= at
        ]

    def registered(self, registry_id: str, wanted: Iterable[str]) -> list[Entity]:
        """Return the entities with these ids of a registry, as lists show them at present."""
        places = {(registry_id, id_) for id_ in wanted}
        if self.switches.list_lag:  # an entity may be shown with an id that it no longer has
            return [e for e in self.listed() if (e.registry_id, e.entity_registry_id) in places]
        held = self.by_registry_id
        return self.listed(held[place] for place in places if place in held)

    def named_values(self, entity: Entity) -> Json:
        """Return an entity's values by field name: dropdowns as labels, links as registry ids."""
        out: Json = {}
        for definition in self.schemas[entity.schema_id]["fieldDefinitions"]:
            value = entity.fields.get(definition["id"])
            many = isinstance(value, list)
            shown = [self.shown(definition, item) for item in (value if many else [value])]
            out[definition["name"]] = shown if many else shown[0]
        return out

    def shown(self, definition: Json, value: Any) -> Any:
        """Return one value as people see it."""
        if definition["type"] == "dropdown":
            options = self.dropdowns[definition["dropdownId"]]["options"]
            return next((o["name"] for o in options if o["id"] == value), None)
        if definition["type"].endswith("_link") and value in self.entities:
            return self.entities[value].entity_registry_id
        return value


def _number(id_: str) -> int:
    """Return the number of an id: those of one tenant ascend, whatever they are of."""
    return int(id_.rpartition("_")[2])
