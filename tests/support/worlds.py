"""A world for a test: a tenant, a registry, an app configured between them, and the line to run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import Batch, Change, EntityError, LedgerEntry, SyncRun
from registry_sync.webhooks import signing_keys
from sandbox.tenant import TenantServer, TenantState, configuration, tasks
from tests.support.exchanges import EXCHANGES, SECOND_PASS
from tests.support.patience import hurry
from tests.support.registry import ListRegistry

Json = dict[str, Any]
APP, DEFINITION, CLIENT, SECRET = "app_test", "appdef_test", "client", "s3cret"
FIELDS = [
    {"name": "SMILES", "type": "long_text"},
    {"name": "Kind", "type": "dropdown"},
    {"name": "Approval", "type": "integer"},
    {"name": "Parent", "type": "entity_link"},
]
ROWS = [("SMILES", "smiles"), ("Kind", "kind"), ("Approval", "approval"), ("Parent", "parent")]
INCREMENTAL = {
    "endpoint": {
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "modified_at", "lag": 0},
    }
}


def make_key() -> tuple[str, str]:
    """Make an app's key pair, private and public PEM."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


PRIVATE, PUBLIC = make_key()
NO_ALERTS = {"admin", "benchling", "canvas", "commands", "desk", "drafts", "ledger", "mapping",
             "reporting", "runs", "source", "sync", "webhooks"}  # fmt: skip
"""Rooms whose tests ask for no alert: the look for them is an eighth of a small run."""


@dataclass
class AddedLane:
    """A lane beside the first: its registry and its schema."""

    registry: ListRegistry
    schema: str


@dataclass
class World:
    """One tenant, one registry, one app."""

    server: TenantServer
    registry: ListRegistry
    schema: str
    benchling_registry: str
    folder: str
    kinds: str
    lanes: list[AddedLane] = field(default_factory=list)
    """The lanes beside the first, in the order of the configuration."""

    @property
    def tenant(self) -> TenantState:
        return self.server.state

    def configure(self, **values: Any) -> None:
        self.tenant.configure(APP, values)

    def add_schema(
        self, name: str, *, fields: list[Json] | None = None, type: str = "custom_entity"
    ) -> str:
        """Add a schema of an entity type; dropdowns are the world's, links lead to it or on."""
        definitions = [
            {**({"dropdownId": self.kinds} if f["type"] == "dropdown" else {}), **f}
            for f in (FIELDS if fields is None else fields)
        ]
        registry = self.benchling_registry
        schema = self.tenant.add_schema(name, registry, fields=definitions, type=type)
        for definition in self.tenant.schemas[schema]["fieldDefinitions"]:
            if definition["type"].endswith("_link"):
                definition.setdefault("schemaId", schema)
        return schema

    def add_lane(
        self,
        name: str,
        records: list[Json],
        *,
        fields: list[Json] | None = None,
        rows: list[tuple[str, str]] | None = None,
        type: str = "custom_entity",
        config: Json | None = None,
    ) -> AddedLane:
        """Add a lane, a registry with its records and a schema, by Additional Syncs."""
        schema = self.add_schema(name, fields=fields, type=type)
        lane = AddedLane(ListRegistry(records), schema)
        element = {"Entity Schema": schema, "API URL": lane.registry.url,
                   "API Key": lane.registry.token, "Connector Settings": INCREMENTAL,
                   **(config or {})}  # fmt: skip
        configuration.add_sync(self.tenant, APP, element)
        rows = ROWS if rows is None else rows
        configuration.add_rows(self.tenant, APP, [(schema, *row) for row in rows])
        self.lanes.append(lane)
        return lane

    def sync(self, **asked: Any) -> SyncRun:
        """Run one sync to its end, as cron does, and return its row."""
        wanted: dict[str, Any] = {
            "kind": SyncRun.Kind.INCREMENTAL,
            "trigger": SyncRun.Trigger.SCHEDULE,
            **asked,
        }
        listener = wanted.pop("listener", None)
        run, ours = runs.request_run(**wanted)
        assert ours, f"another run is active: {run}"
        return jobs.work_to_end(run.pk, listener)

    def values(self) -> dict[str, Json]:
        """Give the tenant's entities: values by field name, and the name, by registry id."""
        return {
            e.entity_registry_id: {"name": e.name, **self.tenant.named_values(e)}
            for e in self.tenant.entities.values()
        }

    def written(self) -> int:
        return self.tenant.counters["objects_written"]

    def settle(self) -> None:
        """Wait for the tasks that are under way, such as a killed process's last one."""
        while any(task["status"] == "RUNNING" for task in list(self.tenant.tasks.values())):
            time.sleep(0.05)
            tasks.settle(self.tenant)

    def open_errors(self) -> dict[str, EntityError]:
        return {e.external_id: e for e in EntityError.objects.filter(closed_at__isnull=True)}

    def session(self) -> Json:
        return list(self.tenant.sessions.values())[-1]


