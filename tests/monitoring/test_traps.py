"""Registries with a trap each: doctor names it, and finds no fault with a sound one."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.core.management import call_command

from registry_sync.models import Lane
from registry_sync.monitoring.doctor import checkup as doctor
from tests.support.odd import Asked, Reply

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("patient")]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SINCE = {"since": "{incremental.start_value}"}
TERMS = {"cursor_path": "modified_at"}


def records(count: int = 40) -> list[dict[str, Any]]:
    return [
        {"id": f"K-{n:03d}", "name": f"Kind {n}", "modified_at": written(START + n * STEP)}
        for n in range(count)
    ]


STEP = timedelta(hours=5)


def reborn() -> list[dict[str, Any]]:
    """Records of which the first four were edited long after the others were created."""
    rows = [{**row, "created_at": row["modified_at"]} for row in records()]
    for n, row in enumerate(rows[:4]):
        row["modified_at"] = written(START + timedelta(days=30 + n))
    return rows


def half_past() -> list[dict[str, Any]]:
    return [
        {**row, "modified_at": row["modified_at"].replace(":00:00", ":30:00")} for row in records()
    ]


def epochs() -> list[dict[str, Any]]:
    moment = int(START.timestamp())
    return [{**row, "modified_at": moment + n * 3600} for n, row in enumerate(records())]


def written(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def served(
    rows: list[dict[str, Any]],
    *,
    keep: Callable[[dict[str, Any], str], bool] = lambda row, since: row["modified_at"] >= since,
    size: int = 15,
    total: Callable[[int, int], Any] = lambda count, page: count,
) -> Callable[[Asked], Any]:
    """Serve rows by offset; `keep` is the filter, `total` what the answer counts."""

    def answer(asked: Asked) -> Any:
        since = asked.query.get("since", "")
        found = [row for row in rows if not since or keep(row, since)]
        start = int(asked.query.get("offset", 0))
        page = found[start : start + size]
        return {"items": page, "total": total(len(found), len(page))}

    return answer


def local(hours: float = 2, *, edited: timedelta = timedelta()) -> Callable[[Asked], Any]:
    """Serve times as a server some hours east of Greenwich writes them, the newest just edited.

    They are written as each request comes: a suite may take longer than "just now" lasts.
    """

    def answer(asked: Asked) -> Any:
        now = datetime.now(UTC) + timedelta(hours=hours) - edited
        rows = records()
        for n, row in enumerate(reversed(rows)):
            row["modified_at"] = (now - n * timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
        return served(rows)(asked)

    return answer


def refuse_future(asked: Asked) -> Any:
    if asked.query.get("since", "") > written(datetime.now(UTC)):
        return Reply({"message": "_since in the future"}, status=400)
    return served(records())(asked)


def count_of_page(asked: Asked, size: int = 15) -> Any:
    found = served(records(), size=size)(asked)
    return {"items": found["items"], "count": len(found["items"])}


OFFSET = {"paginator": {"type": "offset", "limit": 15}}
FILTER = {**OFFSET, "params": SINCE, "incremental": TERMS}
COUNTED = {**FILTER, "paginator": {**OFFSET["paginator"], "total_path": "total"}}
SETTINGS = "Modified-since filter"
TRAPS: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "never gives": (
        served(records(), keep=lambda row, since: False), FILTER, SETTINGS, "returned nothing",
    ),
    "ignored": (
        served(records(), keep=lambda row, since: True), FILTER, SETTINGS, "ignores the filter",
    ),
    "exclusive": (
        served(records(), keep=lambda row, since: row["modified_at"] > since),
        {**FILTER, "incremental": {**TERMS, "lag": 0}}, SETTINGS, '"comparison": "gt"',
    ),
    "days": (
        served(records(), keep=lambda row, since: row["modified_at"][:10] > since[:10]),
        FILTER, SETTINGS, '"granularity": "day"',
    ),
    "hours": (
        served(half_past(), keep=lambda row, since: row["modified_at"][:13] > since[:13]),
        FILTER, SETTINGS, '"granularity": "hour"',
    ),
    "another time": (
        served(reborn(), keep=lambda row, since: row["created_at"] >= since),
        FILTER, SETTINGS, "4 later records did not come",
    ),
    "sorted by edits": (
        served(sorted(reborn(), key=lambda row: row["modified_at"])), FILTER, "Order",
        "sorted by modified_at and its pages are counted",
    ),
    "another unit": (
        served(epochs()), {**FILTER, "incremental": {**TERMS, "datetime_format": "epoch_ms"}},
        "Modification times", '"datetime_format": "epoch"',
    ),
    "another format": (
        served([{**row, "modified_at": f"{n + 1:02}.01.2026 08:00"}
                for n, row in enumerate(records(30))]),
        FILTER, "Modification times", '"datetime_format": "%d.%m.%Y %H:%M"',
    ),
    "dates": (
        served([{**row, "modified_at": row["modified_at"][:10]} for row in records()]),
        FILTER, "Modification times", '"granularity": "day"',
    ),
    "newest first": (
        served(records()[::-1]), FILTER, "Order", "the newest first",
    ),
    "local time": (
        local(), {**OFFSET, "params": SINCE, "incremental": {}},
        "Modification times", "Etc/GMT-2",
    ),
    "local time with a path": (
        local(), FILTER, "Modification times", "Etc/GMT-2",
    ),
    "local time behind": (
        local(-7), FILTER, "Modification times", "Etc/GMT+7",
    ),
    "local time an hour behind": (
        local(-1), FILTER, "Modification times", "Etc/GMT+1",
    ),
    "local time half an hour behind": (
        local(-3.5), FILTER, "Modification times", "America/St_Johns",
    ),
    "local time farthest behind": (
        local(-12, edited=timedelta(minutes=1)), FILTER, "Modification times", "Etc/GMT+12",
    ),
    "deleted": (
        served([{**row, "deleted": n == 3} for n, row in enumerate(records())]), FILTER,
        "Deleted records", "1 record (K-003)",
    ),
    "total too great": (
        served(records(), total=lambda count, page: count + 5), FILTER, "Total",
        "counts 45 records",
    ),
    "total too small": (
        served(records(), total=lambda count, page: 25),
        COUNTED, "Total", "counts 25 records",
    ),
    "total of the page": (
        served(records(), total=lambda count, page: page),
        COUNTED, "Total", "total",
    ),
    "total nowhere": (
        served(records()), {**FILTER, "paginator": {**OFFSET["paginator"], "total_path": "count"}},
        "Total", "Nothing at “count”",
    ),
    "capped total": (
        served(records(), total=lambda count, page: {"value": 10_000, "relation": "gte"}),
        FILTER, "Total", "counts 10,000 records",
    ),
    "full single page": (
        served(records(), size=20, total=lambda count, page: None), {}, "Pages",
        "A request for one page more returned other records",
    ),
    "count of the page, 16": (
        lambda asked: count_of_page(asked, 16), {}, "Pages",
        "A request for one page more returned other records",
    ),
    "full, and nothing behind": (
        served(records(20), size=20, total=lambda count, page: None), {}, "Pages",
        "returned no others",
    ),
    "misspelt": (
        served(records()), {**FILTER, "incremental": {"cursor_path": "modifed_at"}},
        "Modification times", '"cursor_path": "modified_at"',
    ),
    "unreadable": (
        served([{**row, "modified_at": "yesterday"} for row in records()]), FILTER,
        "Modification times", "cannot be read",
    ),
}  # fmt: skip


@pytest.fixture
def visited(world: Any, serve: Any) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    w = world([])

    def visit(answer: Any, endpoint: dict[str, Any]) -> dict[str, Any]:
        w.configure(**{"API URL": serve(answer).url + "/list",
                       "Modified Since Parameter": "",
                       "Connector Settings": {"endpoint": endpoint}})  # fmt: skip
        return {point.name: point for point in doctor.examine()}

    return visit


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_is_named_with_its_remedy(visited: Any, trap: str) -> None:
    answer, endpoint, name, said = TRAPS[trap]
    point = visited(answer, endpoint)[name]
    assert point.state in ("bad", "warning"), point
    assert said in f"{point.finding} {point.remedy}", point


def by_page(asked: Asked) -> Any:
    since, page = asked.query.get("since", ""), int(asked.query.get("page", 1))
    found = [row for row in reborn() if row["modified_at"] >= since]
    return {"items": found[page * 15 - 15 : page * 15], "pages": -(-len(found) // 15)}


def break_over_future(asked: Asked) -> Any:
    late = asked.query.get("since", "") > written(datetime.now(UTC))
    return Reply({"error": "overflow"}, status=500) if late else served(records())(asked)


PAGES = {**FILTER, "paginator": {"type": "page_number", "total_path": "pages"}}


@pytest.mark.parametrize(
    ("answer", "endpoint"),
    [(served(records()), FILTER), (refuse_future, FILTER), (served(records(15), size=30), FILTER),
     (served(reborn()), FILTER), (by_page, PAGES), (count_of_page, FILTER),
     (break_over_future, FILTER),
     (served(records(), total=lambda count, page: {"value": 25, "relation": "gte"}), FILTER)],
)  # fmt: skip
def test_a_sound_registry_has_no_fault(visited: Any, answer: Any, endpoint: Any) -> None:
    points = visited(answer, endpoint)
    names = ("Registry", "Pages", "Ids", "Total", "Order", SETTINGS, "Modification times",
             "Deleted records", "Keys left out")  # fmt: skip
    for name in names:
        assert points[name].state in ("ok", "skipped"), points[name]
    assert points[SETTINGS].state == points["Modification times"].state == "ok"


def test_records_that_have_left_by_the_settings_are_counted(visited: Any) -> None:
    rows = [{**row, "status": "retired" if n < 3 else "active"} for n, row in enumerate(records())]
    deletes = {"mode": "flag", "path": "status", "values": ["retired"]}
    point = visited(served(rows), {**FILTER, "deletes": deletes})["Deleted records"]
    assert point.state == "ok"
    assert point.finding == "By endpoint.deletes, 3 of 40 records checked have left the registry."


def test_a_list_without_order_has_no_duplicate_ids(visited: Any) -> None:
    """What comes again on a later page is the list's fault, not the ids'."""
    turns = count()

    def answer(asked: Asked) -> Any:
        rows = records()
        turned = next(turns) * 7 % len(rows)
        return served(rows[turned:] + rows[:turned])(asked)

    points = visited(answer, OFFSET)
    assert points["Ids"].state == "ok" and points["Order"].state == "warning", points


def test_a_policy_without_deletions_and_a_key_that_records_had_are_told(world: Any) -> None:
    w = world([{"id": "K-1", "name": "Kind 1", "smiles": "C"}], rows=[("SMILES", "smiles")])
    w.sync()
    Lane.objects.update(withdrawn_policy="archive")
    points = {point.name: point for point in doctor.examine()}
    assert points["Keys left out"].state == "ok"
    assert "scope are not set, so nothing is archived" in points["Deleted records"].finding
    w.registry.records[0]["_deleted"] = True
    told = {point.name: point for point in doctor.examine()}["Deleted records"].finding
    assert "so nothing is archived. 1 record (K-1) say" in told and "“_deleted”" in told
    del w.registry.records[0]["_deleted"]
    w.registry.records[0].pop("smiles")
    point = {point.name: point for point in doctor.examine()}["Keys left out"]
    assert point.state == "warning" and "“smiles”" in point.finding and "K-1" in point.finding
    assert '"absent": "clear"' in point.remedy


PROPOSED = {
    "never gives": "No parameter that such servers know filters by it",
    "ignored": "No parameter that such servers know filters by it",
    "exclusive": '"comparison": "gt"',
    "days": '"granularity": "day"',
    "hours": '"granularity": "hour"',
    "another time": "4 later records did not come, such as K-000: it is not proposed",
    "sorted by edits": "The list is sorted by it, not by when records were created",
    "another format": '"datetime_format": "%d.%m.%Y %H:%M"',
    "dates": '"granularity": "day"',
    "newest first": "The list has the newest first",
    "local time": '"timezone": "Etc/GMT-2"',
    "local time behind": "set timezone to Etc/GMT+7",
    "deleted": "1 record is deleted, as deleted says",
    "total too great": "total is no total: it says 45, but 40 records came",
    "total too small": "total is no total: it says 25, but 40 records came",
    "total of the page": "One page more, requested so, had other records",
}
"""What the proposal says of a trap: a setting that avoids it, or what was seen."""


def test_the_proposal_falls_into_no_trap(world: Any, serve: Any) -> None:
    w = world([], rows=[])
    for trap, said in PROPOSED.items():
        w.configure(**{"API URL": serve(TRAPS[trap][0]).url + "/list", "Connector Settings": None})
        out = io.StringIO()
        call_command("doctor", "--propose", stdout=out)
        assert said in out.getvalue(), (trap, out.getvalue())
