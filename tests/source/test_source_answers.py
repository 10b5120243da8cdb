"""Odd answers over real HTTP: each ends in words for whoever must act, or is got over."""

from __future__ import annotations

import dataclasses
import gzip
import ipaddress
import json
import socket
import time
import tracemalloc
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from registry_sync.core import ssrf as net
from registry_sync.core.addresses import within
from registry_sync.core.problems import SourceError
from registry_sync.core.ssrf import Forbidden, allowed_addresses
from tests.support.odd import Asked, Reply, endpoint, ids

pytestmark = pytest.mark.once
SMALL = {"client": {"max_page_bytes": 2**20}}
GOOD = [{"id": 1}, {"id": 2}]


def refused(source: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        ids(source)
    error = caught.value
    assert error.remedy.endswith(".") and "s3cret" not in error.message + error.remedy
    return error


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_api_key(serve: Any, status: int) -> None:
    registry = serve(lambda asked: Reply(b"<h1>No</h1>", status=status, kind="text/html"))
    error = refused(registry.source())
    assert error.code == "registry_unauthorised" and error.kind == "source"
    assert "API Key" in error.remedy and not error.transient
    assert len(registry.asked) == 1


def test_html_is_named(serve: Any) -> None:
    page = Reply(b"<html><title>Sign in</title></html>", kind="text/html; charset=utf-8")
    error = refused(serve(lambda asked: page).source())
    assert "text/html" in error.message and "Sign in" in error.message


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/vnd.api+json", "text/json", ""]
)
def test_json_by_any_of_its_names_is_read(serve: Any, kind: str) -> None:
    assert ids(serve(lambda asked: Reply(GOOD, kind=kind)).source()) == ["1", "2"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[{id: 1}]", b"\xff\xfe\xfa", b"[" * 100_000],
)
def test_what_is_no_json_is_refused(serve: Any, body: bytes) -> None:
    assert "not valid JSON" in refused(serve(lambda asked: Reply(body)).source()).message


def test_whole_numbers_stay_exact(serve: Any) -> None:
    exact = 9007199254740993
    page = next(serve(lambda asked: [{"id": exact}]).source().pages(None))
    assert page.records == [{"id": exact}]


def test_a_number_that_no_float_holds_stays_as_it_is_written(serve: Any) -> None:
    body = b'[{"id": 1, "a": 1e400, "b": -1.5E+999, "c": 1.5, "d": [1e308]}]'
    page = next(serve(lambda asked: Reply(body)).source().pages(None))
    assert page.records == [{"id": 1, "a": "1e400", "b": "-1.5E+999", "c": 1.5, "d": [1e308]}]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "licence expired"}, "licence expired"),
        ({"errors": [{"title": "bad query"}]}, "bad query"),
        ({"jsonrpc": "2.0", "error": {"message": "no session"}}, "no session"),
        ({"exc_type": "ValidationError"}, "ValidationError"),
        ({"data": [], "error": "timed out"}, "timed out"),
    ],
)
def test_an_error_inside_a_200_is_an_error(serve: Any, body: Any, said: str) -> None:
    assert said in refused(serve(lambda asked: body).source()).message


def test_records_beside_an_empty_error_are_read(serve: Any) -> None:
    assert ids(serve(lambda asked: {"data": GOOD, "errors": []}).source()) == ["1", "2"]
    assert ids(serve(lambda asked: {"data": [], "errors": [], "error": None}).source()) == []


def test_a_count_of_successes_is_no_failure(serve: Any) -> None:
    assert ids(serve(lambda asked: {"success": 0, "failed": 0, "items": []}).source()) == []


def test_an_error_that_says_that_all_is_well_is_none(serve: Any) -> None:
    for well in ({"code": 0, "message": "OK"}, "none", "Success", {"code": 200, "text": ""}, []):
        page = next(serve(lambda a, well=well: {"items": GOOD, "error": well}).source().pages(None))
        assert len(page.records) == 2 and not page.signs, well