def looked_up() -> Json:
    """Connector Settings of a registry that can be asked for one record."""
    detail = {"path": "{id}", "each": False}
    return {"endpoint": {**INCREMENTAL["endpoint"], "detail": detail}}


def build(
    settings: Any,
    records: list[Json],
    *,
    fields: list[Json] | None = None,
    rows: list[tuple[str, str]] | None = None,
    page_size: int = 200,
    config: Json | None = None,
    type: str = "custom_entity",
    **switches: Any,
) -> World:
    """Start a world and point the service at it."""
    if SECOND_PASS:
        switches["contract"] = "off"
    server = TenantServer(**switches).start()
    registry = ListRegistry(records, page_size=page_size)
    state = server.state
    benchling_registry = state.add_registry("Research")
    folder = state.add_folder("Synced")
    kinds = state.add_dropdown("Kinds", ["Small molecule", "Protein"])
    world = World(server, registry, "", benchling_registry, folder, kinds)
    schema = world.schema = world.add_schema("Compound", fields=fields, type=type)
    state.schemas[schema]["prefix"] = "CMP"
    state.install_app(APP, DEFINITION, CLIENT, SECRET, PUBLIC)
    world.configure(
        **{
            "API URL": registry.url,
            "API Key": registry.token,
            "Schema to Sync": schema,
            "Registry": benchling_registry,
            "Synced Entity Location": folder,
            "Field Configurations": rows or ROWS,
            "Connector Settings": INCREMENTAL,
            **(config or {}),
        }
    )
    settings.BENCHLING_URL = server.url
    settings.BENCHLING_APP_ID = APP
    settings.BENCHLING_CLIENT_ID = CLIENT
    settings.BENCHLING_CLIENT_SECRET = SECRET
    settings.BENCHLING_PRIVATE_KEY = PRIVATE
    settings.REGISTRY_ALLOW_PRIVATE_NETWORKS = True
    signing_keys.key_rings.clear()  # an earlier tenant may have had this one's address
    return world


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    settings: Any,
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Give `make(records, **options)`; the contract is checked at the end for every tenant made."""
    made: list[World] = []
    if request.path.parent.name in NO_ALERTS:
        monkeypatch.setattr(jobs, "update_alerts", lambda: None)
    hurry(monkeypatch)

    def make(records: list[Json], **options: Any) -> World:
        made.append(build(settings, records, **options))
        return made[-1]

    yield make
    violations = [v for w in made for v in w.server.settled_violations()]
    for one in made:
        request.config.stash.setdefault(EXCHANGES, []).append(
            one.tenant.counters["exchanges_checked"]
        )
        one.server.stop(wait=False)  # nothing asks it any more
        for registry in (one.registry, *(lane.registry for lane in one.lanes)):
            registry.stop()
    assert not violations, violations[:3]


def forget():
    from registry_sync.models import (
        ChainHead,
        ChainLink,
        Lane,
        Refusal,
        RunLog,
        TakenName,
        Withdrawal,
    )

    for model in (ChainHead, ChainLink, Change, Refusal, Withdrawal, EntityError, LedgerEntry,
                  TakenName, Batch, RunLog, SyncRun, Lane):  # fmt: skip
        model.objects.all().delete()
