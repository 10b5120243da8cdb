"""The pipeline that a user of dlt would write: its rest_api source, and Benchling as destination.

It runs in an environment of its own (`make bench-peers`), because dlt is no part of the service.
dlt keeps the cursor between two runs; what is the same as before it writes all the same where the
registry gives it again.
https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic
https://dlthub.com/docs/dlt-ecosystem/destinations/destination
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from .plain_script import BATCH, upsert

LONG_AGO = "2000-01-01T00:00:00Z"


def main() -> None:
    """Load what changed since the last run, or everything the first time."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--tenant", "--client-id", "--client-secret", "--url", "--key", "--schema",
                 "--registry", "--folder", "--dropdown", "--state"):  # fmt: skip
        parser.add_argument(name, required=True)
    parser.add_argument("--map", nargs="+", required=True, help="Benchling field=path")
    given = parser.parse_args()
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    import dlt
    from dlt.sources.rest_api import rest_api_source

    benchling, kinds = _benchling(given)
    mapping = dict(pair.split("=", 1) for pair in given.map)

    @dlt.destination(  # type: ignore[untyped-decorator]
        batch_size=BATCH,
        naming_convention="direct",
        skip_dlt_columns_and_tables=True,
        max_table_nesting=0,
        max_parallel_load_jobs=1,
    )
    def write(items: list[dict[str, Any]], table: Any) -> None:
        upsert(
            benchling, items, schema=given.schema, registry=given.registry, folder=given.folder,
            mapping=mapping, kinds=kinds,
        )  # fmt: skip

    pipeline = dlt.pipeline("compounds", pipelines_dir=given.state, destination=write)
    pipeline.run(rest_api_source(_source(given.url, given.key))).raise_on_failed_jobs()


def _benchling(given: argparse.Namespace) -> tuple[Any, dict[str, str]]:
    from benchling_sdk.auth.client_credentials_oauth2 import ClientCredentialsOAuth2
    from benchling_sdk.benchling import Benchling

    auth = ClientCredentialsOAuth2(given.client_id, given.client_secret)
    benchling = Benchling(url=given.tenant, auth_method=auth)
    options = benchling.v2.stable.dropdowns.get_by_id(given.dropdown).options or []
    return benchling, {option.name: option.id for option in options}


def _source(url: str, key: str) -> Any:
    base, _, path = url.rpartition("/")
    since = {"type": "incremental", "cursor_path": "modified_at", "initial_value": LONG_AGO}
    endpoint = {"path": path, "data_selector": "items", "params": {"since": since}}
    return {
        "client": {
            "base_url": f"{base}/",
            "auth": {"type": "bearer", "token": key},
            "paginator": {"type": "json_link", "next_url_path": "next"},
        },
        "resources": [
            {
                "name": path,
                "primary_key": "id",
                "write_disposition": "append",
                "endpoint": endpoint,
            }
        ],
    }


if __name__ == "__main__":
    main()
