"""`python -m benchmarks.desk`: how long the desk's lists take with 100,000 runs, 1,000,000 errors.

On a separate PostgreSQL (Debian's, as in the tests), filled by SQL in a minute. Each page is
requested by a logged-in owner through Django's test client: middleware, queries, template and all.
CPU time is that of this process and of its PostgreSQL backend, which uses no parallel workers: on
a busy machine it says more than the time that passes. `--part 10` fills a tenth of each table.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.postgres import VARIABLE, PostgresServer

from .world import ROOT

RUNS, ERRORS, CHANGES, PLANNED = 100_000, 1_000_000, 1_000_000, 20_000
OPEN = 50
"""Of so many errors one is open and one dismissed: a registry in trouble. The rest is history."""
TICKS = os.sysconf("SC_CLK_TCK")
TIMES = 9
FILL = (
    # A row of each sort was made as the service would; the others differ in what lists sort by.
    """INSERT INTO registry_sync_syncrun ({run_columns}) SELECT {run_values}
       FROM registry_sync_syncrun, generate_series(2, {runs}) AS n WHERE id = 1""",
    """INSERT INTO registry_sync_entityerror ({error_columns}) SELECT {error_values}
       FROM registry_sync_entityerror, generate_series(2, {errors}) AS n WHERE id = 1""",
    """INSERT INTO registry_sync_change ({change_columns}) SELECT {change_values}
       FROM registry_sync_change, generate_series(2, {changes}) AS n WHERE id = 1""",
    """INSERT INTO registry_sync_planrow ({planned_columns}) SELECT {planned_values}
       FROM registry_sync_planrow, generate_series(2, {planned}) AS n WHERE id = 1""",
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
    "only": "CASE WHEN n % 50 = 0 THEN (SELECT jsonb_agg('C-' || i) FROM generate_series(1, 1000) "
    "AS i) ELSE '[]' END",
    **{
        column: f"now() - ({{runs}} - n) * interval '15 minutes' + interval '{seconds} seconds'"
        for column, seconds in (("created_at", 0), ("started_at", 1), ("finished_at", 9))
    },
}
ERROR = {
    "id": "n",
    "external_id": "'C-' || n",
    "run_id": "1 + n % {runs}",
    "code": "(ARRAY['name_taken', 'dropdown_option_missing', 'link_missing', 'wrong_type', "
    "'required_missing', 'refused', 'not_unique'])[1 + n % 7]",
    "kind": "(ARRAY['source', 'benchling', 'source', 'mapping', 'source', 'source', "
    "'source'])[1 + n % 7]",
    "closed_at": f"CASE WHEN n % {OPEN} < 2 THEN NULL ELSE now() END",
    "dismissed_at": f"CASE WHEN n % {OPEN} = 1 THEN now() END",
    "first_seen": "now() - ({errors} - n) * interval '1 minute'",
    "last_seen": "now() - ({errors} - n) * interval '30 seconds'",
}
CHANGE = {
    "id": "n",
    "external_id": "'C-' || n / 5",
    "run_id": "1 + n % {runs}",
    "field_id": "(ARRAY['registry id', 'name', 'fld_1', 'fld_2', 'fld_3'])[1 + n % 5]",
    "created": "n < {changes} / 2",
}
"""The first half are created records with five values each, the other half changed values."""
PLANNED_ROW = {"id": "n", "external_id": "'C-' || n", "digest": "md5(n::text)"}
PAGES = {
    "Today": "/admin/",
    "runs": "/admin/registry_sync/syncrun/",
    "runs, failed ones": "/admin/registry_sync/syncrun/?status__exact=FAILED",
    "runs, last page": "/admin/registry_sync/syncrun/?p={last_page}",
    "open errors": "/admin/registry_sync/entityerror/",
    "open errors of one cause": "/admin/registry_sync/entityerror/?code=link_missing",
    "closed errors": "/admin/registry_sync/entityerror/?state=closed",
    "all errors": "/admin/registry_sync/entityerror/?state=all",
    "errors, one record searched": "/admin/registry_sync/entityerror/?state=all&q=C-7777",
    "dismissed errors": "/admin/registry_sync/entityerror/?state=dismissed",
    "errors to copy, one cause": "/admin/registry_sync/entityerror/copy/?code=link_missing",
    "errors to copy, the registry's owner": "/admin/registry_sync/entityerror/copy/?who=source",
    "changes": "/admin/registry_sync/change/",
    "changes, every value": "/admin/registry_sync/change/?values=all",
    "changes, one record searched": "/admin/registry_sync/change/?q=C-7777",
    "one run": "/admin/registry_sync/syncrun/{last_run}/change/",
    "a plan": "/admin/registry_sync/plan/1/change/",
}
STORED = {
    "Today": "/admin/",
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
    """A page: its median and slowest time and its CPU time in seconds, and how many queries."""

    median: float
    slowest: float
    cpu: float
    queries: int


def main() -> None:
    """Fill a database, or take a service's own, request each page, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="the address of a service's database, as it is")
    parser.add_argument("--part", type=int, default=1, help="divide the size of each table by this")
    given = parser.parse_args()
    if given.database:
        os.environ[VARIABLE] = given.database
        print(table(measure(STORED, filled=True)))
        return
    server = PostgresServer().start()
    os.environ[VARIABLE] = server.url
    try:
        print(table(measure(PAGES, part=given.part)))
    finally:
        from django.db import connections

        connections.close_all()
        server.stop()


