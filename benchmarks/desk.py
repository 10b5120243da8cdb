"""`python -m benchmarks.desk`: how long the admin's lists take with 100,000 runs, 1,000,000 errors.

On a separate PostgreSQL (Debian's, as in the tests), filled by SQL in a minute. Each page is
requested by a logged-in owner through Django's test client: middleware, queries, template and all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from sandbox.postgres import VARIABLE, PostgresServer

from .world import ROOT

RUNS, ERRORS, OPEN = 100_000, 1_000_000, 20_000
"""The number of open errors: a registry in trouble. The others are its history."""
TIMES = 9
FILL = (
    """INSERT INTO registry_sync_lane (tenant, app_id, registry_id, schema_id, collection,
         schema_name, drift_policy, field_keys, kept, cleared, created_at)
       VALUES ('127.0.0.1:1', 'app_test', 'src_1', 'ts_1', 'https://registry/compounds', 'Compound',
         'report', 'name', '[]', '[]', now())""",
    # A row of each sort was made as the service would; the others differ in what lists sort by.
    """INSERT INTO registry_sync_syncrun ({run_columns}) SELECT {run_values}
       FROM registry_sync_syncrun, generate_series(2, {runs}) AS n WHERE id = 1""",
    """INSERT INTO registry_sync_entityerror ({error_columns}) SELECT {error_values}
       FROM registry_sync_entityerror, generate_series(2, {errors}) AS n WHERE id = 1""",
    "ANALYZE",
)
RUN = {
    "id": "n",
    "status": "CASE WHEN n % 40 = 0 THEN 'FAILED' WHEN n % 9 = 0 THEN 'COMPLETED_WITH_WARNINGS' "
    "ELSE 'SUCCEEDED' END",
    "kind": "CASE WHEN n % 600 = 0 THEN 'full' ELSE 'incremental' END",
    "read": "n % 300",
    "unchanged": "n % 300 - n % 20",
    "updated": "n % 20",
    **{
        column: f"now() - ({RUNS} - n) * interval '15 minutes' + interval '{seconds} seconds'"
        for column, seconds in (("created_at", 0), ("started_at", 1), ("finished_at", 9))
    },
}
ERROR = {
    "id": "n",
    "external_id": "'C-' || n",
    "run_id": f"1 + n % {RUNS}",
    "code": "(ARRAY['name_taken', 'dropdown_option_missing', 'link_missing', 'wrong_type', "
    "'required_missing', 'refused', 'not_unique'])[1 + n % 7]",
    "kind": "(ARRAY['source', 'benchling', 'source', 'mapping', 'source', 'source', "
    "'source'])[1 + n % 7]",
    "closed_at": f"CASE WHEN n % {ERRORS // OPEN} = 0 THEN NULL ELSE now() END",
    "first_seen": f"now() - ({ERRORS} - n) * interval '1 minute'",
    "last_seen": f"now() - ({ERRORS} - n) * interval '30 seconds'",
}
PAGES = {
    "first page": "/admin/",
    "runs": "/admin/registry_sync/syncrun/",
    "runs, failed ones": "/admin/registry_sync/syncrun/?status__exact=FAILED",
    "runs, last page": "/admin/registry_sync/syncrun/?p=200",
    "open errors": "/admin/registry_sync/entityerror/",
    "open errors of one cause": "/admin/registry_sync/entityerror/?code=link_missing",
    "closed errors": "/admin/registry_sync/entityerror/?state=closed",
    "all errors": "/admin/registry_sync/entityerror/?state=all",
    "errors, one record searched": "/admin/registry_sync/entityerror/?state=all&q=C-777777",
    "one run": "/admin/registry_sync/syncrun/99999/change/",
}
STORED = {
    "first page": "/admin/",
    "runs": "/admin/registry_sync/syncrun/",
    "one run": "/admin/registry_sync/syncrun/1/change/",
    "records": "/admin/registry_sync/ledgerentry/",
    "records, one searched": "/admin/registry_sync/ledgerentry/?q=RS-0777777",
    "changes": "/admin/registry_sync/change/",
    "open errors": "/admin/registry_sync/entityerror/",
}
"""The pages that are timed on the database of a service that synced `benchmarks.registry`."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A page: its median and slowest time in seconds, and its number of queries."""

    median: float
    slowest: float
    queries: int


