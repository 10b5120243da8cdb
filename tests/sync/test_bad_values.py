"""A value that is nearly JSON costs its own record one error, and no other record anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync import runs
from registry_sync.models import EntityError, SyncRun, Withdrawal
from tests.support.odd import Reply

PLAIN = {"endpoint": {"paginator": "single_page"}}
ROWS = [("SMILES", "smiles"), ("Approval", "approval")]
BAD = {
    "M-1": (b'"smiles": NaN', "SMILES", "“NaN” is not a JSON value"),
    "M-2": (b'"approval": -Infinity', "Approval", "“-Infinity” is not a whole number"),
    "M-3": (rb'"smiles": "5\'-end"', "SMILES", r"“5\'-end” contains a backslash"),
    "M-4": (b'"smiles": "Caf\xe9"', "SMILES", r"“Caf\xE9” contains the byte 0xE9"),
    "M-5": (b'"approval": 007', "Approval", "“007” is not a whole number"),
    "M-6": (b'"smiles": ', "SMILES", "has no value, which is not JSON"),
    "M-7": (b'"name": "\xff"', "name", r"“\xFF” contains the byte 0xFF"),
    "M-8": (b'"smiles": undefined', "SMILES", "“undefined” is not a JSON value"),
}
"""Values by record: as they are written, the field they are in, and what its error says."""
HARMLESS = {
    "H-1": (b'"unmapped": NaN', None),
    "H-2": (b'"unmapped": "\xe9\\q"', None),
    "H-3": (b'"smiles": "C\tC\nO"', "C\tC\nO"),
}


def page(*values: tuple[str, bytes]) -> bytes:
    rows = [
        b'{"id": "%b", %b}'
        % (i.encode(), v if b'"name"' in v else b'"name": "N %b", %b' % (i.encode(), v))
        for i, v in values
    ]
    return b"[" + b",\n".join(rows) + b"]"


def test_each_bad_value_is_an_error_of_its_record(world: Any, serve: Any) -> None:
    w = world([], rows=ROWS)
    odd = serve(lambda asked: Reply(page(*rows, *((i, v[0]) for i, v in HARMLESS.items()))))
    w.configure(**{"API URL": odd.url, "Connector Settings": PLAIN})
    rows = [("OK-1", b'"smiles": "CCO"'), *((i, v[0]) for i, v in BAD.items())]
    run = w.sync()
    assert run.status == SyncRun.Status.COMPLETED_WITH_WARNINGS
    assert (run.read, run.created, run.failed) == (12, 4, 8)
    for external_id, (_, field, said) in BAD.items():
        error = w.open_errors()[external_id]
        assert error.field == field and said in error.message and external_id in error.message
    assert {i: v["SMILES"] for i, v in w.values().items()} == {
        "OK-1": "CCO",
        **{i: v[1] for i, v in HARMLESS.items()},
    }
    w.sync(kind=SyncRun.Kind.RETRY)  # from the copies that were kept
    assert len(w.values()) == 4 and len(w.open_errors()) == 8, "a copy is no cure"
    rows = [(i, b'"smiles": "C"') for i in ("OK-1", *BAD)]
    assert w.sync().status == SyncRun.Status.SUCCEEDED
    assert len(w.values()) == 12 and not w.open_errors()


def test_digits_that_no_float_holds_reach_a_text_field(world: Any, serve: Any) -> None:
    """What a float holds is written as before, however it was printed."""
    numbers = {
        "12345678901234567890123": "12345678901234567890123",
        "0.12345678901234567890": "0.12345678901234567890",
        "-9007199254740993.5": "-9007199254740993.5",
        "0.10000000000000001": "0.1",
        "0.1000000000000000055511151231257827": "0.1",
        "1.10000000000000000000": "1.1",
        "0.30000000000000004": "0.30000000000000004",
    }
    w = world([], fields=[{"name": "T", "type": "text"}, {"name": "F", "type": "float"}],
              rows=[("T", "x"), ("F", "x")])  # fmt: skip
    body = page(*((f"N-{i}", b'"x": %b' % n.encode()) for i, n in enumerate(numbers)))
    w.configure(**{"API URL": serve(lambda a: Reply(body)).url, "Connector Settings": PLAIN})
    assert w.sync().status == SyncRun.Status.SUCCEEDED
    came = w.values()
    for n, (written, text) in enumerate(numbers.items()):
        assert came[f"N-{n}"]["T"] == text and came[f"N-{n}"]["F"] == float(written), written


TWICE = {
    "1 / 2": (b'{"id": 1, "name": "N", "id": 2}', "the key “id” more than once"),
    "T-1": (b'{"id": "T-1", "name": "A", "name": "B"}', '“"A" / "B"” is several values'),
    "T-2": (b'{"id": "T-2", "name": "N", "smiles": "C", "smiles": "CC"}', "the key “smiles”"),
    "T-3": (b'{"id": "T-3", "name": "N", "approval": 1, "approval": 2}', "“1 / 2” is several"),
    "T-4": (b'{"id": "T-4", "name": "N", "in": {"a": "x"}, "in": {"a": "y"}}', "the key “in”"),
    "T-5": (b'{"id": "T-5", "name": "N", "in": {"a": "x"}, "in": "x"}', "the key “in”"),
    "T-6": (b'{"id": "T-6", "name": "N", "gone": false, "gone": true}', "the key “gone”"),
    "T-7": (b'{"id": "T-7", "name": "N", "deleted": true, "deleted": false}', "has left the"),
    "T-8": (b'{"id": "T-8", "name": "N", "meta": {"state": "deleted", "state": 1}}', "meta.state"),
    "T-12": (
        b'{"id": "T-12", "name": "N", "deleted": 0, "deleted": 0, "deleted": "no", '
        b'"deleted": false, "deleted": true}',
        "has left the",
    ),
    "T-9": (b'{"id": "T-9", "name": "N", "lab": "A", "lab": "B"}', "in the scope of this lane"),
    "T-10": (b'{"id": "T-10", "name": "N", "l": [{"v": "x"}], "l": null}', "the key “l”"),
    "T-11": (b'{"id": "T-11", "name": "N", "gone": [["caf\xe9"], ["y"]]}', r"“caf\xE9” at “gone”"),
}
ONCE = [
    b'{"id": "O-3", "name": "N 3", "status": "new", "status": "old"}',
    b'{"id": "O-4", "name": "N 4", "lab": "Z\xfcrich"}',
    b'{"id": "O-1", "name": "N 1", "smiles": "C:C", "smiles": "C:C"}',
    b'{"id": "O-2", "name": "N 2", "unmapped": 1, "unmapped": 2}',
]


@pytest.mark.invariant(5)
def test_a_key_twice_in_an_object_is_an_error_of_its_record(world: Any, serve: Any) -> None:
    """Parsers keep the last value: the record of another id would be overwritten."""
    rows = [*ROWS, ("Upper", "in.a"), ("First", "l[0].v")]
    fields = [{"name": name, "type": kind} for name, kind in (
        ("SMILES", "text"), ("Approval", "integer"), ("Upper", "text"),
        ("First", "text"))]  # fmt: skip
    w = world([], fields=fields, rows=rows)
    flag = {"mode": "flag", "path": "gone"}
    settings = {"endpoint": {**PLAIN["endpoint"], "deletes": flag},
                "scope": [{"path": "lab", "in": [None, "A"]}]}  # fmt: skip
    body = b"[%b]" % b", ".join([*ONCE, *(record for record, _ in TWICE.values())])
    answer = {"body": body.replace(b'"id": 1, "name": "N", "id": 2', b'"id": 2, "name": "N"')}
    rules = {
        w.tenant.schemas[w.schema]["fieldDefinitions"][2]["id"]: [{"rule": "case", "to": "upper"}]
    }
    w.configure(**{"API URL": serve(lambda a: Reply(**answer)).url, "Connector Settings": settings,
                   "Mapping Rules": rules})  # fmt: skip
    w.sync()
    answer["body"] = body
    run = w.sync()
    assert run.status == SyncRun.Status.COMPLETED_WITH_WARNINGS
    errors = {(error.value if i.startswith("(") else i): error.message
              for i, error in w.open_errors().items()}  # fmt: skip
    assert set(errors) == set(TWICE)
    for external_id, (_, said) in TWICE.items():
        assert said in errors[external_id], errors[external_id]
    assert set(w.values()) == {"2", "O-1", "O-2", "O-3"} and not Withdrawal.objects.exists()


@pytest.mark.once
@pytest.mark.invariant(5)
def test_a_key_twice_outside_of_the_records_is_told(world: Any, serve: Any) -> None:
    w = world([], rows=ROWS)
    rows = json.dumps([{"id": "M-1", "name": "N", "smiles": "C"}]).encode()
    bodies = [b'{"items": %b, "total": 1, "total": 1}', b'{"items": [{"id": "M-2"}], "items": %b}',
              b'{"items": %b, "meta": NaN, "meta": "\xe9"}']  # fmt: skip
    answer = {}
    said: list[str] = []
    w.configure(**{"API URL": serve(lambda a: Reply(**answer)).url, "Connector Settings": PLAIN})
    for body, codes in zip(bodies, ([], ["key_twice"], ["key_twice"]), strict=True):
        answer["body"] = body % rows
        run = w.sync(kind=SyncRun.Kind.FULL)
        assert [warning["code"] for warning in run.warnings] == codes
        said = [*said, *(warning["text"] for warning in run.warnings)]
    assert "“items” more than once" in said[0] and '("NaN" and "\\xE9")' in said[1]
    runs.log(run, "INFO", "half of a pair: \udc00")


@pytest.mark.once
def test_the_stated_charset_and_any_content_type(world: Any, serve: Any) -> None:
    w = world([], rows=ROWS)
    text = json.dumps([{"id": "M-1", "name": "Caféine “pure”", "smiles": "C"}], ensure_ascii=False)
    answer = {}
    w.configure(**{"API URL": serve(lambda a: Reply(**answer)).url, "Connector Settings": PLAIN})
    for kind, codec in (
        ("application/json; charset=windows-1252", "windows-1252"),
        ("text/html; charset=UTF-8", "utf-8"),
        ("text/plain;charset=utf-16", "utf-16"),
        ("application/octet-stream", "utf-8"),
        ("text/javascript", "utf-8-sig"),
        ("application/json; charset=iso-8859-1", "windows-1252"),
    ):
        answer.update(body=text.encode(codec), kind=kind)
        run = w.sync(kind=SyncRun.Kind.FULL)
        assert run.status == SyncRun.Status.SUCCEEDED, kind
        assert w.values()["M-1"]["name"] == "Caféine “pure”", kind


@pytest.mark.once
def test_a_page_that_must_fail_names_the_record(world: Any, serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("registry_sync.source.http.ATTEMPTS", 1)
    w = world([], rows=ROWS)
    body = page(("M-1", b'"smiles": "C"'), ("M-2", b'"smiles": "5" end"'), ("M-3", b'"a": 1'))
    w.configure(**{"API URL": serve(lambda a: Reply(body)).url, "Connector Settings": PLAIN})
    run = w.sync()
    assert run.status == SyncRun.Status.FAILED and "in or after the record M-2" in run.error
    assert not EntityError.objects.exists() and not w.values()