def pages_of(database: str) -> str:
    """Time the pages on a service's database, in a process of its own, and return the table."""
    words = [sys.executable, "-m", "benchmarks.desk", "--database", database]
    return subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(pages: dict[str, str], *, filled: bool = False, part: int = 1) -> dict[str, Timed]:
    """Return how long each page takes."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.core.management import call_command

    if not filled:
        call_command("migrate", verbosity=0)
        fill(part)
    client = owner()
    last = {"last_page": RUNS // part // 500, "last_run": RUNS // part - 1}
    return {name: timed(client, url.format(**last)) for name, url in pages.items()}


def fill(part: int) -> None:
    """Create one row of each kind as the service would, and the others like it."""
    from django.db import connection
    from django.utils import timezone

    from registry_sync.models import Change, EntityError, Lane, Plan, PlanRow, SyncRun

    now = timezone.now()
    counts = {"runs": RUNS, "errors": ERRORS, "changes": CHANGES, "planned": PLANNED}
    sizes = {name: str(count // part) for name, count in counts.items()}
    sizes |= {
        **columns(SyncRun, RUN, "run", sizes), **columns(EntityError, ERROR, "error", sizes),
        **columns(Change, CHANGE, "change", sizes),
        **columns(PlanRow, PLANNED_ROW, "planned", sizes),
    }  # fmt: skip
    with connection.cursor() as cursor:
        lane = Lane.objects.create(
            tenant="127.0.0.1:1", app_id="app_test", registry_id="src_1", schema_id="ts_1",
            collection="https://registry/compounds", schema_name="Compound", position=0,
        )  # fmt: skip
        run = SyncRun.objects.create(
            id=1, tenant=lane.tenant, app_id=lane.app_id, lane=lane, trigger="schedule",
            status="SUCCEEDED", phase_seconds={"pull": 4.2, "upsert": 3.1}, watermark=now,
            warnings=[{"code": "slow", "text": "The registry answers slowly."}] * 5,
        )  # fmt: skip
        EntityError.objects.create(
            id=1, lane=lane, run=run, external_id="C-1", kind="source", code="name_taken",
            message="The name “Aspirin” is used twice.", remedy="Rename one.", value="Aspirin",
            raw={"id": "C-1", "name": "Aspirin", "smiles": "CC(=O)Oc1ccccc1C(O)=O"},
            first_seen=now, last_seen=now,
        )  # fmt: skip
        Change.objects.create(
            id=1, lane=lane, run=run, external_id="C-1", entity_id="bfi_1", field_id="registry id",
            field="Registry ID", after="C-1", created=True, trigger="schedule", at=now, digest="0",
        )  # fmt: skip
        plan = Plan.objects.create(
            id=1, lane=lane, run=run, state="open", creates=PLANNED // part,
            expires_at=now + timedelta(days=7),
        )  # fmt: skip
        PlanRow.objects.create(
            id=1, plan=plan, external_id="C-1", action="create", name="Aspirin", digest="0",
            values=[["name", None, "Aspirin"], ["fld_1", None, 180.2]],
        )  # fmt: skip
        for statement in FILL:
            cursor.execute(statement.format(**sizes))


def columns(model: Any, values: dict[str, str], name: str, sizes: dict[str, str]) -> dict[str, str]:
    """Map all columns of a table to what fills them: themselves, unless `values` has them."""
    names = [field.column for field in model._meta.concrete_fields]
    filled = [values.get(column, f'"{column}"').format(**sizes) for column in names]
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
    seconds, busy = [], []
    for _ in range(TIMES):
        began, before = time.perf_counter(), cpu_seconds()
        client.get(url)
        seconds.append(time.perf_counter() - began)
        busy.append(cpu_seconds() - before)
    return Timed(statistics.median(seconds), max(seconds), statistics.mean(busy), len(queries))


def cpu_seconds() -> float:
    """Return the CPU time so far of this process and of its PostgreSQL backend on this host."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(spent[11]) + int(spent[12])) / TICKS


def table(pages: dict[str, Timed]) -> str:
    head = ("page", "median ms", "slowest ms", "CPU ms", "queries")
    lines = [f"| {' | '.join(head)} |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, t in pages.items():
        times = " | ".join(f"{each * 1000:.0f}" for each in (t.median, t.slowest, t.cpu))
        lines.append(f"| {name} | {times} | {t.queries} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
