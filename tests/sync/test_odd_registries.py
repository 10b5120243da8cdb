"""Registries that are odd in two ways at once: what is right was decided before they were tried.

Each trial holds that a run is green and true, or that it is not green, says why, and writes
nothing wrong.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.support.environment import FULL, sampled
from tests.support.odd import Asked, Reply
from tests.support.trials import (
    ALL,
    BY_TIME,
    FIELDS,
    ROWS,
    SINCE,
    TRIALS,
    Dated,
    Trial,
    at,
    cut,
    endpoint,
    notes_of,
    now,
    row,
    trial,
)

PARTS = 4 if FULL else 1
RIGHT = notes_of(ALL)


def http_date(**ago: float) -> str:
    return format_datetime(datetime.now(UTC) - timedelta(**ago), usegmt=True)


def is_quiet(asked: Asked) -> bool:
    """Whether changes are requested, and not those since long ago."""
    return asked.query.get("since", "") > "2000"


# -- the next page ---------------------------------------------------------------------------


@trial("two Link headers and a total as text")
def two_link_headers(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        start = at(asked)
        links = {"Link": '</list>; rel="first"', "X-Total-Count": "12"}
        if start + 5 < 12:
            links["LINK"] = f'</list?start={start + 5}>; rel="next"'
        return Reply(cut(start), headers=links)

    t.begin(answer)
    t.green(RIGHT)


@trial("a Link of two relations, and a last page that names an empty one")
def link_of_two_relations(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        start = at(asked)
        link = f'<?start={start + 5}>; REL="Last NEXT"; type="a/b"'
        return Reply(cut(start), headers={"Link": link} if start < 12 else {})

    t.begin(answer)
    t.green(RIGHT)


@trial("a Link header, and days without content")
def link_and_no_content(t: Trial) -> None:
    registry = Dated(12)

    def answer(asked: Asked) -> Any:
        found, start = registry.found(asked), at(asked)
        if not found:
            return Reply(b"", 204)
        more = {"Link": f'</list?start={start + 5}>; rel="next"'} if start + 5 < 12 else {}
        return Reply(found[start : start + 5], headers=more if len(found) > 5 else {})

    t.begin(answer, SINCE)
    t.green(registry.right())
    t.green(registry.right())
    registry.edit(8, note="new")
    t.green(registry.right())


@trial("a total beside the size of a page")
def total_beside_a_size(t: Trial) -> None:
    t.begin(lambda asked: {"items": cut(at(asked)), "paging": {"total": 12, "pageSize": 5}})
    t.told(None, "paginator")


@trial("a flag and a token in an object of their own")
def flag_and_token(t: Trial) -> None:
    t.begin({"data": cut(0), "cursor": {"hasMore": True, "token": "abc"}})
    t.told(None, "paginator")


@trial("the number of pages in a header")
def pages_in_a_header(t: Trial) -> None:
    t.begin(Reply(cut(0), headers={"X-Page-Count": "3"}))
    t.told(None, "paginator")


@trial("more is said among changes alone")
def more_among_changes(t: Trial) -> None:
    registry = Dated(6)
    registry.records = registry.records[:4]

    def answer(asked: Asked) -> Any:
        found = registry.found(asked)
        page = at(asked, "page", 1)
        return {"items": found[page * 5 - 5 : page * 5], "hasMore": len(found) > page * 5}

    t.begin(answer, endpoint(**BY_TIME))
    t.green(registry.right())
    registry.records += [row(n, at=now()) for n in range(5, 13)]
    t.told(None, "paginator")
    paged = {"paginator": {"type": "page_number", "has_more_path": "hasMore"}}
    t.line.world.configure(**endpoint(**BY_TIME, **paged))
    t.green(registry.right())


@trial("an empty first page that names another")
def empty_first_page(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        start = at(asked)
        follows = f"/list?start={start + 5}" if start < 12 else None
        return {"items": cut(start - 5) if start else [], "next": follows}

    t.begin(answer)
    t.green(RIGHT)


@trial("a next page by its number in text, and pages from 0")
def pages_from_zero(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        page = at(asked, "page")
        return {"rows": cut(page * 5), "nextPage": str(page + 1) if page < 2 else ""}

    t.begin(answer)
    t.true(RIGHT)


# -- totals and ends -------------------------------------------------------------------------


@trial("a total that is capped, and a cursor")
def capped_and_cursor(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        start = int(asked.query.get("cursor", "c0")[1:])
        more = {"next_cursor": f"c{start + 5}"} if start + 5 < 12 else {}
        return {"hits": cut(start), "total": {"value": 10, "relation": "gte"}, **more}

    t.begin(answer)
    t.green(RIGHT)


@trial("a total that is too small, by offset")
def too_small_a_total(t: Trial) -> None:
    settings = {"type": "offset", "limit": 5, "total_path": "meta.total"}
    t.begin(
        lambda asked: {"items": cut(at(asked, "offset")), "meta": {"total": 10}},
        endpoint(paginator=settings),
    )
    t.told(RIGHT, "total_exceeded")


@trial("a number of pages that is too small")
def too_few_pages(t: Trial) -> None:
    settings = {"type": "page_number", "total_path": "pages"}
    t.begin(
        lambda asked: {"items": cut(at(asked, "page") * 5 - 5), "pages": 2},
        endpoint(paginator=settings),
    )
    t.true(RIGHT)


@trial("a total that leaves out what is deleted")
def total_without_deleted(t: Trial) -> None:
    gone = {"id": "M-13", "deleted": True}
    t.begin({"items": [*ALL, gone], "total": 12})
    t.kept(RIGHT)


@trial("a total of all beside pages of changes")
def total_of_all(t: Trial) -> None:
    registry = Dated(12)

    def answer(asked: Asked) -> Any:
        found, start = registry.found(asked), at(asked, "offset")
        return {"items": found[start : start + 5], "total": 12}

    settings = {"type": "offset", "limit": 5, "total_path": "total"}
    t.begin(answer, endpoint(**BY_TIME, paginator=settings))
    t.green(registry.right())
    registry.edit(3, note="new")
    t.green(registry.right())
    t.green(registry.right())


@trial("two empty pages in the middle, and a page past the end")
def two_empty_pages(t: Trial) -> None:
    pages = [cut(0), [], [], cut(5), cut(10)]

    def answer(asked: Asked) -> Any:
        page = at(asked, "page")
        if page > len(pages):
            return Reply({"error": f"Page {page} does not exist"}, 404)
        return {"items": pages[page - 1], "has_more": page < len(pages)}

    settings = {"type": "page_number", "has_more_path": "has_more"}
    t.begin(answer, endpoint(paginator=settings))
    t.green(RIGHT)


@trial("an empty page that a link names, in the middle")
def empty_page_by_link(t: Trial) -> None:
    pages = [cut(0), [], cut(5), None, cut(10)]

    def answer(asked: Asked) -> Any:
        page = at(asked, "p")
        more = {"@odata.nextLink": f"list?p={page + 1}"} if page < 4 else {}
        return {"value": pages[page], **more}

    t.begin(answer)
    t.green(RIGHT)


@trial("a cursor in a header, and an empty page")
def header_cursor(t: Trial) -> None:
    pages = [cut(0), [], cut(5), cut(10)]

    def answer(asked: Asked) -> Any:
        page = at(asked, "after")
        more = {"X-Next-Cursor": str(page + 1)} if page < 3 else {}
        return Reply(pages[page], headers=more)

    settings = {"type": "header_cursor", "cursor_key": "X-Next-Cursor", "cursor_param": "after"}
    t.begin(answer, endpoint(paginator=settings))
    t.green(RIGHT)


@trial("hidden records in the middle, and 404 past the end")
def hidden_and_404(t: Trial) -> None:
    seen = ALL[:5] + ALL[10:]

    def answer(asked: Asked) -> Any:
        start = at(asked, "offset")
        if start >= 12:
            return Reply({"detail": "Not found."}, 404)
        return {"items": [one for one in cut(start) if one in seen]}

    t.begin(answer, endpoint(paginator={"type": "offset", "limit": 5}))
    t.green(notes_of(seen))


@trial("pages from 0, and the last one again")
def last_page_again(t: Trial) -> None:
    settings = {"type": "page_number", "base_page": 0, "total_pages_path": "meta.pages"}
    t.begin(
        lambda asked: {"items": cut(min(at(asked, "page"), 2) * 5), "meta": {"pages": 3}},
        endpoint(paginator=settings),
    )
    t.green(RIGHT)


@trial("an offset past the end gives the last records, and a total")
def clamped_offset(t: Trial) -> None:
    t.begin(
        lambda asked: {"items": cut(min(at(asked, "offset"), 7)), "total": "12"},
        endpoint(paginator={"type": "offset", "limit": 5}),
    )
    t.kept(RIGHT)


@trial("past the end a redirect leads to the first page")
def redirect_to_first(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        page = at(asked, "page")
        if page > 3:
            return Reply(b"", 302, headers={"Location": "/list?page=1"})
        return {"items": cut(page * 5 - 5), "total": 12}

    t.begin(answer, endpoint(paginator="page_number"))
    t.green(RIGHT)


@trial("past the end a refusal, and nothing that counts")
def refusal_past_the_end(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        page = at(asked, "page")
        if page > 3:
            return Reply({"error": "page out of range"}, 400)
        return {"items": cut(page * 5 - 5)}

    t.begin(answer, endpoint(paginator="page_number"))
    t.run = t.line.run()
    assert t.field("Note") == RIGHT or "page out of range" in t.words()


# -- empty, absent and gone ------------------------------------------------------------------


@trial("a word for empty with blanks, where absent clears")
def word_with_blanks(t: Trial) -> None:
    records = [row(n, amount=n) for n in (1, 2, 3)]
    t.begin(records, endpoint(empty_values=["N/A"], absent="clear"))
    t.green(notes_of(records))
    records[0]["note"] = " N/A "
    del records[1]["amount"]
    t.green({"M-1": None, "M-2": "n2", "M-3": "n3"})
    assert t.field("Amount") == {"M-1": 1, "M-2": None, "M-3": 3}


@trial("a deleted record whose values are all words for empty")
def deleted_and_false(t: Trial) -> None:
    registry = Dated(4, categ_id=[5, "Buffers"])
    t.begin(registry.answer, endpoint(**BY_TIME, empty_values=[False]))
    t.green(registry.right())
    right = registry.right()
    registry.edit(2, note=False, categ_id=False, deleted=True)
    t.told(right, "withdrawn", kind="full")
    assert t.field("Category") == dict.fromkeys(right, "Buffers")


@trial("a reference that is cleared to false among changes")
def false_reference(t: Trial) -> None:
    registry = Dated(4, categ_id=[5, "Buffers"])
    t.begin(registry.answer, endpoint(**BY_TIME, empty_values=[False]))
    t.green(registry.right())
    registry.edit(2, categ_id=False)
    t.green(registry.right())
    assert t.field("Category")["M-2"] is None and t.field("Category")["M-1"] == "Buffers"


@trial("a date that stands for none")
def date_for_none(t: Trial) -> None:
    records = [row(1, when="0001-01-01T00:00:00Z", day="0000-00-00"), row(2, day="2026-01-05")]
    t.begin(records, endpoint(empty_values=["0001-01-01T00:00:00Z", "0000-00-00"]))
    t.green(notes_of(records))
    assert t.field("Day") == {"M-1": None, "M-2": "2026-01-05"}
    assert t.field("At") == {"M-1": None, "M-2": None}


@trial("a lone record that lacks a key")
def lone_and_absent(t: Trial) -> None:
    records = [row(n) for n in (1, 2, 3)]
    full: Any = {"molecules": {"molecule": records}}
    lone: Any = {"molecules": {"molecule": {"id": "M-2", "name": "Mol 2", "categ_id": [1, "x"]}}}
    config = {**SINCE, **endpoint(absent="clear", data_selector="molecules.molecule")}
    t.begin(lambda asked: lone if is_quiet(asked) else full, config)
    t.green(notes_of(records))
    t.green({"M-1": "n1", "M-2": None, "M-3": "n3"})


@trial("a lone record that is deleted")
def lone_and_deleted(t: Trial) -> None:
    records = [row(n) for n in (1, 2, 3)]
    full: Any = {"molecules": {"molecule": records}}
    lone: Any = {"molecules": {"molecule": {"id": "M-2", "status": "removed", "note": None}}}
    config = {**SINCE, **endpoint(data_selector="molecules.molecule", absent="clear")}
    t.begin(lambda asked: lone if is_quiet(asked) else full, config)
    t.green(notes_of(records))
    t.kept(notes_of(records))


@trial("a list of one on the first day, and two on the next")
def one_then_two(t: Trial) -> None:
    t.begin({"items": row(1), "count": 1})
    t.told({}, '{"data_selector": "items"}')
    t.line.world.configure(**endpoint(data_selector="items"))
    t.green({"M-1": "n1"})
    t.green({"M-1": "n1", "M-2": "n2"}, {"items": [row(1), row(2)], "count": 2})


@trial("a lone record with a list in it")
def lone_with_a_list(t: Trial) -> None:
    batches = [{"id": "B-1", "name": "Batch", "note": "wrong"}]
    full: Any = {"items": [row(n, batches=batches) for n in (1, 2)]}
    lone: Any = {"items": row(2, note="new", batches=batches)}
    t.begin(lambda asked: lone if is_quiet(asked) else full, SINCE)
    t.green({"M-1": "n1", "M-2": "n2"})
    t.green({"M-1": "n1", "M-2": "new"})


NOTHING: dict[str, Any] = {
    "an object": {"items": {}},
    "text": {"items": ""},
    "false": {"items": False},
    "a count": {"count": 0},
    "brackets in text": {"items": "[]"},
    "null, a total and a page": {"items": None, "total": 0, "page": 1, "pages": 0},
    "zero": {"items": 0},
    "a code of success": {"code": 0, "message": "OK", "data": None},
}


def nothing(t: Trial, quiet: Any) -> None:
    full = {"items": cut(0), "projects": [{"id": "P-1", "name": "Alpha", "note": "x"}]}
    t.begin(lambda asked: quiet if is_quiet(asked) else full, SINCE)
    t.green(notes_of(cut(0)))
    t.kept(notes_of(cut(0)))
    t.green(notes_of(cut(0)), {"items": cut(0)}, kind="full")


for word, quiet in NOTHING.items():
    trial(f"a quiet day as {word}")(lambda t, quiet=quiet: nothing(t, quiet))


@trial("a quiet day as a list of null, or of an empty object")
def list_of_null(t: Trial) -> None:
    quiet: Any = {}
    full = {"items": cut(0)}
    t.begin(lambda asked: quiet if is_quiet(asked) else full, SINCE)
    t.green(notes_of(cut(0)))
    for nothing in (None, {}, []):
        quiet["items"] = [nothing]
        t.told(notes_of(cut(0)))
        t.green(notes_of(cut(0)), kind="full")


@trial("a quiet day that says that the list is not found")
def list_not_found(t: Trial) -> None:
    quiet = Reply({"message": "Resource not found"}, 404)
    t.begin(lambda asked: quiet if is_quiet(asked) else {"items": cut(0)}, SINCE)
    t.green(notes_of(cut(0)))
    t.told(notes_of(cut(0)), "404")


@trial("a quiet day from XML, with a count of 0")
def xml_of_none(t: Trial) -> None:
    full = {"compounds": {"@count": "5", "compound": cut(0)}}
    quiet = {"compounds": {"@count": "0"}}
    t.begin(lambda asked: quiet if is_quiet(asked) else full, SINCE)
    t.green(notes_of(cut(0)))
    t.green(notes_of(cut(0)))


@trial("null and absent on one day")
def null_and_absent(t: Trial) -> None:
    registry = Dated(3, categ_id=[5, "Buffers"])
    t.begin(registry.answer, endpoint(**BY_TIME))
    t.rules(Category={"rule": "empty", "absent": "clear"})
    t.green(registry.right())
    registry.edit(1, note=None)
    registry.edit(2)
    del registry.records[1]["categ_id"]
    t.green({"M-1": None, "M-2": "n2", "M-3": "n3"})
    assert t.field("Category") == {"M-1": "Buffers", "M-2": None, "M-3": "Buffers"}


# -- other lists -----------------------------------------------------------------------------


@trial("tags within meta on a quiet day")
def tags_in_meta(t: Trial) -> None:
    quiet = {"meta": {"tags": [{"id": "T-1", "name": "tag", "note": "x"}]}}
    t.begin(lambda asked: quiet if is_quiet(asked) else {"items": cut(0)}, SINCE)
    t.green(notes_of(cut(0)))
    t.green(notes_of(cut(0)))


@trial("the same records in part, elsewhere, on a quiet day")
def same_in_part(t: Trial) -> None:
    seen = [{"id": "M-1", "name": "Mol 1", "note": None}]
    quiet = {"items": None, "recentlyViewed": seen}
    t.begin(lambda asked: quiet if is_quiet(asked) else {"items": cut(0)}, SINCE)
    t.green(notes_of(cut(0)))
    t.green(notes_of(cut(0)))
    t.green(notes_of(cut(0)))


@trial("another list beside the place of the records")
def sibling_list(t: Trial) -> None:
    quiet = {"data": {"projects": [{"id": "P-1", "name": "Alpha", "note": "x"}]}}
    full = {"data": {"compounds": cut(0), **quiet["data"]}}
    t.begin(
        lambda asked: quiet if is_quiet(asked) else full,
        {**SINCE, **endpoint(data_selector="data.compounds")},
    )
    t.green(notes_of(cut(0)))
    t.green(notes_of(cut(0)))


@trial("two lists on the first day")
def two_lists(t: Trial) -> None:
    samples = [{"id": f"S-{n}", "name": f"Sample {n}", "note": "s"} for n in (1, 2)]
    t.begin({"compounds": cut(0), "samples": samples})
    t.told({}, "data_selector")
    t.line.world.configure(**endpoint(data_selector="compounds"))
    t.green(notes_of(cut(0)))


# -- times and clocks ------------------------------------------------------------------------


TIMES = {
    "2026-01-05T12:30Z": "2026-01-05T12:30:00Z",
    "2026-01-05 12:30:12 Z": None,
    "05.01.2026 12:30": None,
    "2026-02-30T12:00:00Z": None,
    "2026-01-05T12:30:12 PM": None,
    "2026-01-05T12:30:12.123456789Z": "2026-01-05T12:30:12.123456Z",
    "2026-1-5T1:2:3Z": None,
    "Jan 5 2026 12:30": None,
}


@trial("times in other writings")
def odd_times(t: Trial) -> None:
    records = [row(n, when=text) for n, text in enumerate(TIMES, 1)]
    t.begin(records)
    t.told(None, "date")
    right = {f"M-{n}": time for n, time in enumerate(TIMES.values(), 1) if time}
    assert t.field("At") == right, t.field("At")


@trial("a day with a time of another zone")
def day_of_another_zone(t: Trial) -> None:
    t.begin([row(1, day="2026-01-05T23:30:00-05:00"), row(2, day="2026-01-05T00:00:00")])
    t.told({"M-2": "n2"}, "M-1")
    assert t.field("Day") == {"M-2": "2026-01-05"}


@trial("a cursor in words, and an edit")
def cursor_in_words(t: Trial) -> None:
    registry = Dated(5)
    for record in registry.records:
        record["at"] = "5 January 2026, noon"
    registry.is_later = lambda record, since: False  # type: ignore[method-assign]
    t.begin(registry.answer, endpoint(**BY_TIME))
    t.told(registry.right(), "5 January 2026, noon")
    registry.records[1] |= {"note": "new"}
    t.kept(registry.right())


@trial("seconds as text at the cursor, and a list that moves")
def seconds_as_text(t: Trial) -> None:
    registry, asked_for = Dated(8), []
    for n, record in enumerate(registry.records):
        record["at"] = str(1767616212 + n)
    registry.is_later = lambda r, since: float(r["at"]) >= float(since)  # type: ignore[method-assign]

    def answer(asked: Asked) -> Any:
        found = sorted(registry.found(asked), key=lambda record: str(record["at"]))
        start = at(asked, "offset")
        asked_for.append(start)
        page = found[start : start + 3]
        if len(asked_for) == 1:  # the first record moves to the end, behind the next page
            registry.records[0] |= {"at": f"{datetime.now(UTC).timestamp():.0f}", "note": "new"}
        return {"items": page}

    terms = {**BY_TIME["incremental"], "datetime_format": "epoch"}
    settings = {**BY_TIME, "incremental": terms, "paginator": {"type": "offset", "limit": 3}}
    t.begin(answer, endpoint(**settings))
    t.kept(registry.right() | {"M-1": "new"})
    t.kept(registry.right())


@trial("a date rule whose weekday is wrong, and one of another unit")
def wrong_weekday(t: Trial) -> None:
    t.begin([
        row(1, when="Tue, 05 Jan 2026 12:30:12 +0100", day="1767571200"),
        row(2, when="Mon, 05 Jan 2026 12:30:12 +0100", day="1767571200"),
        row(3, when=None, day="1767571200000"),
    ])  # fmt: skip
    t.rules(At={"rule": "date", "format": "%a, %d %b %Y %H:%M:%S %z"},
            Day={"rule": "date", "format": "epoch"})  # fmt: skip
    t.told({"M-2": "n2"}, "M-1", "M-3")
    assert t.field("At") == {"M-2": "2026-01-05T11:30:12Z"}
    assert t.field("Day") == {"M-2": "2026-01-05"}


@trial("a date rule with an offset, of a time in UTC")
def offset_of_utc(t: Trial) -> None:
    t.begin([row(1, when="2026-01-05T12:30:12Z", day="2026-01-04T23:00:00Z")])
    t.rules(At={"rule": "date", "format": "%Y-%m-%dT%H:%M:%S%z"},
            Day={"rule": "date", "format": "%Y-%m-%dT%H:%M:%S%z",
                 "timezone": "Europe/Berlin"})  # fmt: skip
    t.green({"M-1": "n1"})
    assert t.field("At") == {"M-1": "2026-01-05T12:30:12Z"}
    assert t.field("Day") == {"M-1": "2026-01-05"}


@trial("an epoch in a date of another zone")
def epoch_in_a_zone(t: Trial) -> None:
    t.begin([row(1, day=1767571200), row(2, day=1767589200)])  # midnights in UTC, in New York
    t.rules(Day={"rule": "date", "format": "epoch", "timezone": "America/New_York"})
    t.told({"M-2": "n2"}, "M-1")
    assert t.field("Day") == {"M-2": "2026-01-05"}


DATES: dict[str, Any] = {
    "three days old, with an Age": lambda: {"Date": http_date(days=3), "Age": "259200"},
    "in another writing": lambda: {"Date": now()},
    "a day ahead": lambda: {"Date": http_date(days=-1)},
    "of 1970": lambda: {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"},
}


def edited_by_date(t: Trial, headers: Any) -> None:
    """An edit arrives, whatever the clock of the answers says."""
    registry = Dated(5)
    t.begin(lambda asked: Reply(registry.answer(asked), headers=headers()), SINCE)
    t.kept(registry.right())
    registry.edit(2, note="new")
    t.kept(registry.right())
    registry.edit(3, note="newer")
    t.kept(registry.right())


for word, headers in DATES.items():
    trial(f"a Date that is {word}")(lambda t, headers=headers: edited_by_date(t, headers))


@trial("a record of the far future, and clocks that are ahead")
def future_and_ahead(t: Trial) -> None:
    registry = Dated(5)
    registry.records[4]["at"] = "9999-12-31T00:00:00Z"
    t.begin(
        lambda asked: Reply(registry.answer(asked), headers={"Date": http_date(days=-1)}),
        endpoint(**BY_TIME),
    )
    t.told(registry.right(), "M-5")
    registry.edit(2, note="new")
    t.kept(registry.right())


@trial("a filter that is ignored, and pages")
def ignored_filter(t: Trial) -> None:
    records = [row(n, at=f"2026-01-05T00:00:{n:02}Z") for n in range(1, 13)]

    def answer(asked: Asked) -> Any:
        start = at(asked)
        link = f"/list?start={start + 5}" if start + 5 < 12 else None
        return {"items": records[start : start + 5], "next": link}

    t.begin(answer, endpoint(**BY_TIME))
    t.green(notes_of(records))
    records[10] |= {"note": "new", "at": now()}
    t.kept(notes_of(records))
    assert t.run.reads_all


@trial("a filter that gives one record, whatever it is asked")
def one_whatever(t: Trial) -> None:
    registry = Dated(6)
    registry.is_later = lambda r, since: r["id"] == "M-4"  # type: ignore[method-assign]
    t.begin(registry.answer, SINCE)
    t.green(registry.right())
    registry.edit(2, note="new")
    t.true(registry.right())


@trial("a filter that gives one record without a time, and a cursor")
def one_without_a_time(t: Trial) -> None:
    registry = Dated(6)
    registry.records[3]["at"] = None
    registry.is_later = lambda r, since: r["id"] == "M-4"  # type: ignore[method-assign]
    t.begin(registry.answer, endpoint(**BY_TIME))
    t.run = t.line.run()
    registry.edit(2, note="new")
    t.kept(registry.right())


@trial("records without a time come each time")
def without_a_time(t: Trial) -> None:
    registry = Dated(6)
    registry.records[3]["at"] = None
    registry.is_later = lambda r, since: r["at"] is None or r["at"] >= since  # type: ignore[method-assign]
    t.begin(registry.answer, endpoint(**BY_TIME))
    t.kept(registry.right())
    registry.records[3]["note"] = "new"
    t.kept(registry.right())


# -- texts and types -------------------------------------------------------------------------


@trial("half of a pair of characters, on the second page")
def lone_surrogate(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        if at(asked):
            return Reply(
                rb'{"items": [{"id": "M-6", "name": "Mol 6", "note": "\ud800"}], "next": null}'
            )
        return {"items": cut(0), "next": "/list?start=5"}

    t.begin(answer)
    t.told(notes_of(cut(0)), "M-6")


@trial("Windows' characters, as the header says")
def windows_1252(t: Trial) -> None:
    body = '[{"id": "M-1", "name": "Mol 1", "note": "5 µm – “é”"}]'.encode("cp1252")
    t.begin(Reply(body, kind="text/html; charset=windows-1252"))
    t.green({"M-1": "5 µm – “é”"})


@trial("a comma too many")
def comma_too_many(t: Trial) -> None:
    t.begin(Reply(b'[{"id": "M-1", "name": "Mol 1", "note": "n1"},]'))
    t.true({"M-1": "n1"})


@trial("a number beyond all bounds, and no content type")
def number_beyond(t: Trial) -> None:
    body = (b'[{"id":"M-1","name":"Mol 1","note":"n1","amount":1e400},'
            b'{"id":"M-2","name":"Mol 2","note":"n2","amount":2.0}]')  # fmt: skip
    t.begin(Reply(body, kind=""))
    t.told({"M-2": "n2"}, "M-1")
    assert t.field("Amount") == {"M-2": 2}


@trial("no number at the cursor")
def nan_at_the_cursor(t: Trial) -> None:
    body = (b'{"items":[{"id":"M-1","name":"Mol 1","note":"n1","at":NaN},'
            b'{"id":"M-2","name":"Mol 2","note":"n2","at":"2026-01-05T00:00:00Z"}]}')  # fmt: skip
    t.begin(Reply(body), endpoint(**BY_TIME))
    t.told(None, "M-1")
    assert t.field("Note")["M-2"] == "n2"


@trial("a guard before the JSON")
def guard_before(t: Trial) -> None:
    t.begin(Reply(b")]}',\n" + b'[{"id": "M-1", "name": "Mol 1", "note": "n1"}]'))
    t.true({"M-1": "n1"})


@trial("a record on each line")
def record_on_each_line(t: Trial) -> None:
    lines = b"\n".join(json.dumps(row(n)).encode() for n in (1, 2))
    t.begin(Reply(lines))
    t.true({"M-1": "n1", "M-2": "n2"})


# -- keys, refusals and words ----------------------------------------------------------------


def by_token(t: Trial, token: Any, answer: Any) -> None:
    def both(asked: Asked) -> Any:
        return token(asked) if asked.path == "/token" else answer(asked)

    auth = {"type": "oauth2_client_credentials", "client_id": "app",
            "access_token_url": f"{t.line.odd.url}/token"}  # fmt: skip
    t.begin(both, {"Connector Settings": {"client": {"auth": auth}}})


@trial("a token as a form, which ends between two pages")
def token_as_a_form(t: Trial) -> None:
    given: list[str] = []

    def token(asked: Asked) -> Any:
        given.append(f"t{len(given) + 1}")
        return Reply(f"access_token={given[-1]}&token_type=bearer".encode(),
                     kind="application/x-www-form-urlencoded")  # fmt: skip

    def answer(asked: Asked) -> Any:
        start = at(asked)
        wanted = "t1" if not start else "t2"
        if asked.headers.get("Authorization") != f"Bearer {wanted}":
            return Reply({"message": "token expired"}, 401)
        return {"items": cut(start), "next": f"/list?start={start + 5}" if start < 10 else None}

    by_token(t, token, answer)
    t.green(RIGHT)


@trial("a token service that says an error in a 200")
def error_for_a_token(t: Trial) -> None:
    by_token(
        t,
        lambda asked: {"error": "invalid_scope", "error_description": "no such scope"},
        lambda asked: {"items": ALL},
    )
    t.told({}, "no such scope")
    assert t.line.world.registry.token not in t.words()


@trial("an answer that is not packed, though it says so")
def not_packed(t: Trial) -> None:
    t.begin(Reply(b'{"items": []}', headers={"Content-Encoding": "gzip"}))
    t.told({}, "Content-Encoding")


@trial("a failure with its cause in JSON, after a good day")
def cause_in_json(t: Trial) -> None:
    t.begin({"items": cut(0)})
    t.green(notes_of(cut(0)))
    t.told(notes_of(cut(0)), "store is down", days=Reply({"message": "store is down"}, 500))
    t.green(notes_of(cut(0)), {"items": cut(0)})


@trial("429 without a time to wait, once")
def too_many_once(t: Trial) -> None:
    answers = [Reply({"message": "slow down"}, 429)]
    t.begin(lambda asked: answers.pop() if answers else {"items": cut(0)})
    t.green(notes_of(cut(0)))


@trial("a page that sends people to sign in, between two pages")
def sign_in_between(t: Trial) -> None:
    page = Reply(b"<html><form>Please sign in</form></html>", kind="text/html")
    t.begin(lambda asked: page if at(asked) else {"items": cut(0), "next": "/list?start=5"})
    t.told(None, "login")


# -- actions ---------------------------------------------------------------------------------


@trial("an ignored error beside records, on the second page")
def ignored_beside_records(t: Trial) -> None:
    def answer(asked: Asked) -> Any:
        page = at(asked, "page")
        error = {"error": "partly"} if page == 2 else {}
        return {"items": cut(page * 5 - 5), **error}

    action = {"error_path": "error", "action": "ignore"}
    t.begin(answer, endpoint(paginator="page_number", response_actions=[action]))
    t.kept(RIGHT)


@trial("an ignored text that is in a record")
def ignored_text(t: Trial) -> None:
    records = [row(1, note="solvent not found"), row(2)]
    action = {"status_code": 200, "content": "not found", "action": "ignore"}
    t.begin(records, endpoint(response_actions=[action]))
    t.told({}, "ignored_records")


@trial("an ignored 404 of a wrong address")
def ignored_404(t: Trial) -> None:
    action = {"status_code": 404, "action": "ignore"}
    t.begin(Reply({"detail": "no route"}, 404), endpoint(response_actions=[action]))
    t.told({}, "nothing_read")


# -- numbers, ids and flags that are nearly right ---------------------------------------------


@trial("a smaller page than was asked for, by offset")
def smaller_page(t: Trial) -> None:
    t.begin(
        lambda asked: {"items": cut(at(asked, "offset"))},
        endpoint(paginator={"type": "offset", "limit": 100}),
    )
    t.true(RIGHT)


@trial("a smaller page than was asked for, by number")
def smaller_page_by_number(t: Trial) -> None:
    settings = {"type": "page_number", "page_size_param": "size", "limit": 100}
    t.begin(
        lambda asked: {"items": cut(at(asked, "page") * 5 - 5), "size": 5},
        endpoint(paginator=settings),
    )
    t.true(RIGHT)


@trial("an offset that counts pages")
def offset_of_pages(t: Trial) -> None:
    t.begin(
        lambda asked: {"items": cut(at(asked, "offset") * 5)},
        endpoint(paginator={"type": "offset", "limit": 5}),
    )
    t.true(RIGHT)


@trial("an offset that counts pages, beside the number of all")
def offset_of_pages_and_total(t: Trial) -> None:
    t.begin(
        lambda asked: {"items": cut(at(asked, "offset") * 5), "found": 12},
        endpoint(paginator={"type": "offset", "limit": 5}),
    )
    t.true(RIGHT)


@trial("pages from 0, read from 1, among changes")
def changes_from_page_1(t: Trial) -> None:
    registry = Dated(12)

    def answer(asked: Asked) -> Any:
        base = 0 if "since" in asked.query else 1
        start = (at(asked, "page", base) - base) * 5
        return {"items": registry.found(asked)[start : start + 5] if start >= 0 else []}

    t.begin(answer, endpoint(**BY_TIME, paginator="page_number"))
    t.kept(registry.right())
    registry.edit(3, note="new")
    t.true(registry.right())


@trial("an id as a number and as text")
def number_and_text(t: Trial) -> None:
    t.begin([row(1) | {"id": 1}, row(2) | {"id": "1"}, row(3)])
    t.told({"M-3": "n3"}, "id_twice")


@trial("ids that differ by a blank, or by case")
def ids_alike(t: Trial) -> None:
    t.begin([row(1), row(2) | {"id": "M-1 "}, row(3) | {"id": "m-1"}, row(4)])
    t.told(None, "M-1")
    assert t.field("Note")["M-4"] == "n4"


@trial("marks of deletion that say no")
def marks_that_say_no(t: Trial) -> None:
    nos = ("false", 0, None, "", "N", {"value": False}, "0000-00-00")
    records = [row(n, deleted=no) for n, no in enumerate(nos, 1)]
    records += [row(8, deleted_at="9999-12-31T00:00:00Z"), row(9, status="not deleted")]
    t.begin(records)
    t.green(notes_of(records))
    records[0]["note"] = None
    t.green(notes_of(records))


@trial("seconds with a fraction at the cursor")
def seconds_with_a_fraction(t: Trial) -> None:
    registry = Dated(6)
    for n, record in enumerate(registry.records):
        record["at"] = 1767616212.25 + n
    registry.is_later = lambda r, since: r["at"] >= float(since)  # type: ignore[method-assign]
    terms = {**BY_TIME["incremental"], "datetime_format": "epoch"}
    t.begin(registry.answer, endpoint(**BY_TIME | {"incremental": terms}))
    t.green(registry.right())
    registry.edit(2, note="new")
    registry.records[1]["at"] = datetime.now(UTC).timestamp() - 1
    t.green(registry.right())
    assert not t.run.reads_all
    registry.records[4] |= {"note": "newer", "at": registry.records[1]["at"] + 0.5}
    t.green(registry.right())


@trial("206 without a range")
def partial_content(t: Trial) -> None:
    t.begin(Reply({"items": cut(0)}, 206))
    t.told(None, "206")


TOTALS: tuple[Any, ...] = (-1, None, "unknown", "", {}, "n/a", True)


@trial("totals that are none")
def totals_that_are_none(t: Trial) -> None:
    for total in TOTALS:

        def answer(asked: Asked, total: Any = total) -> Any:
            start = at(asked)
            link = f"/list?start={start + 5}" if start < 10 else None
            return {"items": cut(start), "next": link, "total": total}

        t.begin(answer)
        t.green(RIGHT)


@trial("flags as words")
def flags_as_words(t: Trial) -> None:
    for no in ("false", 0, "0", "no", "N", "False"):
        t.begin({"items": cut(0, 4), "hasMore": no})
        t.green(notes_of(cut(0, 4)))
    for yes in ("true", 1, "1", "yes", "Y", "True"):
        t.begin({"items": cut(0, 4), "hasMore": yes})
        t.told(None, "hasMore")


@trial("a list within a text")
def list_within_text(t: Trial) -> None:
    t.begin({"d": json.dumps(ALL)})
    t.told({})


@trial("records by their ids")
def records_by_id(t: Trial) -> None:
    t.begin({one["id"]: {k: v for k, v in one.items() if k != "id"} for one in cut(0)})
    t.true(notes_of(cut(0)))


@trial("304 on a quiet day, and on a full read")
def not_modified(t: Trial) -> None:
    registry = Dated(5)
    answers: dict[str, Any] = {}
    t.begin(lambda asked: answers.get("now") or registry.answer(asked), SINCE)
    t.green(registry.right())
    answers["now"] = Reply(b"", 304)
    t.kept(registry.right())
    right = registry.right()
    registry.edit(2, note="new")
    t.kept(right, kind="full")
    assert not t.line.is_green(t.run)
    answers.clear()
    t.kept(registry.right())


@trial("fewer than the total, and null for the next page")
def fewer_than_the_total(t: Trial) -> None:
    t.begin({"items": cut(0), "next": None, "total": 12})
    t.told(notes_of(cut(0)), "12")


@trial("a total of another kind of list")
def total_of_another(t: Trial) -> None:
    t.begin({"items": cut(0), "projects": {"total": 12, "items": []}})
    t.kept(notes_of(cut(0)))


@trial("changes beside the id of what was deleted")
def changes_and_deleted_ids(t: Trial) -> None:
    registry = Dated(5)

    def answer(asked: Asked) -> Any:
        return {"items": registry.found(asked), "deleted": ["M-4"] if is_quiet(asked) else []}

    t.begin(answer, endpoint(**BY_TIME))
    t.green(registry.right())
    registry.edit(2, note="new")
    t.kept(registry.right())


@trial("a record that comes twice, in two forms, on two pages")
def two_forms(t: Trial) -> None:
    short = {"id": "M-1", "name": "Mol 1"}

    def answer(asked: Asked) -> Any:
        if at(asked):
            return {"items": [*cut(5, 4), short], "next": None}
        return {"items": cut(0), "next": "/list?start=5"}

    t.begin(answer, endpoint(absent="clear"))
    t.told(None, "M-1")
    assert t.field("Note").get("M-1") in ("n1", None)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.invariant(5)
def test_what_is_odd_in_two_ways_is_read_right_or_not_green(one_line: Any, part: int) -> None:
    line = one_line(FIELDS, ROWS)
    for name in sampled(TRIALS, "odd", 12)[part::PARTS]:
        print(f"-- {name}")
        TRIALS[name](Trial(line, name))
