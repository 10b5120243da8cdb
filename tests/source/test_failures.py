"""Successes that are failures, and others that only look so: tables of answers over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.source.answers.record_list import Memory
from tests.support.odd import Asked, Reply, endpoint, ids, settings_in

pytestmark = pytest.mark.once
SINCE = datetime(2026, 1, 5, tzinfo=UTC)
RECORDS = [{"id": f"K-{n:02}", "name": f"Compound {n}"} for n in range(12)]
ALL = [record["id"] for record in RECORDS]
CHANGES = endpoint(
    paginator="single_page",
    params={"since": "{incremental.start_value}"},
    incremental={"cursor_path": "at"},
)
KEY, OWNER = "API Key", "registry's owner checks the service"

FAILED: list[tuple[Any, str, str]] = [
    # Flags and outcomes.
    ({"status": "KO"}, "KO", OWNER),
    ({"ok": False}, "ok", OWNER),
    ({"success": "0"}, "success", OWNER),
    ({"Success": "N", "items": []}, "Success", OWNER),
    ({"isSuccess": False, "items": None}, "isSuccess", OWNER),
    ({"hasError": True, "items": []}, "hasError", OWNER),
    ({"state": "FAILED"}, "FAILED", OWNER),
    ({"stat": "fail", "code": 98, "message": "Login failed"}, "Login failed", KEY),
    ({"status": "500 Internal Server Error"}, "500", OWNER),
    ({"result": "ERROR", "items": []}, "ERROR", OWNER),
    ({"authenticated": False, "items": []}, "authenticated", KEY),
    ({"maintenance": True, "items": []}, "maintenance", OWNER),
    ({"success": "nein", "items": []}, "success", OWNER),
    *(({flag: True, "items": []}, flag, OWNER)
      for flag in ("throttled", "rateLimited", "quotaExceeded", "aborted", "interrupted")),
    ({"severity": "ERROR", "items": []}, "severity", OWNER),
    ({"status": "throttled", "items": []}, "throttled", OWNER),
    ({"level": "error", "text": "node 3", "message": "lost", "items": []}, "lost", OWNER),
    ({"problems": ["store down"], "items": []}, "store down", OWNER),
    # Codes.
    ({"code": 500, "data": [], "server": "n3"}, "500", OWNER),
    ({"errcode": 40001, "errmsg": "invalid credential"}, "invalid credential", KEY),
    ({"code": 1001, "msg": "token invalid", "data": None}, "token invalid", KEY),
    ({"ret": -1}, "-1", OWNER),
    ({"resultCode": "E001", "resultMessage": "no store"}, "no store", OWNER),
    ({"ErrorCode": "ACCESS_DENIED", "items": []}, "ACCESS_DENIED", KEY),
    ({"meta": {"status": 401, "msg": "Unauthorized"}, "items": []}, "Unauthorized", KEY),
    ({"status": {"code": 503, "message": "store down"}}, "store down", OWNER),
    # Words.
    ({"Message": "Authorization has been denied for this request."}, "denied", KEY),
    ({"detail": "Signature has expired."}, "Signature has expired", KEY),
    ({"message": "Down for maintenance"}, "maintenance", OWNER),
    ({"message": "Session expired", "items": []}, "Session expired", KEY),
    ({"errorMessage": "bad plan", "errorType": "X"}, "bad plan", OWNER),
    ({"Fault": {"faultstring": "no backend"}}, "no backend", OWNER),
    ({"redirect": "/account/login?next=/list"}, "login", KEY),
    ([{"message": "Session expired", "errorCode": "INVALID_SESSION_ID"}], "expired", KEY),
    (Reply({"job": "j1", "status": "processing"}, 202), "202", OWNER),
    (Reply({"id": "j1", "name": "export"}, 202), "202", OWNER),
]  # fmt: skip


def linked(bad: Any = None) -> Any:
    """Return a list of three pages, linked, whose second one is bad."""

    def answer(asked: Asked) -> Any:
        start = int(asked.query.get("start", 0))
        if start == 5 and bad is not None:
            return bad
        follows = f"/list?start={start + 5}" if start + 5 < 12 else None
        return {"items": RECORDS[start : start + 5], "next": follows}

    return answer


def refused(source: Any, since: Any = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        ids(source, since)
    return caught.value


@pytest.mark.invariant(5)
def test_a_failure_in_any_words_is_no_page_and_no_quiet_day(serve: Any) -> None:
    for bad, said, who in FAILED:
        error = refused(serve(linked(bad)).source())
        assert said in error.message and who in error.remedy, f"{bad}: {error} {error.remedy}"
        memory = Memory("items", keys=("id", "name"), holds_records=True)
        source = serve(lambda asked, bad=bad: bad).source(CHANGES, memory=memory)
        assert said in refused(source, SINCE).message, bad


EMPTY: list[Any] = [
    {"items": []},
    {"status": "ok", "items": []},
    {"code": 0, "msg": "ok", "items": None},
    {"code": 200, "message": "Fetched", "items": []},
    {"code": "00000", "msg": "fine", "items": []},
    {"errorCode": "0000", "errorMessage": "", "items": []},
    {"error": {"code": 0, "message": "OK"}, "errors": {}, "items": []},
    {"status": 1, "message": "Loaded", "items": []},
    {"success": 0, "failed": 0, "items": []},
    {"success": False, "message": "No data found."},
    {"message": "No changes since last login"},
    {"message": "Everything is up to date"},
    {"message": "Completed with 0 errors", "items": []},
    {"notice": "Maintenance is planned for Sunday", "items": []},
    {"info": "rate limit: 4999 remaining", "items": []},
    {"state": "rejected", "items": []},  # what was asked for
    {"status": "running", "items": []},
    {"message": "No items modified since 2026-01-05"},
    {"items": {"@xsi:nil": "true"}},
    {"title": "Failed experiments", "items": []},
    {"responseHeader": {"status": 0}, "response": {"docs": []}},
    {"timed_out": False, "_shards": {"failed": 0}, "items": []},
    {"version": "500", "limit": 500, "timeout": 30, "items": []},
    Reply(b"", 304),
    {"maintenance": "Planned for Sunday", "items": []},
    {"maintenance": "none", "problems": [], "items": []},
    {"retryAfter": 0, "locked": False, "valid": True, "items": []},
    {"locked": 1, "pending": 1, "ready": 0, "items": []},  # counts
    {"database": "chem", "mode": "full", "progress": 100, "service": "lims", "items": []},
    {"severity": "info", "level": "error", "items": []},  # what was asked for
    {"state": "cancelled", "type": "error", "items": []},
    {"maintenanceWindow": "Sun 02:00-04:00", "items": []},
]


def test_an_empty_list_that_says_so_in_any_words_is_one(serve: Any) -> None:
    for quiet in EMPTY:
        memory = Memory("items", keys=("id", "name"), holds_records=True)
        source = serve(lambda asked, quiet=quiet: quiet).source(CHANGES, memory=memory)
        [page] = source.pages(SINCE)
        assert (page.records, page.doubt, page.signs) == ([], "", ()), quiet


UNREADY: list[Any] = [
    {**said, "items": []}
    for said in (
        *({flag: True} for flag in ("locked", "loading", "isPending", "busy", "stale")),
        *({flag: False} for flag in ("valid", "isReady", "loaded", "available", "healthy")),
        *({"status": word} for word in ("DOWN", "service offline", "MAINTENANCE", "aborted",
                                        "rate_limited", "retry")),
        {"maintenance": "until 10:00"}, {"maintenanceWindow": "active until 04:00"},
        {"lockedBy": "import 7"}, {"outage": True},
        {"database": "down"}, {"backendStatus": "ERROR"}, {"health": "unavailable"}, {"eta": 30},
        {"job": {"state": "queued"}}, {"progress": 40}, {"permissionDenied": True},
        {"retryAfter": 30}, {"retry_in": "PT5M"}, {"retry": True}, {"meta": {"locked": "yes"}},
    )
]  # fmt: skip
"""Lists that are none yet, in other words."""


def test_words_that_show_nothing_make_everything_be_read(serve: Any) -> None:
    for words in (
        {"message": "Please wait"}, {"status": "queued"}, {"next_url": "", "msg": "?"},
        {"state": "PROCESSING", "items": []}, {"meta": {"status": "re-indexing"}, "items": None},
        *UNREADY,
    ):  # fmt: skip
        memory = Memory("items", keys=("id",), holds_records=True)
        source = serve(lambda asked, words=words: words).source(CHANGES, memory=memory)
        [page] = source.pages(SINCE)
        assert bool(page.doubt) is ("next_url" not in words), words


@pytest.mark.invariant(5)
def test_an_empty_answer_that_leads_to_another_page_is_no_quiet_day(serve: Any) -> None:
    for body, there in (
        ([], "5; url=/export/7"),
        (b"", "0;URL='/login?key=s3"),
        ([], "30"),
        (b"", ""),
    ):
        reply = Reply(body, headers={"Refresh": there})
        memory = Memory("$", keys=("id", "name"), holds_records=True)
        source = serve(lambda asked, reply=reply: reply).source(CHANGES, memory=memory)
        if "url" in there.lower():
            error = refused(source, SINCE)
            assert "leads to another page (Refresh: http" in error.message
            assert "s3" not in error.message and "if this persists" in error.remedy
        else:
            assert ids(source, SINCE) == []


@pytest.mark.invariant(5)
def test_a_list_that_is_still_being_made_is_no_end(serve: Any) -> None:
    first: Any = None
    registry, later = serve(lambda asked: first), serve(lambda asked: linked(first)(asked))
    issue = {"issue": [{"severity": "error", "diagnostics": "lost"}], "items": []}
    for first in ({"state": "PROCESSING", "items": []}, issue, *UNREADY):
        [page] = registry.source().pages(None)
        assert [sign.code for sign in page.signs] == ["answer_partial"], first
        [_, page] = later.source().pages(None)
        assert [sign.code for sign in page.signs] == ["answer_partial"], first


@pytest.mark.invariant(5)
def test_what_only_an_empty_page_has_is_told_where_a_page_was_announced(serve: Any) -> None:
    bad: Any = None
    registry = serve(lambda asked: linked(bad)(asked))
    for said in ({"trouble": {"node": 3}}, {"comment": "see the log"}, {"my.flag": True}):
        bad = {"items": [], **said}
        [_, page] = registry.source().pages(None)
        assert [sign.code for sign in page.signs] == ["answer_partial"], said
        assert f"no records, but {next(iter(said))}, which no page" in page.signs[0].text
        accepted = settings_in(page.signs[0].remedy)
        [_, page] = registry.source(accepted).pages(None)
        assert not page.signs, accepted
    for said in (
        {"next": None, "previous": "/list?start=0"}, {"links": {"prev": "/list"}}, {"eof": True},
        {"message": "No more compounds"}, {"status": "empty"}, {"total_pages": 1}, {"took": 3},
        {"error": None, "warnings": [], "debug": False}, {"requestId": "r-7", "isLast": True},
        {"at": 7, "note": "0 results"}, {"meta": {"count": 0}}, {"lastPage": "yes"},
    ):  # fmt: skip
        bad = {"items": [], **said}
        [_, page] = registry.source().pages(None)
        assert not page.signs, said


def test_an_error_nested_too_deep_to_be_read_is_no_expired_token(serve: Any) -> None:
    deep = Reply(b'{"error": "session expired", "d": ' + b"[" * 1500, kind="application/json")
    assert refused(serve(lambda asked: deep).source()).code == "registry_answer"


@pytest.mark.invariant(5)
def test_a_page_that_was_announced_is_a_list(serve: Any) -> None:
    for bad, said in (
        ({"message": "Please wait"}, "Please wait"),
        ({"queue": 5, "retry": "/list"}, "no list at items, but queue, retry"),
        (Reply(b"", 304), "304 Not Modified"),
        (Reply(b"true"), "without a list at items"),
        (Reply(b"<html>Scheduled maintenance</html>", kind="text/html"), "maintenance"),
    ):
        error = refused(serve(linked(bad)).source())
        assert said in error.message and "data_selector" not in error.remedy, error.remedy
    [_, page] = serve(linked(Reply(b""))).source().pages(None)
    assert [sign.code for sign in page.signs] == ["more_said"]
    for end in ({}, {"items": []}, {"next": None}, Reply(b"", 204)):  # such a page may be empty
        [_, page] = serve(linked(end)).source().pages(None)
        assert not page.signs, end


def actions(**action: Any) -> Any:
    return endpoint(response_actions=[{"action": "ignore", **action}])


@pytest.mark.invariant(5)
def test_a_refusal_that_is_ignored_is_no_end_of_what_was_announced(serve: Any) -> None:
    for status, code in ((403, "ignored_records"), (429, "ignored_records"), (500, "more_said"),
                         (404, "more_said"), (400, None)):  # fmt: skip
        source = serve(linked(Reply({"m": "no"}, status))).source(actions(status_code=status))
        [_, page] = source.pages(None)
        assert [sign.code for sign in page.signs] == ([code] if code else []), status
    page_of_html = Reply(b"<html>no</html>", kind="text/html")
    [_, page] = serve(linked(page_of_html)).source(actions(content="html")).pages(None)
    assert [sign.code for sign in page.signs] == ["more_said"]
    for status, words, code in ((503, "no", "ignored_records"), (500, "no", "ignored_records"),
                                (500, "no records found", None), (404, "no", None)):  # fmt: skip
        reply = Reply({"m": words}, status)
        registry = serve(lambda asked, reply=reply: reply)
        [page] = registry.source(actions(content="no")).pages(None)
        assert [sign.code for sign in page.signs] == ([code] if code else []), (status, words)


def test_a_redirect_to_a_login_page_is_about_the_key(serve: Any) -> None:
    for there in ("/login?next=%2Flist", "/auth/sign-in", "https://login.example.com/authorize"):
        error = refused(serve(linked(Reply(b"", 302, headers={"Location": there}))).source())
        assert error.code == "registry_unauthorised" and KEY in error.remedy
    for status in (419, 440, 498):
        error = refused(serve(linked(Reply({"m": "expired"}, status))).source())
        assert error.code == "registry_unauthorised"


def test_a_session_that_ends_between_pages_is_renewed(serve: Any) -> None:
    given = 0

    def answer(asked: Asked) -> Any:
        nonlocal given
        if asked.path == "/token":
            given += 1
            return {"access_token": f"t{given}", "refresh_token": "r", "expires_in": 3600}
        old = asked.headers["Authorization"] == "Bearer t1"
        ended = Reply(b"", 302, headers={"Location": "/login"})
        return ended if old and asked.query.get("start") == "5" else linked()(asked)

    registry = serve(answer)
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": registry.url + "/token",
        "client_id": "app",
    }
    assert ids(registry.source({"client": {"auth": auth}})) == ALL and given == 2


@pytest.mark.invariant(5)
def test_a_key_twice_hides_no_other_sign_and_shows_no_secret(serve: Any) -> None:
    records, at = (
        json.dumps(RECORDS).encode(),
        b"/api/of/the/registry/of/compounds/list?p=1&apikey=s3cret-key",
    )
    beside = {
        b'"self": "%b", "self": "-"' % at: ["key_twice"],
        b'"failedSources": ["L"], "n": NaN, "n": 1': ["answer_partial", "key_twice"],
        b"%b" % b", ".join(b'"n": %d' % n for n in range(3000)): ["key_twice"],
        b'"warnings": "The key s3cret-key may have gaps"': ["answer_partial"],
    }
    for said, codes in beside.items():
        body = Reply(b'{"items": %b, %b}' % (records, said))
        source = serve(lambda asked, body=body: body).source(credential="s3cret-key")
        [page] = source.pages(None)
        assert [sign.code for sign in page.signs] == codes, said
        text = "".join(sign.text + sign.remedy for sign in page.signs)
        assert "s3cret" not in text and "(key)" not in page.signs[0].remedy, text
        assert len(text.encode()) < 1000 and (len(said) < 999 or "2 and 2,997 more" in text)


def test_records_beside_a_failure_are_not_all(serve: Any) -> None:
    for said in ({"success": False, "message": "shard 3 is slow"}, {"status": "error"}, {"ok": 0}):
        [page] = serve(lambda asked, said=said: {"items": RECORDS, **said}).source().pages(None)
        assert [sign.code for sign in page.signs] == ["answer_partial"], said
    well = {"status": "OK", "code": 200, "success": 1, "message": "done", "errors": []}
    [page] = serve(lambda asked: {"items": RECORDS, **well}).source().pages(None)
    assert not page.signs and len(page.records) == 12
