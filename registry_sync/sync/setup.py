"""What a run works with: the app's configuration, read again and checked before the first page.

Whatever would refuse every record is found here: one cause, one remedy, no EntityErrors.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from registry_sync.benchling.app_config import EVERY, AppConfig, open_secure_text, parse_items
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.schema import FOLDERS, EntitySchema, parse_schema
from registry_sync.benchling.syncs import label_of
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json
from registry_sync.mapping.compile import build_mapping
from registry_sync.mapping.model import Mapping
from registry_sync.source.connector import Connector
from registry_sync.source.connector_settings import parse_connector, read_connector

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides that a mapping joins; holds the credential, so it is never stored."""

    config: AppConfig
    connector: Connector
    schema: EntitySchema


@dataclass(frozen=True, slots=True)
class Setup(Sides):
    """Everything a slice needs to know."""

    mapping: Mapping

    def summary(self) -> Json:
        """Describe the mapping for the run's row: names and paths, no secret."""
        fields = {field.id: field.name for field in self.schema.fields}
        return {
            "schema": self.schema.name,
            "rows": [
                {
                    "id": mapped.field.id,
                    "field": mapped.field.name,
                    "path": mapped.path,
                    "rule": self.config.mapping_rules.get(mapped.field.id),
                }
                for mapped in self.mapping.fields
            ],
            "rules": self.config.mapping_rules,
            "id": self.connector.id_path,
            "name": self.config.name_field,
            "registry_id_template": self.mapping.registry_id_template,
            "field_names": fields,
            "types": {mapped.field.id: mapped.field.kind for mapped in self.mapping.fields},
        }


def configure(
    client: Client,
    *,
    private_key: str,
    element: str = "",
    items: list[Json] | None = None,
    writes: bool = True,
) -> Setup:
    """Read and check the configuration of one sync. Raise ConfigError with every fault it found.

    `element` names it in `Additional Syncs`; "" is the app's own items. `items` are the raw items,
    where they were read already. Who does not write needs no access to the registry and the folder.
    """
    items = read_items(client) if items is None else items
    with naming(element):
        config = read_config(items, private_key=private_key, element=element)
        connector = connector_of(config)
        schema = parse_schema(*read_schema(client, config, config.mapped_ids))
        client.entity_type = schema.entity_type
        if writes:
            check_access(client, config)
        return Setup(config, connector, schema, mapping_of(config, connector, schema))


@contextmanager
def naming(element: str) -> Iterator[None]:
    """Name the element of `Additional Syncs` in the faults of its configuration."""
    try:
        yield
    except ConfigError as error:
        label = label_of(element)
        if label in error.message:
            raise
        text = f"{label}: {error.message}"
        raise ConfigError(text, remedy=error.remedy, kind=error.kind, code=error.code) from error


def read_items(client: Client) -> list[Json]:
    """Read every item of the app's configuration, as raw JSON."""
    return _answer_or_fault(client.configuration_items, "The app's configuration", client.app_id)


def read_config(
    items: list[Json],
    *,
    private_key: str,
    element: str = "",
    needed: Container[str] = EVERY,
) -> AppConfig:
    """Read raw items. Raise ConfigError with every fault, those of Connector Settings included.

    `element` names the sync in `Additional Syncs`; "" is the app's own items. Faults of items that
    are not `needed` are in `AppConfig.faults`.
    """
    return parse_items(
        items,
        decrypt=lambda value: open_secure_text(value, private_key),
        element=element,
        needed=needed,
        faults_of=_connector_faults,
    )


def connector_of(config: AppConfig, *, strict: bool = False) -> Connector:
    """Read how the registry is asked. Raise ConfigError with every fault.

    With `strict`, settings that have no effect are faults, too.
    """
    return parse_connector(
        config.connector_settings,
        api_url=config.api_url,
        modified_since_parameter=config.modified_since_parameter,
        id_field=config.id_field,
        strict=strict,
    )


def _connector_faults(config: AppConfig) -> tuple[str, ...]:
    """Return what is wrong with the Connector Settings of a configuration that has other faults."""
    _, faults = read_connector(
        config.connector_settings,
        api_url=config.api_url or "https://missing.invalid",
        modified_since_parameter=config.modified_since_parameter,
        id_field=config.id_field,
    )
    return tuple(f"Connector Settings: {fault}" for fault in faults)


