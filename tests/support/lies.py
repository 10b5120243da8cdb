"""How a registry may lie: its shapes, pagings, totals, clocks, times, empties, edits and faults.

`registries()` is a hypothesis strategy of `Lies`. What no reader could notice is left out: an edit
without a new time, a record that comes for the first time and is hidden by a deletion between two
counted pages without a total, and a page of a list that goes on without a word and without a size
that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]


@dataclass(frozen=True)
class Paging:
    """How a next page is named: `said` at `at` (in a header, where `at` ends with a colon).

    `param` is what the registry reads, `right` the paginator that reads it rightly.
    """

    name: str
    said: str  # url, relative, token, flag, inverted, pages, number, nothing
    at: str = ""
    param: str = "start"
    right: Any = "auto"
    also: str = ""
    """A page count, where a page's number is at `at`."""

    @property
    def in_header(self) -> bool:
        return self.at.endswith(":")

    def __repr__(self) -> str:
        return self.name


def _link(at: str, said: str = "url") -> Paging:
    path = {"links[rel]": "links[?rel=='next'].href"}.get(at, at)
    path = f'"{at}"' if at.startswith("@") else path
    return Paging(f"link {at} {said}", said, at, right={"type": "json_link", "next_url_path": path})


def _token(at: str, param: str) -> Paging:
    right = {"type": "cursor", "cursor_path": at, "cursor_param": param}
    return Paging(f"token {at}", "token", at, param, right)


def _number(at: str, said: str, also: str = "", **right: Any) -> Paging:
    settings = {"type": "page_number", **right} if right else "page_number"
    return Paging(f"page {at or 'silent'}", said, at, "page", settings, also)


OFFSET = {"type": "offset", "limit": 3, "limit_param": "limit", "offset_param": "start"}
HEADER_LINKS = ("Link:", "Link;quoted:", "Link;last:", "Link;matrix:")
PAGINGS = (
    _link("next"), _link("next", "relative"), _link("links.next"), _link("paging.next"),
    _link("pagination.next_url"), _link("@odata.nextLink"), _link("nextLink"),
    _link("nextRecordsUrl", "relative"), _link("next_page.uri"), _link("_links.next.href"),
    _link("links[rel]"),
    *(Paging(f"header {at}", "url", at, right="header_link") for at in HEADER_LINKS),
    Paging("header Next-Page:", "url", "Next-Page:"),
    _token("nextPageToken", "pageToken"), _token("next_cursor", "cursor"),
    _token("meta.next_cursor", "cursor"), _token("response_metadata.next_cursor", "cursor"),
    _token("offset", "offset"), _token("bookmark", "bookmark"),
    _token("paging.next.after", "after"),
    _number("has_more", "flag", has_more_path="has_more"),
    _number("hasMore", "flag", has_more_path="hasMore"),
    _number("meta.more", "flag", has_more_path="meta.more"),
    _number("last", "inverted", has_more_path="last"),
    _number("isLast", "inverted", has_more_path="isLast"),
    _number("meta.current_page", "pages", "meta.last_page", total_path="meta.last_page"),
    _number("page", "pages", "pages", total_pages_path="pages"),
    _number("X-Page:", "pages", "X-Total-Pages:"),
    _number("X-Next-Page:", "number"), _number("next_page", "number"),
    _number("", "nothing"),
    Paging("offset flag", "flag", "hasMore", "start", {**OFFSET, "has_more_path": "hasMore"}),
    Paging("offset silent", "nothing", "", "start", OFFSET),
)  # fmt: skip


