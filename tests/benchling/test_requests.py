"""What the service asks of Benchling keeps every limit of it, whatever the values."""

from __future__ import annotations

import pytest
from benchling_api_client.v2 import benchling_client
from hypothesis import given
from hypothesis import strategies as st

from registry_sync.benchling.filters import joined_for_filter, short_lists
from registry_sync.benchling.schema import parse_schema
from registry_sync.mapping.codec import payload
from registry_sync.mapping.model import Entity
from registry_sync.sync.clients import client_of_settings
from sandbox.tenant.entities import add_by_hand
from sandbox.tenant.entity_query import split

pytestmark = pytest.mark.once
ODD = ["A#1", "A/B", "A?x", "A,B", '5" tube, clear', '"quoted"', "A%2FB", "A B", "Ä/ü", "A:upsert"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)))
def test_a_filter_is_read_as_it_was_meant(values):
    assert [
        value for some in short_lists(values) for value in split(joined_for_filter(some))
    ] == values


@pytest.mark.parametrize("length", [3, 50, 250])
def test_no_filter_is_longer_than_benchling_takes(length):
    values = [f"{n:0{length}d}" for n in range(905)]
    parts = list(short_lists(values))
    assert [value for some in parts for value in some] == values
    assert all(len(some) <= 100 and len(joined_for_filter(some)) <= 6000 for some in parts)


def test_nine_hundred_values_and_odd_ids_reach_benchling(world):
    """The tenant refuses a filter with more than 100 values, and a path that is not quoted."""
    w = world([])
    ids = [*ODD, *(f"X-{n}" for n in range(895))]
    row = {"schemaId": w.schema, "registryId": w.benchling_registry}
    for id_ in ids:
        add_by_hand(w.tenant, {**row, "entityRegistryId": id_, "name": f"Name of {id_}"})
    client, registry = client_of_settings(), {"registry_id": w.benchling_registry}
    names = [f"Name of {id_}" for id_ in ids]
    for found in (
        client.entities_with_ids(ids, **registry),
        client.entities_registered(ids, **registry),
        client.entities_named(names, **registry),
    ):
        assert sorted(raw["entityRegistryId"] for raw in found) == sorted(ids)
    by_id = client.entities_by_id([w.tenant.entity(id_).id for id_ in ids])
    assert len(by_id) == len(ids) == len({raw["id"] for raw in by_id})
    schema = parse_schema(w.tenant.schemas[w.schema], {})
    for id_ in ODD:
        entity = Entity(f"ext {id_}", id_, f"New name of {id_}", {})
        client.upsert_one(payload(entity, schema, registry_id=w.benchling_registry, folder_id=None))
        assert w.tenant.entity(id_).name == f"New name of {id_}"
    assert len(w.tenant.entities) == len(ids)


def test_each_request_names_the_sdk_and_reads_its_version_no_more(world, monkeypatch):
    w = world([])
    read, version = [], benchling_client.version
    monkeypatch.setattr(
        benchling_client, "version", lambda package: read.append(package) or version(package)
    )
    client = client_of_settings()
    client.entity_schema(w.schema)
    read.clear()
    client.entity_schema(w.schema)
    assert read == []
    sent = client._sdk.api.client.get_headers()["User-Agent"]
    assert sent.startswith(f"BenchlingSDK/{version('benchling-sdk')} (Python 3.")