def mapping_of(config: AppConfig, connector: Connector, schema: EntitySchema) -> Mapping:
    """Compile the mapping of a configuration. Raise ConfigError with every fault."""
    return build_mapping(
        config,
        schema,
        registry_id_template=connector.registry_id_template,
        identity=connector.identity,
        blanks=connector.blanks,
        scope=connector.scope,
        deletes=connector.deletes,
    )


def read_schema(
    client: Client,
    config: AppConfig,
    field_ids: Container[str] | None,
    hidden: list[tuple[str, str]] | None = None,
) -> tuple[Json, dict[str, Json]]:
    """Read the raw entity schema, and by id the raw dropdowns of these fields (None: of all).

    With `hidden`, a dropdown that the app cannot read is noted there: a field, and the fault.
    """
    schema_id = config.schema_id
    raw = _answer_or_fault(lambda: client.entity_schema(schema_id), config.schema_item, schema_id)
    dropdowns: dict[str, Json] = {}
    for field in raw.get("fieldDefinitions") or []:
        dropdown_id = field.get("dropdownId")
        is_needed = dropdown_id and (field_ids is None or field["id"] in field_ids)
        if is_needed and dropdown_id not in dropdowns:
            resource = f"the dropdown of the field “{field['name']}”"
            try:
                read = _answer_or_fault(
                    partial(client.dropdown, dropdown_id), resource, dropdown_id
                )
            except ConfigError as error:
                if hidden is None:
                    raise
                hidden.append((str(field["name"]), error.message.rstrip(".")))
                continue
            dropdowns[dropdown_id] = read
    if "folder" in config.mapping_rules:
        dropdowns[FOLDERS] = {"options": [_folder_option(each) for each in client.folders()]}
    return raw, dropdowns


def _folder_option(raw: Json) -> Json:
    return {"id": raw["id"], "name": raw.get("name"), "archiveRecord": raw.get("archiveRecord")}


def check_access(client: Client, config: AppConfig) -> None:
    """Check that the app sees the Benchling registry and the folder. Raise ConfigError."""
    listed = _answer_or_fault(client.registries, "Registry", config.registry_id)
    registries = {str(registry["id"]) for registry in listed}
    if config.registry_id not in registries:
        raise _inaccessible("Registry", config.registry_id)
    if config.folder_id:
        folder = config.folder_id
        found = _answer_or_fault(lambda: client.folder(folder), "Synced Entity Location", folder)
        if found.get("archiveRecord"):
            raise ConfigError(
                f"The folder {found.get('name', folder)} of Synced Entity Location is archived.",
                remedy="A Benchling admin unarchives it, or the integration owner chooses another "
                "folder in the app's configuration.",
                kind="benchling",
                code="folder_archived",
            )


def lane_key(client: Client, setup: Sides) -> dict[str, str]:
    """Return the key of a setup's lane: with any other value it is another lane and ledger."""
    return lane_key_of(client, setup.config.registry_id, setup.schema.id, setup.connector)


def lane_key_of(
    client: Client, registry_id: str, schema_id: str, connector: Connector
) -> dict[str, str]:
    """Return the key of the lane that reads a list into a schema of a Benchling registry."""
    return {
        "tenant": urlsplit(client.url).netloc.lower(),
        "app_id": client.app_id,
        "registry_id": registry_id,
        "schema_id": schema_id,
        "collection": connector.collection,
    }


def _answer_or_fault(question: Callable[[], T], resource: str, resource_id: str) -> T:
    try:
        return question()
    except Refused as refused:
        if refused.status in (400, 403, 404):
            raise _inaccessible(resource, resource_id) from refused
        raise


def _inaccessible(resource: str, resource_id: str) -> ConfigError:
    return ConfigError(
        f"The app has no access to {resource} ({resource_id}) in Benchling.",
        remedy="A Benchling admin gives the app access to it (its organization, team or project), "
        "or the integration owner chooses another one in the app's configuration.",
        kind="benchling",
        code="inaccessible",
    )