def test_the_settings_say_where_an_error_is(serve: Any) -> None:
    settings = endpoint(
        data_selector="map",
        response_actions=[{"error_path": "$[?status=='error'].text", "action": "fail"}],
    )
    said = {"status": "error", "map": {}}
    settings["endpoint"]["response_actions"][0]["error_path"] = "fault.text"
    said["fault"] = {"text": "no such data source"}
    assert "no such data source" in refused(serve(lambda a: said).source(settings)).message
    fine = {"fault": {"text": ""}, "map": {"1": {"id": 1}}}
    assert ids(serve(lambda a: fine).source(settings)) == ["1"]
    by_text = endpoint(
        data_selector="map",
        response_actions=[{"status_code": 200, "content": '"status": "error"', "action": "fail"}],
    )
    error = refused(serve(lambda a: said).source(by_text))
    assert '"status": "error"' in error.message
    assert "checks response_actions[0]" in error.remedy and "a record may have" in error.remedy


def test_a_status_and_an_error_in_the_answer_hold_together(serve: Any) -> None:
    """Some registries say 400 both for a page past the end and for a wrong question."""

    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return [{"id": page}] if page < 4 else Reply({"code": said}, status=status)

    action = {"status_code": 400, "error_path": "code", "content": "past_end", "action": "ignore"}
    settings = endpoint(paginator="page_number", response_actions=[action])
    said, status = "past_end", 400
    assert ids(serve(answer).source(settings)) == ["1", "2", "3"]
    for said, status in (("wrong", 400), ("past_end", 409), ("", 400)):  # noqa: B007
        assert str(status) in refused(serve(answer).source(settings)).message


def test_an_error_in_the_answer_of_another_status_is_none(serve: Any) -> None:
    action = {"status_code": 400, "error_path": "note", "action": "fail"}
    settings = endpoint(data_selector="rows", response_actions=[action])
    registry = serve(lambda a: {"rows": [{"id": 1}], "note": "read from a copy"})
    assert ids(registry.source(settings)) == ["1"]


