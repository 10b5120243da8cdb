"""Checks of the Benchling tenant: they read, and change nothing there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.utils import timezone

from registry_sync.benchling import chemistry
from registry_sync.benchling.app_config import ASKED, AppConfig, open_secure_text
from registry_sync.benchling.assay_results import project
from registry_sync.benchling.client import Client
from registry_sync.benchling.config_items import by_path
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.schema import parse_schema
from registry_sync.benchling.syncs import named_in, path_of
from registry_sync.core.problems import SyncError
from registry_sync.core.text import number_of
from registry_sync.monitoring.doctor.check_result import (
    CheckResult,
    Skipped,
    bad,
    compare_clocks,
    ok,
    register,
    skipped,
    warning,
)
from registry_sync.source.connector import Connector
from registry_sync.sync.lane_refresh import refresh_lanes
from registry_sync.sync.setup import connector_of, mapping_of, read_config, read_schema

RENDERED = "registry-sync.yaml"
"""Beside manage.py, where docs/connect.md has the rendered manifest written to."""
ADMIN = "A Benchling admin must add the app to the organization, team or project that has it."


@dataclass
class TenantVisit:
    """What one check found and later ones need; None where it is not available."""

    client: Client
    items: list[dict[str, Any]] | None = None
    config: AppConfig | None = None
    connector: Connector | None = None
    complete: bool = False
    """Whether the configuration has a mapping beside the registry's settings."""
    element: str = ""
    """The sync that is looked at, in `Additional Syncs`; "" for the app's own items."""

    def named(self, item: str) -> str:
        """Return how an item of the sync is named in the configuration."""
        return " › ".join(path_of(self.element, item))

    def configured(self) -> tuple[AppConfig, Connector]:
        """Return the app's configuration and its connector. Raise Skipped."""
        if self.config is None or self.connector is None:
            raise Skipped("the app's configuration cannot be used")
        return self.config, self.connector

    def listed(self) -> list[dict[str, Any]]:
        """Return the configuration's items as the API gives them. Raise Skipped."""
        if self.items is None:
            raise Skipped("the app cannot read its configuration in Benchling")
        return self.items

    def chosen(self, name: str) -> str:
        """Return the id in a configuration item, even where the app has no access to it."""
        return named_in(by_path(self.listed()).get(path_of(self.element, name)))


TENANT_CHECKS: dict[str, Callable[[TenantVisit], CheckResult]] = {}
OF_SYNC = ("Key pair", "Schema", "Folder", "Connector Settings", "Configuration", "Fields")
"""The checks that each sync of the configuration needs; the others are made once."""


def refuse_to_wait_for_tenant(seconds: float, reason: str) -> None:
    """Raise SyncError instead of waiting: someone watches the page."""
    raise SyncError(
        f"Benchling did not answer the first request{f' ({reason})' if reason else ''}.",
        remedy="The operator must check BENCHLING_URL and the network, then try again in a minute.",
        kind="transient",
        code="benchling_unreachable",
        transient=True,
    )


@register(TENANT_CHECKS, "Credentials and installation")
def check_credentials(visit: TenantVisit) -> CheckResult:
    """Get a token, and read the app's own configuration."""
    try:
        visit.items = visit.client.configuration_items()
    except Refused as refused:
        return bad(
            f"The token works, but {settings.BENCHLING_APP_ID} is not visible: {refused.message}",
            "A Benchling admin must check that the app is installed in this tenant, and the "
            "operator that BENCHLING_APP_ID is the installed app's (app_…).",
        )
    if not visit.items:
        return warning(
            "The token works; the app's configuration is empty.",
            "The integration owner must fill it in on the app's page in Benchling.",
        )
    return ok(
        f"The token works; the app can read {number_of(len(visit.items), 'configuration item')}."
    )


@register(TENANT_CHECKS, "Clock: Benchling's")
def check_tenant_clock(visit: TenantVisit) -> CheckResult:
    """Compare the service's clock with Benchling's."""
    visit.listed()
    try:
        tenant_time = parsedate_to_datetime(visit.client.server_date)
    except (ValueError, TypeError) as error:
        raise Skipped("Benchling's answer has no date") from error
    return compare_clocks("Benchling's", (tenant_time - timezone.now()).total_seconds())


@register(TENANT_CHECKS, "Key pair")
def check_key_pair(visit: TenantVisit) -> CheckResult:
    """Decrypt API Key with the private key."""
    value = visit.chosen("API Key")
    if not value and visit.element:
        raise Skipped("it has no key of its own")
    if not value:
        return warning(
            "API Key is empty, so whether the keys match cannot be checked.",
            "The integration owner must enter API Key in the app's configuration in Benchling.",
        )
    open_secure_text(value, settings.BENCHLING_PRIVATE_KEY)
    return ok(f"BENCHLING_PRIVATE_KEY decrypts {visit.named('API Key')}.")