@dataclass(frozen=True)
class Lies:
    """One registry, and what happens to it."""

    records: int = 5
    size: int = 3
    # where the records lie
    at: str = "items"  # "" is the body itself
    selected: bool = False
    side: str = ""
    empty: str = "list"  # list, null, missing, braces, nothing, 204
    lone: bool = False
    # pages
    paging: Paging = PAGINGS[0]
    settings: str = "none"  # none, right, misspelt
    end: str = "empty"  # what is past the end: empty, 404, last, restart
    trail: str = "null"  # what the last page says of the next: null, missing, text, page
    hole: bool = False
    # totals
    total: str = "none"  # none, right, page, capped, more
    total_at: str = "total"
    # time
    asks: str = "none"  # none, param, cursor
    lag: int | None = None
    filter: str = "right"  # right, exclusive, days, ignored, nothing
    misread: str = "nothing"  # a since that it cannot read gives: nothing, everything, 400
    format: str = "Z"  # Z, offset, naive, space, compact, epoch, epoch_ms, day
    zone: int = 0
    told: bool = True
    date: int | None = 0  # minutes that its Date is ahead; None: no Date
    skew: int = 0  # minutes that its own clock is ahead
    order: str = "id"  # id, time, -time
    keyset: bool = False
    # values
    cleared: str = "null"  # null, text, absent, false
    cured: bool = False
    # what happens: before the second and third run, and while a run reads a page
    edits: tuple[tuple[tuple[str, int], ...], ...] = ((("edit", 0), ("clear", 3)), (("add", 0),))
    move: tuple[int, int, str, int] | None = None  # run, page, edit, add or delete, record
    fault: str = "none"
    fault_at: tuple[int, int] = (0, 1)

    def connector(self) -> Json:
        """Return the Connector Settings of a person who knows this registry, or does not."""
        endpoint: Json = {}
        if self.selected:
            endpoint["data_selector"] = self.at
        if self.settings != "none":
            endpoint["paginator"] = self._paginator()
        if self.asks == "cursor":
            endpoint["params"] = {"since": "{incremental.start_value}"}
            endpoint["incremental"] = self._terms()
        if self.cured:
            endpoint |= {"absent": "clear"} if self.cleared == "absent" else {}
            endpoint |= {"empty_values": [False]} if self.cleared == "false" else {}
        return {"endpoint": endpoint} if endpoint else {}

    def _paginator(self) -> Any:
        right = self.paging.right
        if self.settings == "right" or isinstance(right, str):
            return right
        name = next(
            (n for n in ("next_url_path", "cursor_path", "has_more_path") if n in right), ""
        )
        return {**right, name: "meta.nxt"} if name else right

    def _terms(self) -> Json:
        terms: Json = {"cursor_path": "changed"}
        if self.lag is not None:
            terms["lag"] = self.lag
        if self.filter == "days" or self.format == "day":
            terms["granularity"] = "day"
        formats = {"epoch": "epoch", "epoch_ms": "epoch_ms", "compact": "%Y%m%d%H%M%SZ",
                   "space": "%Y-%m-%d %H:%M:%S", "day": "%Y-%m-%d"}  # fmt: skip
        if self.told and self.format in formats:
            terms["datetime_format"] = formats[self.format]
        if self.told and self.zone and self.format in ("naive", "space", "day"):
            terms["timezone"] = f"Etc/GMT{-self.zone:+d}"
        return terms

    @property
    def _followed(self) -> bool:
        """Whether an address is named that needs no setting."""
        return self.settings == "none" and self.paging.said in ("url", "relative")

    @property
    def deletes(self) -> bool:
        """Whether a record is deleted, which a read of everything tells."""
        happens = [what for edits in self.edits for what, _ in edits]
        return "delete" in happens or (self.move is not None and self.move[2] == "delete")

    @property
    def hides(self) -> bool:
        """Whether a record is deleted between counted pages that nothing shows to have moved.

        What comes for the first time is then passed over without a sign: in the first run, after an
        addition, and where a fault may have ended the run before.
        """
        if self.move is None or self.move[2] != "delete" or self.keyset or self.total == "right":
            return False
        overlaps = self.paging.name.startswith("offset") and self.settings == "right"
        new = any(what == "add" for edits in self.edits[: self.move[0]] for what, _ in edits)
        failed = self.fault != "none" and self.fault_at[0] < self.move[0]
        return not overlaps and (self.move[0] == 0 or new or failed)

    @property
    def honest(self) -> bool:
        """Whether a person set all that is needed, and nothing speaks against a green run."""
        return (
            (self.settings == "right" or self._followed) and self.told
            and self.fault == "none" and self.move is None
            and self.total in ("none", "right") and self.filter in ("right", "days")
            and self.date is not None and -5 < self.date < 5 and self.skew <= 0
            and (self.selected or self.at in ("", "items", "data"))
            and self.end == "empty" and self.empty == "list" and not self.hole and not self.lone
            and self.side != "projects"
            and self.paging.said != "nothing" and self.trail != "page"
            and not (self.paging.in_header and self.paging.at not in ("Link:", "Next-Page:"))
            and (self.cured or self.cleared in ("null", "text"))
            and not (self.asks == "param" and self.format not in ("Z", "offset"))
            and not self.deletes
        )  # fmt: skip


PAGED = frozenset({"more_said", "next_unseen", "full_page", "registry_paging", "page_repeats"})
MOVED = frozenset({"list_moved", "ids_repeat", "id_twice", "short_read", "withdrawn"})
TIMED = frozenset({"filter_empty", "no_time", "future_dated", "older_than_asked", "clock_ahead",
                   "registry_answer"})  # fmt: skip
