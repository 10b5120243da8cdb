"""The app's configuration in Benchling, read into one frozen value.

Every fault is reported, each by the item's path as it is written in the manifest.
https://docs.benchling.com/docs/app-configuration
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace

from jwcrypto import jwe
from jwcrypto.common import JWException

from registry_sync.benchling.sync_history import HistoryTarget, history_target
from registry_sync.core import signing
from registry_sync.core.json_text import parse_json
from registry_sync.core.problems import ConfigError
from registry_sync.core.types import Json

ROWS = "Field Configurations"
ASKED = frozenset(
    {"API URL", "API Key", "External ID Field", "Modified Since Parameter", "Connector Settings"}
)
"""The items that say how the registry is read."""
BENCHLING = frozenset({"Schema to Sync", "Registry", "Synced Entity Location"})
MAPPED = frozenset({ROWS, "Mapping Rules", "External Name Field"})
EVERY = ASKED | BENCHLING | MAPPED


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """One row of Field Configurations: the path into the record that feeds a Benchling field."""

    name: str
    field_id: str
    path: str


@dataclass(frozen=True, slots=True)
class AppConfig:
    """The configuration of one app on one tenant."""

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
    history: HistoryTarget | None = None
    """Where results of runs are created, if anywhere."""
    faults: tuple[tuple[str, str], ...] = ()
    """What is wrong with items that are not needed yet: the item, and the fault in words."""

    @property
    def mapped_ids(self) -> set[str]:
        """Return the ids of the fields that have a row or a rule."""
        return {row.field_id for row in self.rows} | set(self.mapping_rules)


def parse_items(
    items: Iterable[Json],
    *,
    decrypt: Callable[[str], str],
    needed: Container[str] = EVERY,
    faults_of: Callable[[AppConfig], Iterable[str]] = lambda config: (),
) -> AppConfig:
    """Return the configuration from its raw items. Raises ConfigError with every fault.

    `decrypt` opens the value of API Key. Items that are not `needed`, for example those of a
    mapping that is still being prepared, may be missing or faulty: they read as empty, and their
    faults are in `AppConfig.faults`. `faults_of` returns what else is wrong with a configuration.
    """
    reader = _Reader({tuple(item.get("path") or ()): item for item in items})
    config = reader.read(decrypt)
    wrong = [fault for fault in reader.faults if fault.item in needed]
    if wrong:
        # What cannot be read yet must not hide what else is wrong.
        faults = [fault.text for fault in wrong] + [fault for fault in faults_of(config) if fault]
        raise ConfigError(
            "The app's configuration in Benchling cannot be used: " + "; ".join(faults) + ".",
            remedy=next((one.remedy for one in reversed(wrong) if one.remedy), REMEDY),
            kind="benchling" if any(one.inaccessible for one in wrong) else "mapping",
        )
    return replace(config, faults=tuple((fault.item, fault.text) for fault in reader.faults))


def open_secure_text(value: str, private_key: str) -> str:
    """Return a secure_text value decrypted: a JWE, encrypted with the app's public key.

    Raises ConfigError.
    https://docs.benchling.com/docs/app-security-encrypting-configuration-values
    """
    if not private_key:
        raise _unopened("no BENCHLING_PRIVATE_KEY is set")
    try:
        sealed = jwe.JWE(algs=["RSA-OAEP-256", "A256GCM"])
        sealed.deserialize(value, key=signing.parsed(private_key))
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
INACCESSIBLE = (
    "A Benchling admin gives the app access to what is named (its organization, team or project), "
    "or the integration owner chooses something else."
)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with an item: part of a sentence; "" for the usual remedy."""

    item: str
    text: str
    remedy: str = ""
    inaccessible: bool = False


class _Reader:
    """Reads items and collects faults."""

    def __init__(self, items: dict[tuple[str, ...], Json]) -> None:
        self.items = items
        self.faults: list[_Fault] = []

    def read(self, decrypt: Callable[[str], str]) -> AppConfig:
        schema_id, registry_id = self._required("Schema to Sync"), self._required("Registry")
        return AppConfig(
            schema_id=schema_id,
            registry_id=registry_id,
            rows=self._rows(schema_id),
            mapping_rules=self._json("Mapping Rules") or {},
            api_url=self._required("API URL"),
            api_key=self._secret(decrypt),
            folder_id=self._text("Synced Entity Location") or None,
            id_field=self._text("External ID Field") or None,
            name_field=self._text("External Name Field") or "name",
            modified_since_parameter=self._text("Modified Since Parameter") or None,
            connector_settings=self._json("Connector Settings"),
            history=history_target(self.items),
        )

    def _add(self, item: str, text: str) -> None:
        self.faults.append(_Fault(item, text))

    def _rows(self, schema_id: str) -> tuple[ConfigRow, ...]:
        names = dict.fromkeys(path[1] for path in self.items if len(path) > 1 and path[0] == ROWS)
        rows: list[ConfigRow] = []
        for name in names:
            field_id = self._text(ROWS, name, "Entity Schema", "Benchling Field")
            path = self._text(ROWS, name, "External API Field Name")
            if not field_id and not path:
                continue  # a blank row: rows cannot be deleted by an app, only emptied
            schema = self._text(ROWS, name, "Entity Schema")
            if not field_id or not path:
                missing = "Benchling Field" if not field_id else "External API Field Name"
                self._add(ROWS, f"{ROWS} › {name}: {missing} is empty")
            elif schema and schema_id and schema != schema_id:
                self._add(
                    ROWS,
                    f"{ROWS} › {name}: its Entity Schema ({schema}) is not Schema to Sync "
                    f"({schema_id})",
                )
            elif any(row.field_id == field_id for row in rows):
                first = next(row.name for row in rows if row.field_id == field_id)
                self._add(ROWS, f"{ROWS} › {name}: {first} already feeds this Benchling Field")
            else:
                rows.append(ConfigRow(name, field_id, path))
        if not rows and not self.faults:
            self._add(ROWS, f"{ROWS} has no rows, so no field would be synced")
        return tuple(rows)

    def _secret(self, decrypt: Callable[[str], str]) -> str:
        value = self._required("API Key")
        if not value:
            return ""
        try:
            return decrypt(value)
        except ConfigError as error:
            self.faults.append(_Fault("API Key", error.message.rstrip("."), error.remedy))
            return ""

    def _required(self, *path: str) -> str:
        text = self._text(*path)
        if not text and not any(fault.item == path[0] for fault in self.faults):
            self._add(path[0], f"{' › '.join(path)} is missing")
        return text

    def _text(self, *path: str) -> str:
        item = self.items.get(path)
        if item is None:
            return ""
        linked = item.get("linkedResource") or {}
        if linked.get("resourceType") == "inaccessible_resource":
            which = linked.get("inaccessibleId") or item.get("value")
            text = f"{' › '.join(path)} ({which}) is not accessible to the app"
            self.faults.append(_Fault(path[0], text, INACCESSIBLE, inaccessible=True))
            return ""
        value = item.get("value")
        return "" if value is None else str(value).strip()

    def _json(self, name: str) -> Json | None:
        item = self.items.get((name,))
        value = item.get("value") if item else None
        if value in (None, ""):
            return None
        try:
            parsed = parse_json(value) if isinstance(value, str) else value
        except ValueError as error:
            self._add(name, f"{name} is not valid JSON: {error}")
            return None
        if not isinstance(parsed, dict):
            self._add(name, f"{name} must be a JSON object")
            return None
        return parsed
