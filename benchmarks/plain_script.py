"""The script that a user would write with benchling-sdk: read all, bulk upsert, wait.

Registry Sync is compared with it. It follows the SDK's documentation, with full batches and the
SDK's own waiting. It keeps nothing between two runs.
https://docs.benchling.com/docs/bulk-operations
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urljoin

import requests
from benchling_sdk.auth.client_credentials_oauth2 import ClientCredentialsOAuth2
from benchling_sdk.benchling import Benchling
from benchling_sdk.helpers.serialization_helpers import fields
from benchling_sdk.models import CustomEntitiesBulkUpsertRequest, CustomEntityBulkUpsertRequest

Json = dict[str, Any]
BATCH = 2500


def read_all(url: str, key: str, *, selector: str, link_at: str) -> list[Json]:
    """Read every page of the registry into one list."""
    records: list[Json] = []
    headers = {"Authorization": f"Bearer {key}"}
    link: str | None = url
    while link:
        body = requests.get(link, headers=headers, timeout=60).json()
        records += body[selector]
        link = urljoin(url, body[link_at]) if body[link_at] else None
    return records


def batches(records: Sequence[Json]) -> Iterator[Sequence[Json]]:
    for start in range(0, len(records), BATCH):
        yield records[start : start + BATCH]


def upsert(
    benchling: Benchling,
    records: Sequence[Json],
    *,
    schema: str,
    registry: str,
    folder: str,
    mapping: dict[str, str],
    kinds: dict[str, str],
) -> None:
    """Send one batch and wait for its task. Raise TaskFailureException if it is refused."""
    rows = [
        CustomEntityBulkUpsertRequest(
            entity_registry_id=str(record["id"]),
            name=record["name"],
            schema_id=schema,
            registry_id=registry,
            folder_id=folder,
            fields=fields(  # type: ignore[arg-type]
                {
                    name: {"value": kinds.get(record[path], record[path])}
                    for name, path in mapping.items()
                }
            ),
        )
        for record in records
    ]
    body = CustomEntitiesBulkUpsertRequest(custom_entities=rows)
    benchling.v2.stable.custom_entities.bulk_upsert(body).wait_for_response()


def main() -> None:
    """Write everything, every time."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--tenant", "--client-id", "--client-secret", "--url", "--key",
                 "--schema", "--registry", "--folder"):  # fmt: skip
        parser.add_argument(name, required=True)
    parser.add_argument("--map", nargs="+", required=True, help="Benchling field=path")
    parser.add_argument("--selector", default="items", help="where the records are")
    parser.add_argument("--link-at", default="next", help="where the next page's link is")
    parser.add_argument("--dropdown", default="")
    given = parser.parse_args()
    benchling = Benchling(
        url=given.tenant, auth_method=ClientCredentialsOAuth2(given.client_id, given.client_secret)
    )
    kinds: dict[str, str] = {}
    if given.dropdown:
        dropdown = benchling.v2.stable.dropdowns.get_by_id(given.dropdown)
        kinds = {option.name: option.id for option in dropdown.options or []}
    mapping = dict(pair.split("=", 1) for pair in given.map)
    records = read_all(given.url, given.key, selector=given.selector, link_at=given.link_at)
    for batch in batches(records):
        upsert(
            benchling, batch, schema=given.schema, registry=given.registry, folder=given.folder,
            mapping=mapping, kinds=kinds,
        )  # fmt: skip


if __name__ == "__main__":
    main()
