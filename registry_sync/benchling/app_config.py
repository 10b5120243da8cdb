"""The app's configuration in Benchling, read into one frozen value.

Every fault is reported, each by the item's path as it is written in the manifest.
https://docs.benchling.com/docs/app-configuration
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace

from jwcrypto import jwe
from jwcrypto.common import JWException

from registry_sync.benchling.history_target import HistoryTarget, history_target
from registry_sync.benchling.sync_items import SyncItems
from registry_sync.benchling.syncs import ELEMENT_SCHEMA, ROWS, SCHEMA, ConfigRow, label_of
from registry_sync.core import signing
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json

ASKED = frozenset(
    {"API URL", "API Key", "External ID Field", "Modified Since Parameter", "Connector Settings"}
)
"""The items that say how the registry is read."""
BENCHLING = frozenset({SCHEMA, "Registry", "Synced Entity Location"})
MAPPED = frozenset({ROWS, "Mapping Rules", "External Name Field"})
EVERY = ASKED | BENCHLING | MAPPED


@dataclass(frozen=True, slots=True)
class AppConfig:
    """The configuration of one sync: the app's own items, or an element of `Additional Syncs`."""

    api_url: str
    schema_id: str
    registry_id: str
    rows: tuple[ConfigRow, ...]
    api_key: str = field(repr=False)
    folder_id: str | None = None
    id_field: str | None = None
    name_field: str = "name"
    modified_since_parameter: str | None = None
    connector_settings: Json | None = None
    mapping_rules: Json = field(default_factory=dict)
    other_templates: dict[str, str] = field(default_factory=dict)
    """By schema, how other syncs make registry ids from external ids; not where that is `{id}`."""
    history: HistoryTarget | None = None
    """Where results of runs are created, if anywhere."""
    faults: tuple[tuple[str, str], ...] = ()
    """What is wrong with items that are not needed yet: the item, and the fault in words."""
    element: str = ""
    """The element of `Additional Syncs`; "" for the app's own items."""

    @property
    def mapped_ids(self) -> set[str]:
        """Return the ids of the fields that have a row or a rule."""
        return {row.field_id for row in self.rows} | set(self.mapping_rules)

    @property
    def schema_item(self) -> str:
        """Return how the item with the schema is named."""
        return ELEMENT_SCHEMA if self.element else SCHEMA

    @property
    def label(self) -> str:
        """Return how faults name the element; "" for the app's own items."""
        return label_of(self.element)


def parse_items(
    items: Iterable[Json],
    *,
    decrypt: Callable[[str], str],
    element: str = "",
    needed: Container[str] = EVERY,
    faults_of: Callable[[AppConfig], Iterable[str]] = lambda config: (),
) -> AppConfig:
    """Return the configuration of one sync from the raw items. Raise ConfigError with every fault.

    `element` names it in `Additional Syncs`; "" is the app's own items. `decrypt` opens the value
    of API Key. Items that are not `needed`, for example those of a mapping that is still being
    prepared, may be missing or faulty: they read as empty, and their faults are in
    `AppConfig.faults`. `faults_of` returns what else is wrong with a configuration.
    """
    reader = SyncItems({tuple(item.get("path") or ()): item for item in items}, element)
    config = _read(reader, decrypt)
    wrong = [fault for fault in reader.faults if fault.item in needed]
    if wrong:
        # What cannot be read yet must not hide what else is wrong.
        faults = [fault.text for fault in wrong] + [fault for fault in faults_of(config) if fault]
        raise ConfigError(
            "The app's configuration in Benchling cannot be used: " + "; ".join(faults) + ".",
            remedy=next((problem.remedy for problem in reversed(wrong) if problem.remedy), REMEDY),
            kind="benchling" if any(problem.inaccessible for problem in wrong) else "mapping",
        )
    return replace(config, faults=tuple((fault.item, fault.text) for fault in reader.faults))


def open_secure_text(value: str, private_key: str) -> str:
    """Return a secure_text value decrypted: a JWE, encrypted with the app's public key.

    Raise ConfigError.
    https://docs.benchling.com/docs/app-security-encrypting-configuration-values
    """
    if not private_key:
        raise _unopened("no BENCHLING_PRIVATE_KEY is set")
    try:
        sealed = jwe.JWE(algs=["RSA-OAEP-256", "A256GCM"])
        sealed.deserialize(value, key=signing.parsed_key(private_key))
        return str(sealed.payload.decode("utf-8"))
    except (JWException, ValueError, TypeError) as error:
        raise _unopened("it was encrypted with another key, or not at all") from error


def _unopened(why: str) -> ConfigError:
    return ConfigError(
        f"API Key cannot be decrypted: {why}.",
        remedy="The operator renders the manifest with this deployment's key (manage.py manifest), "
        "the app's owner uploads it, and the integration owner enters API Key again.",
        code="secure_text",
    )


REMEDY = "The integration owner corrects the app's configuration in Benchling."


def _read(items: SyncItems, decrypt: Callable[[str], str]) -> AppConfig:
    schema_id, registry_id = items.schema_id(), items.required("Registry")
    return AppConfig(
        schema_id=schema_id,
        registry_id=registry_id,
        rows=items.rows(schema_id),
        mapping_rules=items.json("Mapping Rules") or {},
        api_url=items.required("API URL"),
        api_key=items.secret(decrypt),
        folder_id=items.folder_id(),
        id_field=items.text("External ID Field") or None,
        name_field=items.text("External Name Field") or "name",
        modified_since_parameter=items.text("Modified Since Parameter") or None,
        connector_settings=items.settings(),
        other_templates=items.other_templates(),
        history=history_target(items.items),
        element=items.element,
    )