CAUSES: dict[str, frozenset[str]] = {
    "500": frozenset({"registry_answer"}), "cut": frozenset({"registry_unreachable"}),
    "html": frozenset({"registry_answer"}), "error": frozenset({"registry_answer"}),
    "twice": frozenset({"id_twice"}), "null": frozenset({"not_a_record"}),
    "anonymous": frozenset({"no_id"}), "surrogate": frozenset({"unreadable_text"}),
    "latin1": frozenset({"unreadable_text"}), "nan": frozenset({"unreadable_number"}),
    "gone": frozenset({"registry_answer", "more_said"}),
}  # fmt: skip
"""The codes that name a fault; a fault without any is read as if it were not there."""


def causes(lies: Lies) -> frozenset[str]:
    """Return the codes that fit something that is wrong with a registry."""
    fit = CAUSES.get(lies.fault, frozenset())
    told = lies.settings == "right" or lies.paging.said in ("url", "relative", "token")
    wrong = (
        (not told or lies.settings == "misspelt" or lies.trail == "page", PAGED | {"short_read"}),
        (lies.trail == "missing" or lies.paging.at == "links[rel]", {"next_unseen"}),
        (lies.end in ("last", "restart", "404"), {"page_repeats", "more_said"}),
        (lies.paging.in_header, {"link_unread", "more_said", "next_unseen"}),
        (lies.move or lies.order != "id", MOVED),
        (lies.deletes, {"withdrawn"}),
        (lies.total in ("capped", "more", "page"), {"short_read", "total_exceeded", "more_said"}),
        (lies.fault in ("twice", "null", "anonymous"), {"total_exceeded"}),
        (lies.hole, {"short_read", *PAGED}),
        (lies.date != 0 or lies.skew, {"clock_ahead", "future_dated", "list_moved", "no_clock"}),
        (lies.asks != "none" and (lies.filter != "right" or lies.format != "Z"), TIMED),
        (lies.asks != "none", {"no_time"}),  # of a record that came without its fields
        (lies.cleared == "absent" and not lies.cured, {"path_vanished:note"}),
        (lies.cleared == "false" and not lies.cured, {"wrong_type"}),
        (lies.empty != "list" or lies.lone or lies.side or not lies.selected,
         {"registry_answer", "nothing_read"}),
    )  # fmt: skip
    return fit.union(*(codes for is_wrong, codes in wrong if is_wrong))


@st.composite
def registries(draw: st.DrawFn) -> Lies:
    """Return a strategy of registries, the plain ones first."""
    lies = replace(
        Lies(),
        **_drawn(draw, _SHAPE), **_drawn(draw, _PAGES), **_drawn(draw, _TIMES),
        **_drawn(draw, _EVENTS),
    )  # fmt: skip
    return _possible(lies)


def told_in(lies: Lies) -> set[tuple[Any, ...]]:
    """Return each lie of a registry, alone: of an edit or a fault also when, but not of what."""
    single = {(f.name, repr(getattr(lies, f.name))) for f in fields(lies) if f.name not in WHEN}
    edits = {("edits", run, what) for run, some in enumerate(lies.edits) for what, _ in some}
    moved = {("move", lies.move[0]), ("move", lies.move[2])} if lies.move else set()
    failing = {("fault_at", *lies.fault_at)} if lies.fault != "none" else set()
    return single | edits | moved | failing


WHEN = ("edits", "move", "fault_at")


def all_told(drawn: list[Lies], count: int) -> list[Lies]:
    """Return so many of these registries, or more, that every lie of all of them is told."""
    chosen, left = list[Lies](), set().union(*map(told_in, drawn))
    while left:
        chosen.append(max(drawn, key=lambda lies: len(told_in(lies) & left)))
        left -= told_in(chosen[-1])
    return [*chosen, *(lies for lies in drawn if lies not in chosen)][: max(count, len(chosen))]


FOUND = (
    Lies(cleared="false"),
    Lies(at="_embedded.compounds", side="projects"),
    Lies(at="payload.compounds", side="errors"),
    Lies(at="hits.hits", side="projects", settings="misspelt"),
    Lies(records=3, side="included", lone=True, asks="param"),
    Lies(asks="param", filter="nothing"),
    Lies(asks="param", format="compact"),
    Lies(order="-time", move=(1, 2, "edit", 5), fault="error"),
    Lies(order="time", move=(0, 2, "edit", 0)),
    Lies(fault="null"),
    Lies(fault="anonymous"),
    Lies(order="time", move=(0, 2, "edit", 0), asks="cursor", records=7),
    Lies(hole=True, paging=PAGINGS[-1], settings="right", records=8),
    Lies(hole=True, paging=PAGINGS[-3], settings="right", records=8),
    *(Lies(paging=paging) for paging in PAGINGS if paging.in_header or "Last" in paging.at),
)
"""What was believed once."""