def test_an_ignored_answer_ends_the_reading(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return [{"id": page}] if page < 4 else Reply({"detail": "Invalid page."}, status=400)

    settings = endpoint(paginator="page_number")
    assert "400" in refused(serve(answer).source(settings)).message
    settings["endpoint"]["response_actions"] = [{"status_code": 400, "action": "ignore"}]
    assert ids(serve(answer).source(settings)) == ["1", "2", "3"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_got_over(serve: Any, status: int) -> None:
    registry = serve(None)
    registry.answer = lambda asked: (
        Reply(b"later", status=status) if len(registry.asked) < 4 else GOOD
    )
    assert ids(registry.source()) == ["1", "2"]
    assert len(registry.asked) == 4


def test_a_failure_that_stays_is_transient_and_bounded(serve: Any) -> None:
    registry = serve(lambda asked: Reply(b"down for s3cret reasons", status=503))
    error = refused(registry.source())
    assert error.transient and error.kind == "transient" and "503" in error.message
    assert "down for" in error.message
    assert len(registry.asked) == 5


@pytest.mark.parametrize(
    ("given", "waited"),
    [("7", 7), ("86400", 60), ("soon", 0), ("-5", 0), ("date", 35)],
)
def test_retry_after_is_honoured_within_a_minute(serve: Any, given: str, waited: float) -> None:
    registry = serve(None)

    def answer(asked: Asked) -> Any:
        when = given
        if given == "date":
            when = format_datetime(datetime.fromtimestamp(time.time() + 40, UTC), usegmt=True)
        busy = Reply(b"", status=429, headers={"Retry-After": when})
        return busy if len(registry.asked) == 1 else GOOD

    registry.answer = answer
    assert ids(registry.source()) == ["1", "2"]
    # A date has whole seconds, and some of them pass on the way.
    assert sum(registry.waits) == pytest.approx(waited, abs=5.0 if given == "date" else 0.01)


def test_a_body_that_breaks_off_is_asked_again(serve: Any) -> None:
    registry = serve(None)
    registry.answer = lambda asked: Reply(GOOD, length=5000) if len(registry.asked) < 3 else GOOD
    assert ids(registry.source()) == ["1", "2"]
    registry.answer = lambda asked: Reply(GOOD, length=5000)
    error = refused(registry.source())
    assert error.transient and error.code == "registry_unreachable"


def test_an_answer_the_settings_call_passing_is_asked_again(serve: Any) -> None:
    registry = serve(None)
    registry.answer = lambda asked: {"busy": True} if len(registry.asked) < 3 else {"rows": GOOD}
    actions = [{"error_path": "busy", "action": "rate_limited"}]
    assert ids(registry.source(endpoint(response_actions=actions))) == ["1", "2"]
    assert registry.waits == [30.0, 30.0]


@pytest.mark.invariant(10)
def test_a_page_above_the_limit_is_refused_while_it_is_read(serve: Any) -> None:
    big = json.dumps([{"id": n, "text": "x" * 1000} for n in range(2000)]).encode()
    error = refused(serve(lambda a: Reply(big)).source(SMALL))
    assert "1 MiB" in error.message and "smaller page size" in error.remedy
    # The limit is on what it unpacks to, not on what was sent.
    packed = Reply(gzip.compress(big), headers={"Content-Encoding": "gzip"})
    assert len(packed.body) < 2**18
    assert "1 MiB" in refused(serve(lambda a: packed).source(SMALL)).message
    page = next(serve(lambda a: packed).source().pages(None))
    assert len(page.records) == 2000 and page.bytes == len(big)


@pytest.mark.invariant(10)
def test_a_failure_however_long_costs_no_memory(serve: Any) -> None:
    long = Reply(b"down " * 8_000_000, status=503)
    registry = serve(lambda asked: long)
    tracemalloc.start()
    error = refused(registry.source())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "answered 503" in error.message and error.transient and len(registry.asked) == 5
    assert peak < 10 * 2**20


def test_a_failure_packed_otherwise_than_said_is_told_by_its_status(serve: Any) -> None:
    for status, said in ((401, "rejects the key (401)"), (404, "answered 404")):
        reply = Reply(b"no", status=status, headers={"Content-Encoding": "gzip"})
        assert said in refused(serve(lambda asked, reply=reply: reply).source()).message


def test_a_registry_that_is_not_there_is_transient(serve: Any) -> None:
    registry = serve(lambda asked: GOOD)
    source = registry.source()
    registry.stop()
    error = refused(source)
    assert error.transient and error.code == "registry_unreachable"


# -- where it may go ------------------------------------------------------------------------


def test_a_redirect_on_the_host_is_followed(serve: Any) -> None:
    registry = serve(None)
    registry.answer = lambda asked: (
        GOOD if asked.path == "/new" else Reply(b"", status=302, headers={"Location": "/new?a=1"})
    )
    assert ids(registry.source(endpoint(params={"size": 5}))) == ["1", "2"]
    assert registry.asked[1].query == {"a": "1"}


def test_redirects_without_end_are_cut(serve: Any) -> None:
    registry = serve(lambda a: Reply(b"", status=302, headers={"Location": "/list?again=1"}))
    assert "too many times" in refused(registry.source()).message
    assert len(registry.asked) <= 6


@pytest.mark.parametrize("how", ["redirect", "next link", "Link header"])
@pytest.mark.invariant(9)
def test_no_way_leads_to_another_host_or_port(serve: Any, how: str) -> None:
    elsewhere = serve(lambda asked: GOOD)
    answers = {
        "redirect": Reply(b"", status=307, headers={"Location": elsewhere.url + "/steal"}),
        "next link": {"items": GOOD, "next": elsewhere.url + "/steal"},
        "Link header": Reply(GOOD, headers={"Link": f'<{elsewhere.url}/steal>; rel="next"'}),
    }
    error = refused(serve(lambda asked: answers[how]).source())
    assert error.code == "registry_elsewhere" and "API URL" in error.remedy
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("url", "home", "used"),
    [
        ("https://a.example/x", "https://a.example/list", "https://a.example/x"),
        ("https://A.example:443/x", "https://a.example/list", "https://A.example:443/x"),
        ("http://a.example/x?y=1", "https://a.example/list", "https://a.example/x?y=1"),
        ("https://a.example/x", "http://a.example/list", "https://a.example/x"),
        ("http://a.example:8000/x", "https://a.example/list", None),
        ("https://a.example:8443/x", "https://a.example/list", None),
        ("https://b.example/x", "https://a.example/list", None),
        ("https://a.example.evil.example/x", "https://a.example/list", None),
        ("https://a.example@evil.example/x", "https://a.example/list", None),
        ("https://user:pw@a.example/x", "https://a.example/list", None),
        ("https://a.example:99999/x", "https://a.example/list", None),
        ("ftp://a.example/x", "https://a.example/list", None),
        ("file:///etc/passwd", "https://a.example/list", None),
    ],
)
def test_within_keeps_to_the_host(url: str, home: str, used: str | None) -> None:
    assert within(url, home) == used


@pytest.mark.invariant(9)
def test_loopback_needs_leave_and_the_message_names_the_setting(serve: Any) -> None:
    registry = serve(lambda asked: GOOD)
    began = time.monotonic()
    error = refused(registry.source(allow_private=False))
    assert "REGISTRY_ALLOW_PRIVATE_NETWORKS" in error.message and registry.asked == []
    assert time.monotonic() - began < 10 and registry.waits == []


@pytest.mark.parametrize(
    ("address", "private_is_fine"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.168.0.9", True),
        ("172.16.5.5", True),
        ("::1", True),
        ("fd12::1", True),
        ("::ffff:10.0.0.1", True),
        ("100.64.0.1", True),
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:a9fe:a9fe::1", False),
        ("100.100.100.200", False),
        ("fd00:ec2::254", False),
        ("168.63.129.16", False),
        ("192.0.0.192", False),
        ("0.0.0.0", False),
        ("::", False),
        ("224.0.0.1", False),
    ],
)
@pytest.mark.invariant(9)
def test_addresses_are_judged(
    monkeypatch: pytest.MonkeyPatch, address: str, private_is_fine: bool
) -> None:
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(net.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Forbidden, match=r"address"):
        allowed_addresses("registry.example", 443, allow_private=False)
    if private_is_fine:
        assert allowed_addresses("registry.example", 443, allow_private=True) == [address]
    else:
        with pytest.raises(Forbidden, match="cannot be the address of a registry"):
            allowed_addresses("registry.example", 443, allow_private=True)


@pytest.mark.invariant(9)
def test_one_bad_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (a, 443)) for a in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(net.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Forbidden):
        allowed_addresses("registry.example", 443, allow_private=False)