@register(TENANT_CHECKS, "Manifest")
def check_manifest(visit: TenantVisit) -> CheckResult:
    """Compare the public key of the rendered manifest with the private key."""
    path = Path(settings.BASE_DIR) / RENDERED
    try:
        public = yaml.safe_load(path.read_text(encoding="utf-8"))["security"]["publicKey"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise Skipped(f"no readable {RENDERED} beside manage.py") from error
    if not str(public or "").strip():
        raise Skipped(f"{RENDERED} beside manage.py has no key")
    own_key = serialization.load_pem_private_key(
        settings.BENCHLING_PRIVATE_KEY.encode(), password=None
    ).public_key()
    manifest_key = serialization.load_pem_public_key(str(public).encode())
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if own_key.public_bytes(*form) == manifest_key.public_bytes(*form):
        return ok(f"{RENDERED} has the public half of BENCHLING_PRIVATE_KEY.")
    return bad(
        f"The public key in {RENDERED} does not belong to BENCHLING_PRIVATE_KEY.",
        f"The operator must render it again (manage.py manifest --output {RENDERED}), the app's "
        "owner must upload it, and the integration owner must enter API Key again. Or the operator "
        "must set the right private key.",
    )


@register(TENANT_CHECKS, "Benchling registry")
def check_benchling_registry(visit: TenantVisit) -> CheckResult:
    """Check that the app has access to the Benchling registry."""
    registry_id = visit.chosen("Registry")
    if not registry_id:
        raise Skipped("none is chosen")
    for registry in visit.client.registries():
        if str(registry["id"]) == registry_id:
            return ok(f"The app has access to {registry.get('name') or registry_id}.")
    return bad(f"The app has no access to {registry_id}, chosen in Registry.", ADMIN)


@register(TENANT_CHECKS, "Schema")
def check_schema(visit: TenantVisit) -> CheckResult:
    """Check that the app has access to the schema, and that it is not archived."""
    return _accessible(visit, "Schema to Sync", visit.client.entity_schema)


@register(TENANT_CHECKS, "Folder")
def check_folder(visit: TenantVisit) -> CheckResult:
    """Check that the app has access to the folder for new entities."""
    if not visit.chosen("Synced Entity Location"):
        if visit.element:
            raise Skipped("it has no folder of its own")
        return ok("None is chosen; entities are registered without one.")
    found = _accessible(visit, "Synced Entity Location", visit.client.folder)
    return _with_remark(visit, found) if found.state == "ok" else found


def _with_remark(visit: TenantVisit, found: CheckResult) -> CheckResult:
    """Add what the API does not show of the folder's project; nothing is tried there."""
    project_id = str(visit.client.folder(visit.chosen("Synced Entity Location")).get("projectId"))
    try:
        named = f"“{project(visit.client, project_id)['name']}”"
    except (Refused, KeyError):
        named = project_id
    return ok(
        f"{found.finding} If its project ({named}) has Data Modifications (GxP), which no API "
        "shows, changes need a reason code that no app can give: a Benchling admin must look at "
        "the project's settings, and test with a pilot (sync_registry --only) before a first load."
    )


def _accessible(
    visit: TenantVisit, item: str, read: Callable[[str], dict[str, Any]]
) -> CheckResult:
    chosen_id = visit.chosen(item)
    if not chosen_id:
        raise Skipped("none is chosen")
    try:
        found = read(chosen_id)
    except Refused as refused:
        return bad(
            f"The app has no access to {chosen_id}, chosen in {visit.named(item)} "
            f"({refused.status}).",
            ADMIN,
        )
    if found.get("archiveRecord"):
        return bad(
            f"{found.get('name') or chosen_id} is archived.",
            "A Benchling admin must unarchive it, or the integration owner must choose another "
            f"{item}.",
        )
    return ok(f"The app has access to {found.get('name') or chosen_id}.")


@register(TENANT_CHECKS, "Connector Settings")
def check_connector_settings(visit: TenantVisit) -> CheckResult:
    """Read how the registry is requested, whether or not there is a mapping yet."""
    key, element = settings.BENCHLING_PRIVATE_KEY, visit.element
    config = read_config(visit.listed(), private_key=key, element=element, needed=ASKED)
    visit.connector = connector_of(config)
    visit.config = config
    if visit.connector.unused:
        return warning(
            f"Settings change nothing: {'; '.join(visit.connector.unused)}.",
            "The integration owner must remove them from Connector Settings, or correct the type "
            "beside them.",
        )
    return ok(f"They can be used; the list is {visit.connector.collection}.")


@register(TENANT_CHECKS, "Configuration")
def check_configuration(visit: TenantVisit) -> CheckResult:
    """Read the whole configuration, and refresh the lanes that it names."""
    if not visit.element:
        refresh_lanes(visit.client, visit.listed())
    key, element = settings.BENCHLING_PRIVATE_KEY, visit.element
    config = read_config(visit.listed(), private_key=key, element=element)
    visit.complete = True
    return ok(f"Complete, with {number_of(len(config.rows), 'mapped field')}.")


@register(TENANT_CHECKS, "Fields")
def check_fields(visit: TenantVisit) -> CheckResult:
    """Compile the mapping against the schema's fields and their types."""
    config, connector = visit.configured()
    if not visit.complete:
        raise Skipped("the app's configuration is not complete")
    schema = parse_schema(*read_schema(visit.client, config, config.mapped_ids))
    compiled = mapping_of(config, connector, schema)
    named = ", ".join(f"{row.field.name} ({row.field.type})" for row in compiled.fields[:20])
    if "structure" in compiled.field_ids and not chemistry.available():
        return warning(
            "Structures are checked by their syntax alone, because RDKit is not installed. "
            "Entities that were in Benchling before wait for someone to adopt them.",
            "The operator must install it: pip install --require-hashes -r requirements-chem.lock.",
        )
    return ok(f"Every mapped field exists and accepts values: {named}.")


@register(TENANT_CHECKS, "Schema is read-only for people")
def check_read_only(visit: TenantVisit) -> CheckResult:
    """Recommend what the API does not show."""
    return skipped(
        "Benchling's API does not show who may write to the schema.",
        "A Benchling admin must give people read access only: the registry is the source of truth. "
        "Full runs find what people change, and Drift lists it.",
    )