_SHAPE = {
    "records": st.integers(3, 9), "size": st.just(3),
    "at": st.sampled_from(["items", "", "data", "compounds", "payload.compounds", "hits.hits",
                           "_embedded.compounds"]),
    "selected": st.booleans(),
    "side": st.sampled_from(["", "projects", "included", "errors", "facets"]),
    "empty": st.sampled_from(["list", "null", "missing", "braces", "nothing", "204"]),
    "lone": st.booleans(),
}  # fmt: skip
_PAGES = {
    "paging": st.sampled_from(PAGINGS),
    "settings": st.sampled_from(["none", "right", "right", "misspelt"]),
    "end": st.sampled_from(["empty", "404", "last", "restart"]),
    "trail": st.sampled_from(["null", "missing", "text", "page"]),
    "hole": st.booleans(),
    "total": st.sampled_from(["none", "right", "page", "capped", "more"]),
    "total_at": st.sampled_from(["total", "count", "meta.total", "totalElements", "X-Total-Count:",
                                 "hits.total.value"]),
}  # fmt: skip
_TIMES = {
    "asks": st.sampled_from(["none", "param", "cursor"]),
    "lag": st.sampled_from([None, 0]),
    "filter": st.sampled_from(["right", "exclusive", "days", "ignored", "nothing"]),
    "misread": st.sampled_from(["nothing", "everything", "400"]),
    "format": st.sampled_from(["Z", "offset", "naive", "space", "compact", "epoch", "epoch_ms",
                               "day"]),
    "zone": st.sampled_from([0, 2, -8, 9]),
    "told": st.booleans(),
    "date": st.sampled_from([0, 1440, -20, None]),
    "skew": st.sampled_from([0, 20, -20]),
    "order": st.sampled_from(["id", "time", "-time"]),
    "keyset": st.booleans(),
}  # fmt: skip
_EDIT = st.tuples(st.sampled_from(["edit", "clear", "add", "delete"]), st.integers(0, 8))
FAULTS = ("500 once", "500", "cut once", "cut", "html", "nan", "control", "slow", "error", "twice",
          "null", "anonymous", "surrogate", "latin1", "gone")  # fmt: skip
_EVENTS = {
    "cleared": st.sampled_from(["null", "text", "absent", "false"]),
    "cured": st.booleans(),
    "edits": st.tuples(*[st.lists(_EDIT, max_size=3).map(tuple)] * 2),
    "move": st.none()
    | st.tuples(
        st.integers(0, 2),
        st.integers(1, 3),
        st.sampled_from(["edit", "add", "delete"]),
        st.integers(0, 8),
    ),
    "fault": st.sampled_from(FAULTS),
    "fault_at": st.tuples(st.integers(0, 2), st.integers(1, 3)),
}


def _drawn(draw: st.DrawFn, strategies: dict[str, st.SearchStrategy[Any]]) -> Json:
    """Draw some of them: where everything is odd, nothing is green."""
    rarely = st.sampled_from([False, False, True])
    return {name: draw(strategy) for name, strategy in strategies.items() if draw(rarely)}


def _possible(lies: Lies) -> Lies:
    """Return the nearest registry that can be, and whose lies can be noticed."""
    paging, changes = lies.paging, Json()
    if lies.at == "":  # a bare list has no room for more
        changes |= {"selected": False, "side": ""}
        if not paging.in_header and paging.said != "nothing":
            paging = PAGINGS[11 + lies.records % 5]
        if not lies.total_at.endswith(":"):
            changes["total"] = "none"
        if lies.empty in ("missing", "braces"):
            changes["empty"] = "list"
    if not (lies.selected or lies.at in ("items", "data")):
        changes["lone"] = False
    if paging.said not in ("url", "relative", "token") or lies.order == "-time":
        changes["keyset"] = False
    if changes.get("keyset", lies.keyset):
        changes["hole"] = False
    if paging.said == "nothing" and lies.settings == "none":
        changes["settings"] = "right"  # a page that says nothing cannot be doubted
    if lies.order != "id" and lies.format == "day":
        changes["order"] = "id"  # a day has no order
    if lies.format in ("naive", "space", "day") or not lies.zone:
        changes["zone"] = lies.zone
    else:
        changes["zone"] = lies.zone if lies.format == "offset" else 0
    if lies.asks == "none":
        changes |= {"filter": "right", "lag": None}
    if lies.side and lies.at.startswith(lies.side):
        changes["side"] = ""
    if lies.total_at in ("meta.total", "hits.total.value") and lies.at.startswith(
        lies.total_at.split(".")[0]
    ):
        changes["total_at"] = "total"
    found = replace(lies, paging=paging, **changes)
    if found.move and found.hides:
        found = replace(found, move=(*found.move[:2], "edit", found.move[3]))
    return found