def test_plain_http_is_for_private_networks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("93.184.216.34", 80))]
    monkeypatch.setattr(net.socket, "getaddrinfo", lambda *_, **__: found)
    assert allowed_addresses("registry.example", 443, allow_private=False) == ["93.184.216.34"]
    for allow_private in (False, True):
        with pytest.raises(Forbidden, match="unencrypted"):
            allowed_addresses("registry.example", 80, allow_private=allow_private, plain=True)


@pytest.mark.invariant(9)
def test_the_address_judged_is_the_address_spoken_to(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers differently the second time leads nowhere else."""
    registry = serve(lambda asked: GOOD)
    real, names = socket.getaddrinfo, []

    def fickle(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        names.append(host)
        # The first answer is the registry; any later one for the name is where nobody may go.
        there = "127.0.0.1" if names.count(host) == 1 else "169.254.169.254"
        return real(there if host == "registry.test" else host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", fickle)
    source = registry.source()
    url = registry.url.replace("127.0.0.1", "registry.test")
    source.connector = source._connection.connector = dataclasses.replace(
        source.connector, list_url=url + "/list", base_url=url
    )
    assert ids(source) == ["1", "2"]
    assert registry.asked[0].headers["Host"].startswith("registry.test")


def test_localhost_is_tried_on_both_families(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = serve(lambda asked: GOOD)
    port = int(registry.url.rpartition(":")[2])
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda h, *a, **k: found if h == "localhost" else real(h, *a, **k)
    )
    registry.url = f"http://localhost:{port}"
    assert ids(registry.source()) == ["1", "2"]


# -- one record -----------------------------------------------------------------------------


def test_detail_completes_each_record(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        if asked.path == "/list":
            return {"items": [{"id": "a/1"}, {"id": "gone"}, {"name": "no id"}]}
        if asked.path == "/list/a%2F1":
            return {"result": {"id": "a/1", "mass": 180.2}}
        return Reply({"detail": "not found"}, status=404)

    settings = endpoint(detail={"path": "{id}", "data_selector": "result"})
    source = serve(answer).source(settings)
    page = next(source.pages(None))
    assert page.records == [{"id": "a/1", "mass": 180.2}, {"name": "no id"}]
    assert [one.record for one in page.unread] == [{"id": "gone"}]
    assert source.fetch("a/1") == {"id": "a/1", "mass": 180.2}
    assert source.fetch("gone") is None


def test_a_record_may_have_a_key_called_error(serve: Any) -> None:
    answers: dict[str, Any] = {
        "/list": [{"id": 1}, {"id": 2}],
        "/list/1": {"id": 1, "error": 0.05},
        "/list/2": {"error": "no session"},
    }
    settings = endpoint(detail={"path": "{id}"})
    page = next(serve(lambda asked: answers[asked.path]).source(settings).pages(None))
    assert page.records == [{"id": 1, "error": 0.05}]
    assert "no session" in page.unread[0].why.message


@pytest.mark.parametrize("status", [404, 422, 500])
@pytest.mark.invariant(6)
def test_what_fails_for_each_detail_is_the_registrys_failure(serve: Any, status: int) -> None:
    def answer(asked: Asked) -> Any:
        many = [{"id": n} for n in range(50)]
        return many if asked.path == "/list" else Reply({"detail": "no"}, status=status)

    registry = serve(answer)
    refused(registry.source(endpoint(detail={"path": "{id}"})))
    assert status != 500 or len({a.path for a in registry.asked}) == 1 + 10, "asked in vain"


@pytest.mark.parametrize("external_id", [".", ".."])
def test_an_id_that_is_a_step_in_an_address_is_not_asked_for(serve: Any, external_id: str) -> None:
    registry = serve(lambda asked: {"name": "the whole registry"})
    source = registry.source(endpoint(detail={"path": "{id}"}))
    assert source.fetch(external_id) is None and registry.asked == []


def test_a_detail_of_another_record_is_refused(serve: Any) -> None:
    settings = endpoint(detail={"path": "/one?id={id}"})
    source = serve(lambda asked: {"id": 99}).source(settings)
    with pytest.raises(SourceError, match="the detail of 7 has the id 99"):
        source.fetch("7")


def test_without_detail_records_are_looked_for_in_one_reading(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return [{"id": page * 10 + n} for n in range(10)] if page < 9 else []

    registry = serve(answer)
    source = registry.source(endpoint(paginator="page_number"))
    found = {"12": {"id": 12}, "25": {"id": 25}}
    assert source.fetch_all(["12", "25", "nowhere"]) == (found, [])
    asked = len(registry.asked)
    assert source.fetch("31") == {"id": 31} and len(registry.asked) == asked + 3
    assert source.fetch("nowhere") is None


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"id": 123}, "123"),
        ({"id": 12.0}, "12"),
        ({"id": " CHEMBL25 "}, "CHEMBL25"),
        ({"id": 0}, "0"),
        ({"id": 12.5}, None),
        ({"id": True}, None),
        ({"id": None}, None),
        ({"id": "  "}, None),
        ({"id": {"a": 1}}, None),
        ({"id": ["a"]}, None),
        ({}, None),
    ],
)
def test_identify(serve: Any, record: Any, expected: str | None) -> None:
    assert serve(None).source().identify(record) == expected


def test_identify_by_several_paths_and_by_the_seeds_item(serve: Any) -> None:
    source = serve(None).source(endpoint(primary_key=["document.no", "version"]))
    assert source.identify({"document": {"no": "D7"}, "version": 2}) == "D7-2"
    assert source.identify({"document": {"no": "D7"}}) is None
    source = serve(None).source(endpoint(primary_key="pk"), id_field="attributes.code")
    assert source.identify({"pk": 1, "attributes": {"code": "X"}}) == "X"
