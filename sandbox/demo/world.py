"""What the demo starts: a registry, a Benchling tenant, and the service between them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives import serialization
from rich.console import Console

from sandbox import registry
from sandbox.children import dies_with_parent
from sandbox.demo import collections
from sandbox.tenant import TenantServer, configuration

ROOT = Path(__file__).resolve().parent.parent.parent
"""The folder of the packages: the checkout, or where they are installed."""
CSV = ROOT / "sandbox" / "data" / "chembl_approved_drugs.csv"
MANAGE = ("-m", "integration")
COMPOUNDS = 2628
MAPPING = [
    ("Preferred name", "name"),
    ("SMILES", "smiles"),
    ("Molecule type", "molecule_type"),
    ("First approval", "first_approval"),
]
STRUCTURE_RULES = {"structure": {"smiles": "smiles"}}
PLASMID_RULES = {"sequence": {"path": "bases", "circular": True}}
console = Console(highlight=False)


@dataclass
class World:
    """Everything the demo starts, and how to talk to it."""

    folder: Path
    tenant: TenantServer
    registry: registry.RegistryServer
    database: Path
    env: dict[str, str]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def manage(self, *words: str) -> int:
        """Run a management command as an operator would, and return its exit status."""
        return self.begin(*words).wait()

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a management command, and go on while it works."""
        console.print(f"[dim]$ manage.py {' '.join(words)}[/dim]")
        command = [sys.executable, *MANAGE, *words]
        child = subprocess.Popen(
            command, cwd=self.folder, env=self.env, preexec_fn=dies_with_parent
        )
        self.children.append(child)
        return child

    def start(self, *words: str, log: str) -> None:
        """Start a process that ends with the demo; its output goes to a file."""
        out = (self.folder / log).open("ab")
        self.children.append(
            subprocess.Popen(
                [sys.executable, *words],
                cwd=self.folder,
                env=self.env,
                stdout=out,
                stderr=out,
                preexec_fn=dies_with_parent,
            )
        )

    def counters(self) -> dict[str, Any]:
        answer = requests.get(f"{self.tenant.url}/sandbox/counters", timeout=10)
        answer.raise_for_status()
        return dict(answer.json())


def build(folder: Path, redis_url: str, *, name_template: str) -> World:
    """Start registry and tenant, configure the app, and prepare the service's database."""
    console.rule("[bold]A registry, a Benchling tenant, and the service between them")
    database = folder / "compounds.db"
    token = secrets.token_urlsafe(16)
    source = registry.RegistryServer(database, token=token)
    tenant = TenantServer(contract="after")
    env = service_env(folder, tenant.url, redis_url)
    world = World(folder, tenant, source, database, env)
    # The longest step, which waits for none of the others.
    migrating = world.begin("migrate", "--verbosity", "0", "--skip-checks")
    registry.build(CSV, database)
    collections.build(database)
    source.start()
    tenant.start()
    world.manage("manifest", "--new-key", str(folder / "app.pem"),
                 "--output", str(folder / "manifest.yaml"))  # fmt: skip
    world.env["BENCHLING_PRIVATE_KEY_FILE"] = str(folder / "app.pem")
    provision(tenant, source, token, folder, name_template=name_template)
    if migrating.wait():
        raise SystemExit("The database could not be prepared: the lines above say why.")
    return world


def service_env(folder: Path, tenant_url: str, redis_url: str) -> dict[str, str]:
    """Set the operator's variables as a deployment would."""
    own = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TERM") if key in os.environ}
    return own | {
        "PYTHONPATH": str(ROOT),
        "DEBUG": "1",
        "SECRET_KEY": secrets.token_urlsafe(32),
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "DATABASE_URL": f"sqlite:///{folder / 'registry_sync.sqlite3'}",
        "REDIS_URL": redis_url,
        "BENCHLING_URL": tenant_url,
        "BENCHLING_CLIENT_ID": "demo-client",
        "BENCHLING_CLIENT_SECRET": "demo-secret",
        "BENCHLING_APP_ID": "app_demo",
        "BENCHLING_APP_DEFINITION_ID": "appdef_demo",
        "BENCHLING_JWKS_URL": f"{tenant_url}/sandbox/jwks",
        "REGISTRY_ALLOW_PRIVATE_NETWORKS": "1",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }


