"""Lists in pages, from the registry over HTTP to the entities in the tenant: all of them came, or
the run is not green and says which setting is missing."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from registry_sync.models import SyncRun
from registry_sync.source.ahead import MOST_PAGES
from tests.support.odd import Reply
from tests.support.shapes import SHAPES
from tests.support.worlds import forget

pytestmark = pytest.mark.once

Status = SyncRun.Status
RECORDS = [{"id": f"K-{n:02}", "name": f"Compound {n:02}"} for n in range(12)]
ALL = [record["name"] for record in RECORDS]


def cut(start: int, size: int = 5) -> list[Any]:
    return RECORDS[start : start + size]


@pytest.fixture
def line(world: Any, serve: Any) -> Any:
    """Give `run(answer, settings)`: one sync of a new lane, and the ids that it brought."""
    made = world([], rows=[("SMILES", "smiles")])
    count = itertools.count(1)

    def run(answer: Any, settings: Any = None) -> tuple[SyncRun, list[str]]:
        mark = f"L{next(count)}-"  # each list feeds a schema of its own; names are the registry's
        schema = made.tenant.add_schema(
            mark, made.benchling_registry, fields=[{"name": "SMILES", "type": "text"}], prefix=mark
        )

        def marked(asked: Any) -> Any:
            found = answer(asked)
            reply = found if isinstance(found, Reply) else Reply(found)
            text = json.dumps(reply.body)
            for word in ("K-", "Compound "):
                text = text.replace(f'"{word}', f'"{mark}{word}')
            reply.body = json.loads(text)
            return reply

        asked = {"API URL": serve(marked).url + "/list", "Connector Settings": settings or {}}
        rows = {"Schema to Sync": schema, "Field Configurations": [("SMILES", "smiles")]}
        made.configure(**asked, **rows)
        done = made.sync()
        ids = [e.name for e in made.tenant.entities.values()]
        return done, [name.removeprefix(mark) for name in sorted(ids) if name.startswith(mark)]

    return run


def paginator(**settings: Any) -> Any:
    return {"endpoint": {"paginator": settings}}


def by_link(link: str) -> Any:
    def answer(asked: Any) -> Any:
        start = int(asked.query.get("start", 0))
        headers = {"Link": link.format(start + 5)} if start + 5 < len(RECORDS) else {}
        return Reply(cut(start), headers=headers)

    return answer


LINKS = [
    '</list?start={}>; title="page=2"; rel="next"',
    '</list?start={}>; results; rel="next"',
    '</list?fields=id;name&start={}>; rel="next"',
    '</list?start=0>; rel="first", </list?f=a,b&start={}>; rel="next"',
    '</list?start={}>; title="a; b, <c>"; rel=next',
    "</list?start={}>; rel*=UTF-8''next",
    "</list?start={}>; rel=\u00e2\u0080\u009dnext\u00e2\u0080\u009d",  # ”next” in UTF-8
    '</list?start={}>; anchor="/list?a=b"; rel="next"',
]


def test_any_link_header_that_rfc_8288_allows_is_followed(line):
    for link in LINKS:
        run, came = line(by_link(link))
        assert (run.status, came) == (Status.SUCCEEDED, ALL), link
    matrix = by_link('</list;v=2?start={}>; rel="next"')
    run, came = line(matrix, paginator(type="header_link"))
    assert (run.status, came) == (Status.SUCCEEDED, ALL)


@pytest.mark.invariant(5)
def test_a_link_header_that_leads_nowhere_is_not_green(line):
    for link, settings, code in (
        ("/list?start={}; rel=next", None, "link_unread"),
        ("</list?start={}>; results", None, "link_unread"),
        ('</list?start={}>; rel="next"', paginator(type="header_link", links_next_key="nxt"),
         "next_unseen"),
        ("", paginator(type="header_link"), "next_unseen"),
    ):  # fmt: skip
        run, came = line(by_link(link), settings)
        assert came == ALL[:5]
        assert (run.status, [w["code"] for w in run.warnings]) == (
            Status.COMPLETED_WITH_WARNINGS,
            [code],
        ), link


@pytest.mark.invariant(5)
def test_more_that_cannot_be_followed_is_not_green_and_the_setting_is_written_out(line):
    run, came = line(lambda asked: {"items": cut(0), "nextToken": "t5"})
    assert (run.status, came) == (Status.FAILED, [])
    assert '"cursor_path": "nextToken", "cursor_param": "nextToken"' in run.remedy
    run, came = line(SHAPES["CouchDB: total_rows and offset"])
    assert (run.status, len(came)) == (Status.COMPLETED_WITH_WARNINGS, 16)
    assert {"more_said", "short_read"} == {warning["code"] for warning in run.warnings}
    assert '"offset_param": "skip", "total_path": "total_rows"' in run.warnings[0]["text"]


def at(asked: Any, name: str) -> int:
    """Read where a token leads, in the query or the JSON body."""
    text = asked.query.get(name) or (json.loads(asked.body or b"{}").get(name)) or "t0"
    return int(str(text).removeprefix("t"))


def onward(start: int) -> str | None:
    return f"t{start + 5}" if start + 5 < len(RECORDS) else None


TOKENS: dict[str, Any] = {
    "camel": ("pageToken", lambda start: {"nextPageToken": onward(start)}),
    "nested": ("cursor", lambda start: {"response_metadata": {"next_cursor": onward(start) or ""}}),
    "within": ("after", lambda start: {"paging": {"next": {"after": onward(start)}}}),
    "by post": ("bookmark", lambda start: {"bookmark": f"t{min(start + 5, 12)}"}),
    "a flag": (
        "continuationToken",
        lambda start: {"continuationToken": f"t{start + 5}", "isTruncated": start + 5 < 12},
    ),
    "kubernetes": ("continue", lambda start: {"metadata": {"continue": onward(start)}}),
}


@pytest.mark.invariant(1)
def test_a_token_whose_parameter_its_name_tells_is_followed(line):
    for name, (param, said) in TOKENS.items():
        settings = {"endpoint": {"json": {"selector": {}}}} if name == "by post" else None
        run, came = line(
            lambda asked, param=param, said=said: {
                "items": cut(at(asked, param)), **said(at(asked, param))
            },
            settings,
        )  # fmt: skip
        assert (run.status, came, run.warnings) == (Status.SUCCEEDED, ALL, []), name

    def numbered(asked: Any) -> Any:
        now = int(asked.query.get("page", 1))
        return Reply(cut(now * 5 - 5), headers={"X-Next-Page": str(now + 1) if now < 3 else ""})

    run, came = line(numbered)
    assert (run.status, came) == (Status.SUCCEEDED, ALL)


@pytest.mark.invariant(5)
def test_a_token_that_leads_nowhere_under_that_name_has_its_setting_written_out(line):
    """As at vendors whose `next_page_token` goes into a parameter of the same name."""
    for refused in (False, True):

        def answer(asked: Any, refused: bool = refused) -> Any:
            if refused and "page_token" in asked.query:
                return Reply({"message": "unknown parameter"}, 400)
            return {"items": cut(0), "next_page_token": "t5"}

        run, _ = line(answer)
        assert (run.status, run.error_code) == (Status.FAILED, "registry_paging")
        assert "with that as “page_token” of the request" in run.error
        assert '"cursor_path": "next_page_token", "cursor_param": "next_page_token"' in (run.remedy)


@pytest.mark.invariant(1)
def test_after_the_paginator_is_corrected_everything_is_read(world, serve):
    """Also where the run before was green by an older version, or warned of it."""
    settings = {"params": {"since": "{incremental.start_value}"}, "incremental": {"lag": 0}}
    body: dict[str, Any] = {}

    def answer(asked: Any) -> Any:
        page = int(asked.query.get("page", 1))
        found = {"items": cut((page - 1) * 5), **body}
        return found if not asked.query.get("since") else {"items": []}

    w = world([], rows=[("SMILES", "smiles")])
    w.configure(**{"API URL": serve(answer).url, "Connector Settings": {"endpoint": settings}})
    assert (w.sync().status, len(w.values())) == (Status.SUCCEEDED, 5)
    body["totalPages"] = 3
    assert w.sync(kind=SyncRun.Kind.FULL).error_code == "registry_paging"
    paged = {**settings, "paginator": {"type": "page_number", "total_path": "totalPages"}}
    w.configure(**{"Connector Settings": {"endpoint": paged}})
    run = w.sync()
    assert (run.reads_all, run.status) == (True, Status.SUCCEEDED)
    assert sorted(e["name"] for e in w.values().values()) == ALL


@pytest.mark.invariant(5)
def test_a_single_page_that_is_exactly_full_is_not_green_until_someone_says_so(line):
    def answer(asked: Any) -> Any:
        return cut(0, int(asked.query.get("limit", 10)))

    asked = {"endpoint": {"params": {"limit": 7}}}
    for settings, came in ((None, 10), (asked, 7)):
        run, found = line(answer, settings)
        assert (run.status, len(found)) == (Status.COMPLETED_WITH_WARNINGS, came)
        assert [warning["code"] for warning in run.warnings] == ["full_page"]
        assert '{"paginator": {"type": "single_page"}}' in run.warnings[0]["text"]
    run, _ = line(answer, {"endpoint": {"params": {"limit": 7}, "paginator": "single_page"}})
    assert run.status == Status.SUCCEEDED
    run, _ = line(answer, {"endpoint": {"params": {"limit": 20}}})
    assert (run.status, run.read) == (Status.SUCCEEDED, 12)


@pytest.mark.invariant(5)
def test_what_a_lane_saw_earlier_dispels_suspicions(world, serve):
    """Ten changes of a list that came whole, and a last page that leaves out its link."""
    records: list[dict[str, Any]] = []
    asked = {"params": {"since": "{incremental.start_value}"},
             "incremental": {"cursor_path": "at", "lag": 0}}  # fmt: skip

    def whole(asked: Any) -> Any:
        return [r for r in records if r["at"] >= asked.query.get("since", "")]

    def linked(asked: Any) -> Any:
        found, start = whole(asked), int(asked.query.get("start", 0))
        link = f"/list?start={start + 16}" if start + 16 < len(found) else None
        return {"items": found[start : start + 16], **({"more_at": link} if link else {})}

    for answer, settings in (
        (whole, asked),
        (linked, {**asked, "paginator": {"type": "json_link", "next_url_path": "more_at"}}),
    ):
        times = [f"2026-01-05T00:00:{n:02}Z" for n in range(33)]
        records[:] = [{"id": n, "name": f"C {n}", "at": at} for n, at in enumerate(times)]
        w = world([], rows=[("SMILES", "smiles")])
        w.configure(**{"API URL": serve(answer).url, "Connector Settings": {"endpoint": settings}})
        assert w.sync().status == Status.SUCCEEDED
        for record in records[:10]:
            record["at"] = f"2026-01-06T00:00:{record['id']:02}Z"
        run = w.sync()
        assert (run.reads_all, run.status) == (False, Status.SUCCEEDED), run.warnings
        del records[10:]
        assert w.sync(kind=SyncRun.Kind.FULL).warnings[0]["code"] == "withdrawn"


@pytest.mark.invariant(7)
def test_an_incomplete_read_is_known_without_the_database(world, serve):
    items = cut(0, 10)
    w = world([], rows=[("SMILES", "smiles")])
    settings = {"params": {"since": "{incremental.start_value}"}, "incremental": {"lag": 0}}
    w.configure(
        **{
            "API URL": serve(lambda asked: [] if asked.query.get("since") else items).url,
            "Connector Settings": {"endpoint": settings},
        }
    )
    assert w.sync().warnings[0]["code"] == "full_page"
    forget()
    items.append(RECORDS[10])
    run = w.sync()
    assert (run.reads_all, len(w.values())) == (True, 11)


def offset(asked: Any) -> int:
    return int(asked.query["offset"])


def page(asked: Any) -> int:
    return int(asked.query["page"])


def starts_over(start: int) -> list[Any]:
    return cut(start if start < len(RECORDS) else 0)


PAGES = {
    "a total that counts the page": (
        lambda asked: {"items": cut(offset(asked)), "count": len(cut(offset(asked)))},
        {"type": "offset", "limit": 5, "total_path": "count"},
    ),
    "a capped total": (
        lambda asked: {"data": cut(offset(asked)), "total": {"value": 10, "relation": "gte"}},
        {"type": "offset", "limit": 5, "total_path": "total.value"},
    ),
    "an empty page while there is more": (
        lambda asked: {
            "items": [cut(0), [], cut(5), cut(10)][page(asked) - 1],
            "has_more": page(asked) < 4,
        },
        {"type": "page_number", "has_more_path": "has_more"},
    ),
    "an empty page while there is more, which no setting names": (
        lambda asked: {
            "items": ([cut(0), [], cut(5), cut(10)] + [[]] * 9)[page(asked) - 1],
            "hasMore": page(asked) < 4,
        },
        {"type": "page_number"},
    ),
    "an empty page with a next cursor": (
        lambda asked: {
            "items": [cut(0), [], [], cut(5, 7)][int(asked.query.get("cursor") or 0)],
            "next": {"0": 1, "1": 2, "2": 3}.get(asked.query.get("cursor") or "0"),
        },
        {"type": "cursor", "cursor_path": "next"},
    ),
    "an inverted flag": (
        lambda asked: {"items": starts_over(offset(asked)), "isLast": offset(asked) >= 10},
        {"type": "offset", "limit": 5, "has_more_path": "isLast"},
    ),
    "has_more of offset": (
        lambda asked: {"items": starts_over(offset(asked)), "hasMore": offset(asked) < 10},
        {"type": "offset", "limit": 5, "has_more_path": "hasMore"},
    ),
    "the last page again, and a number of pages": (
        lambda asked: {"items": cut((min(page(asked), 3) - 1) * 5), "total_pages": 3},
        {"type": "page_number", "total_path": "total_pages"},
    ),
    "the last page again, and a number of pages that no setting names": (
        lambda asked: {"items": cut((min(page(asked), 3) - 1) * 5), "page": 3, "pages": 3},
        {"type": "page_number"},
    ),
    "the last page again, a total, and a number of pages that counts the page": (
        lambda asked: {"items": cut(min(offset(asked), 10)), "page_count": 5, "total": 12},
        {"type": "offset", "limit": 5},
    ),
    "the first page again, and a number of pages": (
        lambda asked: {"items": starts_over((page(asked) - 1) * 5), "total_pages": 3},
        {"type": "page_number", "total_pages_path": "total_pages"},
    ),
    "the first page again, and a total": (
        lambda asked: {"items": starts_over(offset(asked)), "total": 12},
        {"type": "offset", "limit": 5},
    ),
    "the first page again, after one that says that it is the last": (
        lambda asked: {"items": starts_over(offset(asked)), "has_more": offset(asked) < 10},
        {"type": "offset", "limit": 5},
    ),
    "an empty page in a list whose pages have gaps": (
        lambda asked: {
            "items": ([cut(0, 2), cut(2, 1), cut(3, 2), [], cut(5, 7)] + [[]] * 9)[page(asked) - 1]
        },
        {"type": "page_number"},
    ),
    "a refusal past the end that the total names": (
        lambda asked: {"items": cut(offset(asked)), "total": 12}
        if offset(asked) < 12
        else Reply({"error": "offset out of range"}, status=416),
        {"type": "offset", "limit": 5},
    ),
    "a maximum page": (
        lambda asked: {"items": starts_over((page(asked) - 1) * 5)},
        {"type": "page_number", "maximum_page": 3},
    ),
    "a maximum page, from zero": (
        lambda asked: {"items": starts_over(page(asked) * 5)},
        {"type": "page_number", "base_page": 0, "maximum_page": 3},
    ),
    "a maximum offset": (
        lambda asked: {"items": starts_over(offset(asked))},
        {"type": "offset", "limit": 5, "maximum_offset": 12},
    ),
    "pages after an empty one": (
        lambda asked: {"items": ([cut(0), [], cut(5), cut(10)])[page(asked) - 1], "pages": 4},
        {"type": "page_number", "stop_after_empty_page": False, "maximum_page": 4},
    ),
    "a cursor in a header": (
        lambda asked: Reply(
            cut(int(asked.query.get("token", 0))),
            headers={"NextPageToken": str(int(asked.query.get("token", 0)) + 5)}
            if int(asked.query.get("token", 0)) < 10
            else {},
        ),
        {"type": "header_cursor", "cursor_key": "NextPageToken", "cursor_param": "token"},
    ),
}  # fmt: skip


@pytest.mark.invariant(5)
def test_every_end_of_a_list_brings_all_of_it(line):
    for name, (answer, settings) in PAGES.items():
        run, came = line(answer, paginator(**settings))
        assert (came, run.status) == (ALL, Status.SUCCEEDED), (name, run.error, run.warnings)


def test_a_window_that_no_one_may_see_does_not_end_an_offset_list(line):
    """Its total counts the hidden records, so the run cannot be green."""
    seen = RECORDS[:5] + RECORDS[10:]

    def answer(asked: Any) -> Any:
        return {"items": [r for r in cut(offset(asked)) if r in seen], "total": 12}

    run, came = line(answer, paginator(type="offset", limit=5, total_path="total"))
    assert came == [record["name"] for record in seen]
    assert [warning["code"] for warning in run.warnings] == ["short_read"]


@pytest.mark.invariant(5)
def test_a_list_that_starts_over_and_does_not_say_how_much_there_is_fails_within_one_cycle(
    world, serve
):
    w = world([], rows=[("SMILES", "smiles")])
    for answer in (
        lambda asked: {"items": starts_over((page(asked) - 1) * 5)},
        lambda asked: {"items": [RECORDS[((page(asked) - 1) * 5 + n) % 12] for n in range(5)]},
    ):
        forget()
        registry = serve(answer)
        w.configure(
            **{"API URL": registry.url, "Connector Settings": paginator(type="page_number")}
        )
        run = w.sync()
        assert (run.status, run.error_code) == (Status.FAILED, "page_repeats")
        assert len(registry.asked) <= 5 + MOST_PAGES  # those that were on their way
        assert "total_pages_path" in run.remedy and "maximum_page" in run.remedy


@pytest.mark.invariant(5)
def test_a_page_that_is_announced_and_not_there_is_not_green(line):
    run, came = line(
        lambda asked: {"items": cut(0), "more": True} if page(asked) == 1 else Reply({}, 404),
        paginator(type="page_number", has_more_path="more"),
    )
    assert (run.status, came) == (Status.COMPLETED_WITH_WARNINGS, ALL[:5])
    assert "answered 404" in run.warnings[0]["text"]
    run, came = line(
        lambda asked: {"items": cut(0)} if page(asked) == 1 else Reply({}, 422),
        paginator(type="page_number"),
    )
    assert run.status == Status.FAILED


@pytest.mark.invariant(5)
def test_a_first_page_that_has_others_before_it_is_not_green(line):
    """Pages are counted from 0, and the settings begin with 1."""
    run, came = line(
        lambda asked: {"content": cut(page(asked) * 5), "first": page(asked) == 0},
        paginator(type="page_number"),
    )
    assert (run.status, came) == (Status.COMPLETED_WITH_WARNINGS, ALL[5:])
    assert [warning["code"] for warning in run.warnings] == ["more_said", "page_0_unread"]
    assert all("base_page" in warning["text"] for warning in run.warnings)


@pytest.mark.invariant(5)
def test_fewer_pages_than_the_registry_says_are_not_green(line):
    settings = paginator(type="page_number", total_path="n", has_more_path="more")
    run, came = line(lambda asked: {"items": cut(0), "n": 3, "more": False}, settings)
    assert (run.status, came) == (Status.COMPLETED_WITH_WARNINGS, ALL[:5])
    assert [warning["code"] for warning in run.warnings] == ["more_said"]
    assert "3 pages" in run.warnings[0]["text"]


@pytest.mark.invariant(5)
def test_a_total_that_is_not_there_is_reported(line):
    run, came = line(
        lambda asked: {"items": cut(offset(asked)), "total": 12},
        paginator(type="offset", limit=5, total_path="totl"),
    )
    assert came == ALL
    assert [warning["code"] for warning in run.warnings] == ["total_unseen"]


@pytest.mark.invariant(5)
def test_more_than_the_total_says_is_a_warning(line):
    run, came = line(
        lambda asked: {"items": cut(offset(asked)), "total": 10},
        paginator(type="offset", limit=5, total_path="total"),
    )
    assert came == ALL
    assert [warning["code"] for warning in run.warnings] == ["total_exceeded"]


def test_a_registry_that_announces_more_for_ever_is_bounded(world, serve):
    w = world([], rows=[("SMILES", "smiles")])
    registry = serve(lambda asked: {"items": cut(0) if page(asked) == 1 else [], "more": True})
    settings = paginator(type="page_number", has_more_path="more")
    w.configure(**{"API URL": registry.url, "Connector Settings": settings})
    run = w.sync()
    assert (run.status, run.error_code) == (Status.FAILED, "registry_paging")
    assert "100 pages in a row are empty" in run.error and len(registry.asked) == 101


# -- what counted pages pass over -----------------------------------------------------------------


def window(asked: Any, size: int = 4) -> tuple[int, int]:
    """Return which records a request counts: by page, or by offset and limit."""
    if "page" in asked.query:
        start = (int(asked.query["page"]) - 1) * size
        return start, start + size
    start = int(asked.query.get("offset", 0))
    return start, start + size


COUNTED = (
    paginator(type="page_number"),
    paginator(type="offset", limit=4),
)


@pytest.mark.invariant(1)
def test_windows_of_hidden_records_do_not_end_a_counted_list(line):
    """The registry pages its records first, and then leaves out what the key may not see."""
    for settings in COUNTED:
        for hidden in (range(4, 8), range(0, 4), range(0, 8)):

            def answer(asked: Any, hidden: range = hidden) -> Any:
                start, end = window(asked)
                seen = [r for n, r in enumerate(RECORDS) if start <= n < end and n not in hidden]
                return {"items": seen}

            run, came = line(answer, settings)
            right = [name for n, name in enumerate(ALL) if n not in hidden]
            assert (run.status, came) == (Status.SUCCEEDED, right), (settings, hidden)


@pytest.mark.invariant(1)
def test_an_empty_first_page_of_changes_that_says_more_is_no_end(world: Any, serve: Any) -> None:
    records = [{**record, "at": "2026-01-05T00:00:00Z", "smiles": "C"} for record in RECORDS]

    def answer(asked: Any) -> Any:
        found = [row for row in records if row["at"] >= asked.query.get("since", "")]
        hidden = "since" in asked.query  # a page that the key may not see
        cuts = [found[:0], found] if hidden else [found]
        return {"items": cuts[page(asked) - 1], "has_more": page(asked) < len(cuts)}

    w = world([], rows=[("SMILES", "smiles")])
    asked_by = {"params": {"since": "{incremental.start_value}"},
                "incremental": {"cursor_path": "at", "lag": 0},
                "paginator": {"type": "page_number", "has_more_path": "has_more"}}  # fmt: skip
    w.configure(**{"API URL": serve(answer).url, "Connector Settings": {"endpoint": asked_by}})
    assert w.sync().created == len(RECORDS)
    records[3] |= {"smiles": "CC", "at": "2026-01-06T00:00:00Z"}
    run = w.sync()
    assert (run.status, run.reads_all, run.updated) == (Status.SUCCEEDED, False, 1), run.full_reason


def test_a_person_can_say_that_an_empty_page_ends_the_list(line):
    asked_for: list[Any] = []

    def answer(asked: Any) -> Any:
        asked_for.append(page(asked))
        return {"items": cut((page(asked) - 1) * 4, 4)}

    run, came = line(answer, paginator(type="page_number", stop_after_empty_page=True))
    assert (run.status, came, asked_for) == (Status.SUCCEEDED, ALL, [1, 2, 3, 4, 0])


class Deleting:
    """A counted list from which a record is deleted after some page was read."""

    def __init__(self, after: int, record: int) -> None:
        self.records, self.asked, self.after, self.record = [*RECORDS], 0, after, record

    def answer(self, asked: Any) -> Any:
        start, end = window(asked)
        found = {"items": self.records[start:end]}
        self.asked += 1
        if self.asked == self.after:
            del self.records[self.record]
        return found


@pytest.mark.invariant(1)
def test_a_deletion_before_an_offset_hides_no_record(line):
    for after, record in ((1, 0), (1, 3), (2, 1), (2, 5), (3, 2)):
        run, came = line(Deleting(after, record).answer, paginator(type="offset", limit=4))
        assert set(came) >= set(ALL) - {ALL[record]}, (after, record)
        codes = [warning["code"] for warning in run.warnings]
        assert codes == ["list_moved"], (after, record, codes)
        assert "did not begin where the page before ended" in run.warnings[0]["text"]


@pytest.mark.invariant(1)
def test_a_known_record_that_a_deletion_hides_is_read_again(world, serve):
    """Numbered pages cannot overlap, but what was there before is missed."""
    records = [dict(record, smiles="C") for record in RECORDS]
    listing = Deleting(0, 0)
    listing.records = records
    w = world([], rows=[("SMILES", "smiles")])
    registry = serve(listing.answer)
    w.configure(**{"API URL": registry.url, "Connector Settings": COUNTED[0]})
    assert w.sync().status == Status.SUCCEEDED
    records[8]["smiles"] = "CC"
    listing.after, listing.record = listing.asked + 2, 1
    run = w.sync(kind=SyncRun.Kind.FULL)
    values = {e["name"]: e["SMILES"] for e in w.values().values()}
    assert values[ALL[8]] == "CC"
    assert run.status == Status.SUCCEEDED, "what was deleted came before it was deleted"


def test_servers_that_refuse_an_overlap_are_read_without(line):
    """They round offsets down to whole pages, or take no others."""
    for refuses in (False, True):

        def answer(asked: Any, refuses: bool = refuses) -> Any:
            start = int(asked.query["offset"])
            if refuses and start % 4:
                return Reply({"message": "offset must be a multiple of limit"}, 400)
            return {"items": cut(start // 4 * 4, 4)}

        run, came = line(answer, paginator(type="offset", limit=4))
        assert (run.status, came, run.warnings) == (Status.SUCCEEDED, ALL, []), refuses


@pytest.mark.invariant(5)
def test_a_list_that_moved_by_whole_pages_is_read_again_and_no_loop(world, serve):
    """Four records come in front, so that the second page is the first one again."""
    w = world([], rows=[("SMILES", "smiles")])
    for settings, more in ((COUNTED[0], 4), (COUNTED[1], 4), (COUNTED[0], 5)):
        forget()
        records, asked_for = [*RECORDS], []

        def answer(asked: Any, records: Any = records, asked_for: Any = asked_for,
                   more: int = more) -> Any:  # fmt: skip
            start, end = window(asked)
            found = {"items": records[start:end]}
            asked_for.append(start)
            if len(asked_for) == 1:
                records[:0] = [{"id": f"N-{n}", "name": f"New {n}"} for n in range(more)]
            return found

        w.configure(**{"API URL": serve(answer).url, "Connector Settings": settings})
        run = w.sync()
        assert [warning["code"] for warning in run.warnings] == ["list_moved"], run.error
        came = {e["name"] for e in w.values().values()}
        assert came >= {record["name"] for record in records}


@pytest.mark.invariant(5)
def test_numbered_pages_that_begin_with_0_are_not_green_without_the_first(line: Any) -> None:
    def served(base: int, **more: Any) -> Any:
        """Serve pages from a number on; a lower one is as Python cuts it, or refused."""

        def answer(asked: Any) -> Any:
            number = int(asked.query.get("page", base))
            if number < base and more.get("refused"):
                return Reply({"message": "page must be positive"}, 400)
            clamped = max(number, base) if more.get("clamped") else number
            start = (clamped - base) * 5
            return {"items": RECORDS[start : start + 5], **more.get("said", {})}

        return answer

    settings = {"endpoint": {"paginator": "page_number"}}
    run, came = line(served(0), settings)
    assert (run.status, came) == (Status.COMPLETED_WITH_WARNINGS, ALL[5:])
    [warning] = run.warnings
    assert warning["code"] == "page_0_unread" and '"base_page": 0}' in warning["text"]
    assert "Page 0 has 5 records" in warning["text"] and "K-00, " in warning["text"]
    for answer in (
        served(1), served(1, refused=True), served(1, clamped=True), served(1, said={"total": 12})
    ):  # fmt: skip
        run, came = line(answer, settings)
        assert (run.status, came, run.warnings) == (Status.SUCCEEDED, ALL, [])
    run, came = line(served(0, said={"total": 12}), settings)
    assert [warning["code"] for warning in run.warnings] == ["short_read"]


def test_a_lane_asks_for_page_0_once_and_for_no_details(world: Any, serve: Any) -> None:
    def answer(asked: Any) -> Any:
        if asked.path != "/list":
            return next(record for record in RECORDS if asked.path.endswith(record["id"]))
        number = max(1, int(asked.query["page"]))
        return [{"id": record["id"]} for record in cut(number * 5 - 5)]

    registry = serve(answer)
    w = world([], rows=[])
    paged = {"endpoint": {"paginator": "page_number", "detail": {"path": "/one/{id}"}}}
    w.configure(**{"API URL": registry.url + "/list", "Connector Settings": paged})
    for asked in (1, 0):
        registry.asked.clear()
        assert w.sync(kind=SyncRun.Kind.FULL).status == Status.SUCCEEDED
        assert sum(one.query.get("page") == "0" for one in registry.asked) == asked
        assert sum(one.path != "/list" for one in registry.asked) == len(RECORDS)
