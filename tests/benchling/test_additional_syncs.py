"""Additional Syncs: what an element is, what it inherits, and whom its faults concern."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync.benchling.app_config import AppConfig, parse_items
from registry_sync.benchling.syncs import same_origin, syncs_of
from registry_sync.core.problems import ConfigError

pytestmark = pytest.mark.once
HOME = "https://registry.example.com/compounds"
BASE: dict[tuple[str, ...], Any] = {
    ("API URL",): HOME,
    ("API Key",): "k1",
    ("Schema to Sync",): "ts_1",
    ("Registry",): "src_1",
    ("Synced Entity Location",): "lib_1",
    ("Connector Settings",): {"client": {"headers": {"X-Site": "a"}}, "endpoint": {"path": "p"}},
    ("Mapping Rules",): {"f_1": {"rule": "text"}},
    ("External ID Field",): "cid",
    ("External Name Field",): "label",
    ("Modified Since Parameter",): "since",
}


def row(number: int, schema: str, field: str = "f_1", path: str = "smiles") -> dict[Any, Any]:
    at = ("Field Configurations", f"Row {number}")
    return {
        (*at, "Entity Schema"): schema,
        (*at, "Entity Schema", "Benchling Field"): field,
        (*at, "External API Field Name"): path,
    }


def element(name: str = "Lots", **values: Any) -> dict[Any, Any]:
    named = {"Entity Schema": "ts_2", "API URL": "https://registry.example.com/lots", **values}
    return {("Additional Syncs", name, item): value for item, value in named.items()}


def items(*parts: dict[Any, Any], hidden: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    made = []
    for path, value in {
        key: value for part in (BASE, *parts) for key, value in part.items()
    }.items():
        text = json.dumps(value) if isinstance(value, dict) else value
        item = {"path": list(path), "value": text}
        if text in hidden:
            item["linkedResource"] = {
                "resourceType": "inaccessible_resource", "inaccessibleId": text,
            }  # fmt: skip
        made.append(item)
    return made


def read(raw: list[dict[str, Any]], name: str = "Lots") -> AppConfig:
    return parse_items(raw, decrypt=str, element=name)


def faults(raw: list[dict[str, Any]], *names: str) -> dict[str, str]:
    found = {}
    for name in names or ("", "Lots"):
        try:
            read(raw, name)
        except ConfigError as error:
            found[name] = error.message
    return found


TWO = (row(1, "ts_1"), row(2, "ts_2", "f_2"))


def test_an_element_of_the_same_origin_inherits_key_client_and_folder_and_nothing_else():
    config = read(items(element(), *TWO))
    assert config.api_key == "k1" and config.folder_id == "lib_1"
    assert config.connector_settings == {"client": {"headers": {"X-Site": "a"}}}
    assert (config.id_field, config.name_field) == (None, "name")
    assert config.modified_since_parameter is None and config.mapping_rules == {}
    assert [one.field_id for one in config.rows] == ["f_2"] and config.registry_id == "src_1"
    first = read(items(element(), *TWO), "")
    assert [one.field_id for one in first.rows] == ["f_1"] and first.name_field == "label"


def test_its_own_values_come_first():
    own = {"client": {"auth": "none"}, "endpoint": {"path": "q"}}
    config = read(items(element(**{"API Key": "k2", "Synced Entity Location": "lib_2",
                                   "Connector Settings": own}), *TWO))  # fmt: skip
    assert config.api_key == "k2" and config.folder_id == "lib_2"
    assert config.connector_settings == own


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://REGISTRY.example.com/lots", True),
        ("https://registry.example.com:443/lots", True),
        ("HTTPS://registry.example.com/lots", True),
        ("http://registry.example.com/lots", False),
        ("https://registry.example.com:8443/lots", False),
        ("https://lots.example.com/", False),
        ("https://registry.example.com.evil.example/lots", False),
        ("https://registry.example.com@evil.example/lots", False),
    ],
)
def test_another_origin_gets_neither_key_nor_client(url, same):
    assert same_origin(url, HOME) is same
    raw = items(element(**{"API URL": url}), *TWO)
    if same:
        assert read(raw).api_key == "k1"
        return
    found = faults(raw)
    assert (
        list(found) == ["Lots"] and "Additional Syncs › Lots › API Key is missing" in found["Lots"]
    )
    own = items(element(**{"API URL": url, "API Key": "k2"}), *TWO)
    assert read(own).connector_settings is None and read(own).folder_id == "lib_1"
    none = {"client": {"auth": {"type": "none"}}}
    keyless = read(items(element(**{"API URL": url, "Connector Settings": none}), *TWO))
    assert keyless.api_key == "", "no key is needed, and none is sent"


EVIL = "https://evil.example/"
TOKENS = {"type": "oauth2_client_credentials", "client_id": "a"}


@pytest.mark.parametrize(
    "own",
    [
        {"client": {"base_url": EVIL}},
        {"client": {"auth": {**TOKENS, "access_token_url": EVIL}}},
        {"endpoint": {"path": f" {EVIL}"}},
        {"endpoint": {"path": "ht\ttps://evil.example/"}},
        {"endpoint": {"detail": {"path": f"{EVIL}{{id}}"}}},
        {"endpoint": {"deletes": {"mode": "feed", "path": EVIL}}},
        {"endpoint": {"deletes": {"mode": "absence", "ids_endpoint": EVIL}}},
    ],
)
def test_an_address_of_its_own_gets_no_inherited_key(own):
    found = faults(items(element(**{"Connector Settings": own}), *TWO))
    assert "Additional Syncs › Lots › API Key is missing" in found["Lots"]


def test_an_inherited_key_goes_where_the_first_sync_sends_it():
    client = {"auth": {**TOKENS, "access_token_url": "https://login.example.com/token"}}
    first = {("Connector Settings",): {"client": client}}
    own = {"client": client, "endpoint": {"path": f"{HOME}/lots", "params": {"of": EVIL}}}
    config = read(items(element(**{"Connector Settings": own}), *TWO, first))
    assert config.api_key == "k1" and config.connector_settings == own


def test_empty_elements_are_no_syncs():
    blank = element("Gone", **{"Entity Schema": None, "API URL": ""})
    raw = items(blank, element(), *TWO, {("Additional Syncs", "New"): None})
    by = {tuple(item["path"]): item for item in raw}
    assert [sync.element for sync in syncs_of(by)] == ["", "Lots"]
    assert not faults(raw)


def test_faults_name_the_element_and_concern_it_alone():
    bad = element(**{"API URL": "", "Mapping Rules": "[", "Entity Schema": "ts_2"})
    found = faults(items(bad, *TWO))
    assert list(found) == ["Lots"]
    assert "Additional Syncs › Lots › API URL is missing" in found["Lots"]
    assert "Additional Syncs › Lots › Mapping Rules is not valid JSON" in found["Lots"]
    first = faults(
        items(element(), *TWO, {("Modified Since Parameter",): None, ("Mapping Rules",): "["})
    )
    assert list(first) == [""]


def test_a_schema_that_two_name_is_a_fault_of_both_and_of_no_third():
    raw = items(element(), element("Plates"), element("Cells", **{"Entity Schema": "ts_3"}),
                *TWO, row(3, "ts_3"))  # fmt: skip
    found = faults(raw, "", "Lots", "Plates", "Cells")
    assert sorted(found) == ["Lots", "Plates"]
    for message in found.values():
        assert "Additional Syncs › Lots › Entity Schema and Additional Syncs › Plates" in message


def test_a_row_with_no_syncs_schema_is_a_fault_of_all():
    found = faults(items(element(), *TWO, row(3, "ts_9", "f_9")))
    assert sorted(found) == ["", "Lots"]
    assert all(
        "Row 3: its Entity Schema (ts_9) is not that of any sync" in m for m in found.values()
    )
    assert sorted(faults(items(element(), *TWO, row(3, "", "f_9")))) == ["", "Lots"]
    assert not faults(items(element(), *TWO, row(3, "", "", "")))


def test_where_a_sync_lacks_its_schema_unknown_rows_concern_it_alone():
    found = faults(items(element(**{"Entity Schema": ""}), *TWO))
    assert list(found) == ["Lots"]
    assert "Additional Syncs › Lots › Entity Schema is missing" in found["Lots"]


def test_a_schema_out_of_reach_is_its_syncs_fault_with_its_rows():
    found = faults(items(element(), *TWO, hidden=("ts_2",)))
    assert list(found) == ["Lots"]
    assert "Additional Syncs › Lots › Entity Schema (ts_2) is not accessible" in found["Lots"]


def test_what_is_inherited_and_faulty_concerns_both():
    found = faults(items(element(), *TWO, {("Connector Settings",): "{"}))
    assert sorted(found) == ["", "Lots"]

    def sealed(value: str) -> str:
        raise ConfigError("API Key cannot be decrypted: why.", remedy="r")

    with pytest.raises(ConfigError, match="API Key cannot be decrypted"):
        parse_items(items(element(), *TWO), decrypt=sealed, element="Lots")


def test_a_sync_without_rows_says_so():
    assert (
        "no rows with the Entity Schema of this sync"
        in faults(items(element(), row(1, "ts_1")))["Lots"]
    )