def provision(
    tenant: TenantServer,
    source: registry.RegistryServer,
    token: str,
    folder: Path,
    *,
    name_template: str,
) -> None:
    """Do in the tenant what a Benchling admin does in the console."""
    key = serialization.load_pem_private_key((folder / "app.pem").read_bytes(), password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    state = tenant.state
    state.attribution = f"{registry.ATTRIBUTION} {collections.ATTRIBUTION}"
    benchling_registry = state.add_registry("Research Registry")
    location = state.add_folder("Compounds from ChEMBL")
    schema = _compounds(tenant, benchling_registry)
    state.install_app("app_demo", "appdef_demo", "demo-client", "demo-secret", public.decode())
    state.configure(
        "app_demo",
        {
            "API URL": source.list_url,
            "API Key": token,
            "Schema to Sync": schema,
            "Registry": benchling_registry,
            "Synced Entity Location": location,
            "External Name Field": name_template,
            "Connector Settings": registry.registry_settings(),
            "Field Configurations": MAPPING,
        },
    )
    _add_structures(tenant, benchling_registry, source, compounds=schema)
    _add_plasmids(tenant, benchling_registry, source)


def _compounds(tenant: TenantServer, benchling_registry: str) -> str:
    kinds = tenant.state.add_dropdown("Molecule type", registry.molecule_types(CSV))
    return tenant.state.add_schema(
        "Compound",
        benchling_registry,
        prefix="CMP",
        fields=[
            {"name": "Preferred name", "type": "text"},
            {"name": "SMILES", "type": "long_text"},
            {"name": "Molecule type", "type": "dropdown", "dropdownId": kinds},
            {"name": "First approval", "type": "integer"},
        ],
    )


def _add_structures(
    tenant: TenantServer,
    benchling_registry: str,
    source: registry.RegistryServer,
    *,
    compounds: str,
) -> None:
    """Add a lane of molecules; each links the compound that it is the structure of."""
    link = {"name": "Compound", "type": "entity_link", "schemaId": compounds}
    schema = tenant.state.add_schema(
        "Structure", benchling_registry, prefix="MOL", type="molecule", fields=[link]
    )
    # The API key is the first lane's: both have one origin.
    element = {
        "Entity Schema": schema,
        "API URL": source.list_of("structures"),
        "External Name Field": "{name} ({id})",
        "Connector Settings": registry.registry_settings(),
        "Mapping Rules": STRUCTURE_RULES,
    }
    configuration.add_sync(tenant.state, "app_demo", element)
    configuration.add_rows(tenant.state, "app_demo", [(schema, "Compound", "compound")])


def _add_plasmids(
    tenant: TenantServer, benchling_registry: str, source: registry.RegistryServer
) -> None:
    """Add a lane of plasmids; each links the plasmid that it is made from."""
    parts = tenant.state.add_dropdown("Part type", collections.part_types())
    schema = tenant.state.add_schema(
        "Plasmid",
        benchling_registry,
        prefix="PLA",
        type="dna_sequence",
        fields=[
            {"name": "Part type", "type": "dropdown", "dropdownId": parts},
            {"name": "Parent", "type": "dna_sequence_link"},
        ],
    )
    parent = tenant.state.schemas[schema]["fieldDefinitions"][1]
    parent["schemaId"] = schema
    element = {
        "Entity Schema": schema,
        "API URL": source.list_of("plasmids"),
        "External Name Field": "{id} {name}",
        "Connector Settings": collections.plasmid_settings(),
        "Mapping Rules": PLASMID_RULES,
    }
    configuration.add_sync(tenant.state, "app_demo", element)
    rows = [(schema, "Part type", "part"), (schema, "Parent", "parent")]
    configuration.add_rows(tenant.state, "app_demo", rows)
