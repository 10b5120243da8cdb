"""What a check-up looks at in Benchling: it reads, and changes nothing there."""

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

from registry_sync.benchling.app_config import AppConfig, open_secure_text
from registry_sync.benchling.client import Client, Refused
from registry_sync.benchling.schema import parse_schema
from registry_sync.core.problems import SyncError
from registry_sync.monitoring.doctor.finding import Point, Unseen
from registry_sync.source.connector_settings import Connector
from registry_sync.sync.setup import connector_of, mapping_of, read_config, read_schema

CLOCK_SECONDS = 60
"""By how much clocks may differ: more than a proxy's delay, less than what loses webhooks."""
RENDERED = "registry-sync.yaml"
"""Beside manage.py, where the README has the rendered manifest written to."""
ADMIN = "A Benchling admin adds the app to the organization, team or project that has it."


@dataclass
class Visit:
    """What one point found and later ones need; None where it could not be had."""

    client: Client
    items: list[dict[str, Any]] | None = None
    config: AppConfig | None = None
    connector: Connector | None = None

    def configured(self) -> tuple[AppConfig, Connector]:
        """Give what the configuration says. Raises Unseen."""
        if self.config is None or self.connector is None:
            raise Unseen("the app's configuration cannot be used")
        return self.config, self.connector

    def listed(self) -> list[dict[str, Any]]:
        """Give the configuration's items. Raises Unseen."""
        if self.items is None:
            raise Unseen("Benchling does not show the app its configuration")
        return self.items

    def chosen(self, name: str) -> str:
        """Give the id that an item of the configuration holds, also where the app cannot see it."""
        for item in self.listed():
            if item.get("path") == [name]:
                linked = item.get("linkedResource") or {}
                return str(item.get("value") or linked.get("inaccessibleId") or "")
        return ""


def impatient(seconds: float, reason: str) -> None:
    """Wait for nothing: whoever asked stands by the page."""
    raise SyncError(
        f"Benchling did not answer at the first try{f' ({reason})' if reason else ''}.",
        remedy="The operator checks BENCHLING_URL and the network, and asks again in a minute.",
        kind="transient",
        code="benchling_unreachable",
        transient=True,
    )


def credentials(visit: Visit) -> Point:
    """Get a token, and let the app see its own configuration."""
    name = "Credentials and installation"
    try:
        visit.items = visit.client.configuration_items()
    except Refused as refused:
        return Point(
            name, "bad",
            f"The token works, but {settings.BENCHLING_APP_ID} cannot be seen: {refused.message}",
            "A Benchling admin checks that the app is installed in this tenant; the operator, that "
            "BENCHLING_APP_ID is the installed app's (app_…).",
        )  # fmt: skip
    if not visit.items:
        return Point(
            name, "warning", "The token works; the app's configuration is empty.",
            "The integration owner fills it in on the app's page in Benchling.",
        )  # fmt: skip
    return Point(name, "ok", f"The token works; the app sees {len(visit.items)} items of its own.")


def tenant_clock(visit: Visit) -> Point:
    """Compare our clock with Benchling's."""
    visit.listed()
    try:
        theirs = parsedate_to_datetime(visit.client.server_date)
    except (ValueError, TypeError) as error:
        raise Unseen("Benchling's answer bears no date") from error
    return clock("Clock: Benchling's", "Benchling's", (theirs - timezone.now()).total_seconds())


def clock(name: str, whose: str, ahead: float) -> Point:
    """Judge how far somebody's clock is ahead of ours."""
    seconds = round(abs(ahead))
    if seconds <= CLOCK_SECONDS:
        return Point(name, "ok", f"{whose} clock and ours differ by {seconds} s.")
    way = "ahead of" if ahead > 0 else "behind"
    return Point(
        name, "warning", f"{whose} clock is {seconds:,} s {way} ours.",
        "The operator lets this machine keep time (NTP); if it does, the other side is wrong, and "
        "its owner must.",
    )  # fmt: skip


def key_pair(visit: Visit) -> Point:
    """Open API Key with the private key."""
    name = "Key pair"
    found = [item for item in visit.listed() if item.get("path") == ["API Key"]]
    value = found[0].get("value") if found else None
    if not value:
        return Point(
            name, "warning", "API Key is empty, so nothing shows whether the keys fit.",
            "The integration owner types API Key in the app's configuration in Benchling.",
        )  # fmt: skip
    open_secure_text(str(value), settings.BENCHLING_PRIVATE_KEY)
    return Point(name, "ok", "BENCHLING_PRIVATE_KEY opens API Key.")


