"""Real registries that others wrote, read by configuration alone: Datasette and json-server."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from registry_sync.core.problems import SourceError
from registry_sync.source.client import Source
from registry_sync.source.connector_settings import parse_connector
from sandbox import registry
from tests.support import ROOT
from tests.support.jsonserver import JsonServer
from tests.support.odd import ids

pytestmark = pytest.mark.once
TOKEN = "registry-t0ken"


@pytest.fixture(scope="module")
def datasette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[registry.RegistryServer]:
    path = tmp_path_factory.mktemp("registry") / "compounds.db"
    registry.build(registry.DATA, path)
    with registry.RegistryServer(path, token=TOKEN) as server:
        yield server


@pytest.fixture(autouse=True)
def rebuilt(request: pytest.FixtureRequest) -> None:
    """Give each test that reads it the registry as it was built."""
    if "datasette" in request.fixturenames:
        registry.build(registry.DATA, request.getfixturevalue("datasette").db_path)


def source_of(url: str, settings: Any, *, credential: str | None = TOKEN, **options: Any) -> Source:
    connector = parse_connector(settings, api_url=url, **options)
    return Source(connector, credential=credential, allow_private=True)


# -- the demo's registry --------------------------------------------------------------------


def test_the_csv_arrives_as_it_is(tmp_path: Path, datasette: registry.RegistryServer) -> None:
    with registry.DATA.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    source = source_of(datasette.list_url, registry.registry_settings())
    pages = list(source.pages(None))
    records = {r["id"]: r for page in pages for r in page.records}
    types = set(registry.molecule_types())
    assert len(rows) == len(records) == 2628
    assert {page.total for page in pages} == {2628}
    for row in rows:
        record = records[row["molecule_chembl_id"]]
        assert record["name"] == row["pref_name"] and record["smiles"] == (row["smiles"] or None)
        year = float(row["first_approval"]) if row["first_approval"] else None
        assert record["first_approval"] == year
        assert record["molecule_type"] in types
    assert source.requests == 6
    assert len({r["name"] for r in records.values()}) == 2591


def test_datasette_gives_one_record_by_its_id(datasette):
    source = source_of(datasette.list_url, registry.registry_settings())
    assert source.gives_one
    found = source.fetch("CHEMBL25")
    assert found is not None and found["name"] == "ASPIRIN"
    assert source.fetch("CHEMBL0") is None


def test_building_twice_gives_the_same(tmp_path: Path) -> None:
    def rows(path: Path) -> list[Any]:
        registry.build(registry.DATA, path)
        with sqlite3.connect(path) as database:
            return database.execute("SELECT * FROM compounds ORDER BY id").fetchall()

    first = rows(tmp_path / "a.db")
    assert first == rows(tmp_path / "b.db") == rows(tmp_path / "a.db")
    times = sorted(row[-1] for row in first)
    assert times[0] == "2026-01-05T00:00:00Z" and len(set(times)) == 2628


def test_an_edit_and_an_added_record_come_by_their_time(datasette: registry.RegistryServer) -> None:
    source = source_of(datasette.list_url, registry.registry_settings())
    before = datetime.now(UTC).replace(microsecond=0)
    assert ids(source, before) == []
    registry.edit(datasette.db_path, "CHEMBL25", name="ASA")
    registry.add(datasette.db_path, id="CHEMBL0", name="NEW")
    [page] = source.pages(before)
    found = {r["id"]: r for r in page.records}
    assert set(found) == {"CHEMBL25", "CHEMBL0"} and found["CHEMBL25"]["name"] == "ASA"
    when = source.cursor_of(found["CHEMBL25"])
    assert when is not None and before <= when <= datetime.now(UTC)
    with pytest.raises(KeyError):
        registry.edit(datasette.db_path, "CHEMBL-nowhere", name="x")


def test_the_boundary_of_since_is_included(datasette: registry.RegistryServer) -> None:
    source = source_of(datasette.list_url, registry.registry_settings())
    last = registry.BASE_TIME + timedelta(seconds=2627)
    assert len(ids(source, last)) == 1
    assert len(ids(source, last - timedelta(seconds=9))) == 10
    assert ids(source, last + timedelta(seconds=1)) == []


def test_reading_goes_on_in_another_process(datasette: registry.RegistryServer) -> None:
    settings = registry.registry_settings(size=900)
    pages = list(source_of(datasette.list_url, settings).pages(None))
    rest = source_of(datasette.list_url, settings).pages(None, position=pages[0].next_position)
    assert [p.records for p in rest] == [p.records for p in pages[1:]]


@pytest.mark.invariant(1)
def test_a_record_edited_while_it_is_read_is_not_lost(datasette: registry.RegistryServer) -> None:
    settings = registry.registry_settings(size=500)
    read = []
    for number, page in enumerate(source_of(datasette.list_url, settings).pages(None)):
        read += [r["id"] for r in page.records]
        if number == 1:
            registry.edit(datasette.db_path, read[0], name="seen before")
            registry.edit(datasette.db_path, "CHEMBL5095505", name="not seen yet")
    assert len(set(read)) == 2628
    assert read.count(read[0]) == 2, "it comes again, at its new time"


def test_without_settings_its_link_is_followed(datasette: registry.RegistryServer) -> None:
    url = datasette.list_url + "?_shape=objects&_size=1000"
    found = ids(source_of(url, None))
    assert len(found) == len(set(found)) == 2628
    by_header = datasette.list_url + "?_shape=array&_size=1000"
    assert set(ids(source_of(by_header, None))) == set(found)


def test_modified_since_parameter_alone_does(datasette: registry.RegistryServer) -> None:
    url = datasette.list_url + "?_shape=objects"
    source = source_of(url, None, modified_since_parameter="modified_at__gte")
    assert len(ids(source, registry.BASE_TIME + timedelta(seconds=2600))) == 28


@pytest.mark.parametrize("credential", ["wrong", None])
def test_its_html_refusal_is_understood(
    datasette: registry.RegistryServer, credential: str | None
) -> None:
    source = source_of(datasette.list_url, registry.registry_settings(), credential=credential)
    with pytest.raises(SourceError) as caught:
        ids(source)
    assert caught.value.code == "registry_unauthorised"


def test_its_json_refusal_is_told_in_its_words(datasette: registry.RegistryServer) -> None:
    source = source_of(datasette.list_url, registry.registry_settings(size=5000))
    with pytest.raises(SourceError, match="_size must be <= 1000"):
        ids(source)


def test_the_page_names_source_and_licence(datasette: registry.RegistryServer) -> None:
    page = requests.get(
        datasette.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
    ).text
    assert "ChEMBL" in page and "CC BY-SA 3.0" in page
    assert requests.get(datasette.url, timeout=60).status_code == 403


@pytest.mark.process
def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    path = tmp_path / "compounds.db"
    parent = subprocess.Popen(
        [sys.executable, "-m", "sandbox.registry", "--db", str(path), "--token", TOKEN],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert requests.get(url, headers=headers, timeout=60).ok
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 60
    while True:
        try:
            requests.get(url, headers=headers, timeout=2)
        except requests.ConnectionError:
            break
        except requests.Timeout:  # it is about to end
            pass
        assert time.monotonic() < deadline, "Datasette outlived its parent"
        time.sleep(0.1)


# -- json-server ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jsonserver() -> Iterator[JsonServer]:
    records = [
        {
            "id": number,
            "name": f"Compound {number}",
            "modified_at": f"2026-01-{number % 28 + 1:02d}T00:00:00Z",
        }
        for number in range(1, 96)
    ]
    with JsonServer(compounds=records) as server:
        yield server


PAGED = {
    "header_link": {
        "params": {"_page": 1, "_limit": 20, "_sort": "id"},
        "paginator": "header_link",
    },
    "page_number": {
        "params": {"_sort": "id"},
        "paginator": {
            "type": "page_number",
            "page_param": "_page",
            "page_size_param": "_limit",
            "limit": 20,
        },
    },
    "offset": {
        "params": {"_sort": "id"},
        "paginator": {
            "type": "offset",
            "offset_param": "_start",
            "limit_param": "_limit",
            "limit": 20,
        },
    },
    "auto": {"params": {"_page": 1, "_limit": 20, "_sort": "id"}},
    "single_page": {"paginator": "single_page"},
}


@pytest.mark.process
@pytest.mark.parametrize("shape", PAGED)
def test_json_server_by_each_of_its_pagings(jsonserver: JsonServer, shape: str) -> None:
    settings = {"client": {"auth": "none"}, "endpoint": PAGED[shape]}
    source = source_of(jsonserver.url + "/compounds", settings, credential=None)
    pages = list(source.pages(None))
    assert [source.identify(r) for p in pages for r in p.records] == [str(n) for n in range(1, 96)]
    assert pages[0].total == (None if shape == "single_page" else 95)
    third = pages[min(2, len(pages) - 1)]
    again = source_of(jsonserver.url + "/compounds", settings, credential=None)
    assert next(again.pages(None, position=third.position)).records == third.records


@pytest.mark.process
def test_json_server_by_change_and_by_detail(jsonserver: JsonServer) -> None:
    settings = {
        "client": {"auth": "none"},
        "endpoint": {
            "params": {"modified_at_gte": "{incremental.start_value}", "_page": 1, "_limit": 10},
            "incremental": {"cursor_path": "modified_at"},
            "detail": {"path": "{id}"},
        },
    }
    source = source_of(jsonserver.url + "/compounds", settings, credential=None)
    since = datetime(2026, 3, 1, tzinfo=UTC)
    assert ids(source, since) == []
    jsonserver.edit("compounds", 7, name="Edited", modified_at="2026-03-01T00:00:00Z")
    assert ids(source, since) == ["7"]
    found = source.fetch("7")
    assert found is not None and found["name"] == "Edited"
    assert source.fetch("7777") is None