def main() -> None:
    """Fill a database, or take a service's own, request each page, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="the address of a service's database, as it is")
    given = parser.parse_args()
    if given.database:
        os.environ[VARIABLE] = given.database
        print(table(measure(STORED, filled=True)))
        return
    server = PostgresServer().start()
    os.environ[VARIABLE] = server.url
    try:
        print(table(measure(PAGES)))
    finally:
        from django.db import connections

        connections.close_all()
        server.stop()


def pages_of(database: str) -> str:
    """Time the pages on a service's database, in a process of its own, and return the table."""
    words = [sys.executable, "-m", "benchmarks.desk", "--database", database]
    return subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(pages: dict[str, str], *, filled: bool = False) -> dict[str, Timed]:
    """Return how long each page takes."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.core.management import call_command

    if not filled:
        call_command("migrate", verbosity=0)
        fill()
    client = owner()
    return {name: timed(client, url) for name, url in pages.items()}


def fill() -> None:
    """Create one row of each kind as the service would, and the others like it."""
    from django.db import connection
    from django.utils import timezone

    from registry_sync.models import EntityError, Lane, SyncRun

    now = timezone.now()
    sizes = {
        "runs": RUNS, "errors": ERRORS, **columns(SyncRun, RUN, "run"),
        **columns(EntityError, ERROR, "error"),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(FILL[0])
        lane = Lane.objects.get()
        run = SyncRun.objects.create(
            id=1, tenant=lane.tenant, app_id=lane.app_id, lane=lane, trigger="schedule",
            status="SUCCEEDED", phase_seconds={"pull": 4.2, "upsert": 3.1}, watermark=now,
        )  # fmt: skip
        EntityError.objects.create(
            id=1, lane=lane, run=run, external_id="C-1", kind="source", code="name_taken",
            message="The name “Aspirin” is used twice.", remedy="Rename one.", value="Aspirin",
            raw={"id": "C-1", "name": "Aspirin", "smiles": "CC(=O)Oc1ccccc1C(O)=O"},
            first_seen=now, last_seen=now,
        )  # fmt: skip
        for statement in FILL[1:]:
            cursor.execute(statement.format(**sizes))


def columns(model: Any, values: dict[str, str], name: str) -> dict[str, str]:
    """Map all columns of a table to what fills them: themselves, unless `values` has them."""
    names = [field.column for field in model._meta.concrete_fields]
    filled = [values.get(column, f'"{column}"') for column in names]
    quoted = ", ".join(f'"{column}"' for column in names)
    return {f"{name}_columns": quoted, f"{name}_values": ", ".join(filled)}


def owner() -> Any:
    from django.contrib.auth.models import Group, User
    from django.test import Client

    user = User.objects.create_user("Olivia", is_staff=True)
    user.groups.add(Group.objects.get(name="Integration owners"))
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    return client


def timed(client: Any, url: str) -> Timed:
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    reset_queries()  # under DEBUG its log fills up, and counts nothing more
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
        if answer.status_code != 200:
            raise SystemExit(f"{url}: {answer.status_code}")
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        client.get(url)
        seconds.append(time.perf_counter() - began)
    return Timed(statistics.median(seconds), max(seconds), len(queries))


def table(pages: dict[str, Timed]) -> str:
    lines = ["| page | median ms | slowest ms | queries |", "| --- | ---: | ---: | ---: |"]
    for name, t in pages.items():
        lines.append(f"| {name} | {t.median * 1000:.0f} | {t.slowest * 1000:.0f} | {t.queries} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