def manifest(visit: Visit) -> Point:
    """Compare the public key of the manifest that lies here with our private one."""
    name = "Manifest"
    path = Path(settings.BASE_DIR) / RENDERED
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))["security"]["publicKey"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise Unseen(f"there is no {RENDERED} here that can be read") from error
    if not str(said or "").strip():
        raise Unseen(f"{RENDERED} here bears no key")
    ours = serialization.load_pem_private_key(
        settings.BENCHLING_PRIVATE_KEY.encode(), password=None
    ).public_key()
    theirs = serialization.load_pem_public_key(str(said).encode())
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if ours.public_bytes(*form) == theirs.public_bytes(*form):
        return Point(name, "ok", f"{RENDERED} bears the public half of BENCHLING_PRIVATE_KEY.")
    return Point(
        name, "bad", f"{RENDERED} bears another public key than BENCHLING_PRIVATE_KEY's.",
        f"The operator renders it anew (manage.py manifest --output {RENDERED}), the app's owner "
        "uploads it, and the integration owner types API Key anew; or the operator sets the right "
        "private key.",
    )  # fmt: skip


def configuration(visit: Visit) -> Point:
    """Read the whole configuration and the Connector Settings in it."""
    config = read_config(visit.listed(), private_key=settings.BENCHLING_PRIVATE_KEY)
    visit.connector = connector_of(config)
    visit.config = config
    return Point("Configuration", "ok", f"Complete, with {len(config.rows)} mapped fields.")


def benchling_registry(visit: Visit) -> Point:
    """Look whether the app sees the Benchling registry."""
    name, wanted = "Benchling registry", visit.chosen("Registry")
    if not wanted:
        raise Unseen("none is chosen")
    for registry in visit.client.registries():
        if str(registry["id"]) == wanted:
            return Point(name, "ok", f"The app sees {registry.get('name') or wanted}.")
    return Point(name, "bad", f"The app does not see {wanted}, chosen in Registry.", ADMIN)


def schema(visit: Visit) -> Point:
    """Look whether the app sees the schema, and whether it is in use."""
    return _seen(visit, "Schema", "Schema to Sync", visit.client.entity_schema)


def folder(visit: Visit) -> Point:
    """Look whether the app sees the folder for new entities."""
    if not visit.chosen("Synced Entity Location"):
        return Point("Folder", "ok", "None is chosen; entities are registered without one.")
    return _seen(visit, "Folder", "Synced Entity Location", visit.client.folder)


def _seen(visit: Visit, name: str, item: str, read: Callable[[str], dict[str, Any]]) -> Point:
    wanted = visit.chosen(item)
    if not wanted:
        raise Unseen("none is chosen")
    try:
        found = read(wanted)
    except Refused as refused:
        said = f"The app does not see {wanted}, chosen in {item} ({refused.status})."
        return Point(name, "bad", said, ADMIN)
    if found.get("archiveRecord"):
        return Point(
            name, "bad", f"{found.get('name') or wanted} is archived.",
            f"A Benchling admin unarchives it, or the integration owner chooses another {item}.",
        )  # fmt: skip
    return Point(name, "ok", f"The app sees {found.get('name') or wanted}.")


def fields(visit: Visit) -> Point:
    """Hold the mapping against the schema's fields and their types."""
    config, connector = visit.configured()
    there = parse_schema(*read_schema(visit.client, config, config.mapped_ids))
    made = mapping_of(config, connector, there)
    named = ", ".join(f"{row.field.name} ({row.field.type})" for row in made.fields[:20])
    return Point("Fields", "ok", f"Each mapped field is there and can take values: {named}.")


def read_only(visit: Visit) -> Point:
    """Recommend what cannot be seen."""
    return Point(
        "Schema is read-only for people",
        "unseen",
        "Benchling's API does not tell who may write into the schema.",
        "A Benchling admin lets people only read it: the registry is the source of truth. What "
        "they change meanwhile is found by full runs, and listed under Drift.",
    )
