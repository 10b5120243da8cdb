"""The proposal for the registry that the app's configuration names."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from registry_sync import __version__
from registry_sync.benchling.app_config import ASKED, AppConfig
from registry_sync.benchling.client import Client
from registry_sync.benchling.config_items import by_path
from registry_sync.benchling.sync_place import place_of
from registry_sync.core.problems import ConfigError
from registry_sync.core.readable import in_message
from registry_sync.core.secrets import hide, public_address
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal import ConnectorProposal, propose_settings
from registry_sync.source.client import Source
from registry_sync.source.connection import OnResponse
from registry_sync.source.connector import Connector
from registry_sync.source.connector_settings import read_connector
from registry_sync.source.errors import refuse_to_wait
from registry_sync.source.unused_settings import without
from registry_sync.sync.setup import read_config, read_items

HIDDEN = "(hidden)"
ASKED_BY_POST = ("path", "method", "json", "incremental")
"""Settings of an endpoint that has a body."""
TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and between two pieces of an answer."""


def propose_live(
    client: Client,
    schema_id: str = "",
    *,
    element: str = "",
    on_response: OnResponse = lambda request, status, size: None,
) -> ConnectorProposal:
    """Return a proposal made with `API URL` and `API Key` alone. Raise SyncError.

    It is for the sync that feeds the schema `schema_id`; without it, for the first one. Of the
    settings in use, the section `client` and what is requested by a body are kept, if they have no
    fault. `element` names the sync where no schema is known. `on_response` gets each answer;
    the request has no secret.
    """
    config = _config_of(client, schema_id, element)
    since_parameter = config.modified_since_parameter
    kept = _kept(config.connector_settings or {}, config.api_url, since_parameter)
    opened: list[Source] = []

    def without_key(request: str, status: int, size: int) -> None:
        method, _, url = request.partition(" ")
        on_response(hide(f"{method} {public_address(url)}", [config.api_key], HIDDEN), status, size)

    def open_source(connector: Connector) -> Source:
        opened.append(
            Source(
                connector,
                credential=config.api_key,
                allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
                user_agent=f"RegistrySync/{__version__}",
                timeout=TIMEOUT,
                pause=refuse_to_wait,
                on_response=without_key,
            )
        )
        return opened[-1]

    try:
        found = propose_settings(
            config.api_url, open_source, settings=kept, modified_since_parameter=since_parameter
        )
    finally:
        for source in opened:
            source.close()
    return _under(config.id_field, found)


def _under(id_field: str | None, found: ConnectorProposal) -> ConnectorProposal:
    """Return a proposal without an id that would have no effect under `External ID Field`."""
    endpoint = found.settings.get("endpoint") or {}
    key = endpoint.get("primary_key")
    if not id_field or key in (None, id_field, [id_field]):
        return found
    other_settings = {name: value for name, value in endpoint.items() if name != "primary_key"}
    said = (
        f"External ID Field ({id_field}) takes precedence, so {in_message(key, 80)} is not "
        "proposed as the id."
    )
    lines = (
        replace(line, setting="", value=None, evidence=f"{line.evidence} {said}")
        if line.setting == "endpoint.primary_key"
        else line
        for line in found.lines
    )
    return replace(found, settings={**found.settings, "endpoint": other_settings},
                   lines=tuple(lines))  # fmt: skip


def _config_of(client: Client, schema_id: str, element: str) -> AppConfig:
    """Return the configuration of a sync, of which only `API URL` and `API Key` are needed."""
    try:
        raw = read_items(client)
        element = place_of(by_path(raw), schema_id, element).element
        return read_config(
            raw, private_key=settings.BENCHLING_PRIVATE_KEY, element=element, needed=ASKED
        )
    except ConfigError as error:
        error.remedy = error.remedy or "The integration owner fills in API URL and API Key."
        raise


def _kept(settings_in_use: Json, api_url: str, since_parameter: str | None) -> Json:
    """Return what no answer can tell: how requests are sent, and the body that asks for the list.

    Only sections without a fault are kept, and of those no setting that has no effect. How pages
    are asked for is proposed.
    """
    kept: Json = {}
    endpoint = settings_in_use.get("endpoint")
    request = {}
    if isinstance(endpoint, dict) and endpoint.get("json"):
        request = {name: endpoint[name] for name in ASKED_BY_POST if name in endpoint}
    client = settings_in_use.get("client")
    if isinstance(client, dict):
        client = {name: value for name, value in client.items() if name != "paginator"}
    for section, found in (("client", client), ("endpoint", request)):
        connector, faults = read_connector(
            {**kept, section: found}, api_url=api_url, modified_since_parameter=since_parameter
        )
        if found and not faults:
            kept[section] = without(found, connector.unused, section)
    return kept
