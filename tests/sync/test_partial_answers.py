"""A GraphQL registry: proposed from its query, and a field that fails is no empty value."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from registry_sync.models import SyncRun
from tests.support.odd import Asked

pytestmark = pytest.mark.once
QUERY = (
    "query($from: String){samples(first: 20, after: $from){totalCount "
    "edges{cursor node{key name owner{mail}}} pageInfo{hasNextPage endCursor}}}"
)


class Samples:
    """A list of Relay's kind, as Ariadne and Strawberry serve it."""

    def __init__(self) -> None:
        self.broken = ""

    def answer(self, asked: Asked) -> Any:
        start = int((asked.json.get("variables") or {}).get("from") or -1) + 1
        edges: list[Any] = []
        errors = []
        for n in range(start, min(start + 20, 30)):
            owner = {"mail": f"m{n}@example.com"} if f"S{n}" != self.broken else None
            if owner is None:
                where = ["samples", "edges", n - start, "node", "owner"]
                errors.append({"message": "directory is down", "path": where})
            node = {"key": f"S{n}", "name": f"Sample {n}", "owner": owner}
            edges.append({"cursor": str(n), "node": node})
        info = {"hasNextPage": start + 20 < 30, "endCursor": edges[-1]["cursor"]}
        body = {"data": {"samples": {"totalCount": 30, "edges": edges, "pageInfo": info}}}
        return {**body, "errors": errors} if errors else body


def test_a_field_that_fails_keeps_its_value(world: Any, serve: Any, patient: Any) -> None:
    samples = Samples()
    w = world([], fields=[{"name": "Owner", "type": "text"}], rows=[("Owner", "node.owner.mail")])
    asked = {"endpoint": {"json": {"query": QUERY}, "absent": "clear"}}
    w.configure(**{"API URL": serve(samples.answer).url + "/graphql", "Connector Settings": asked,
                   "External ID Field": "node.key",
                   "External Name Field": "node.name"})  # fmt: skip
    out = io.StringIO()
    call_command("doctor", "--propose", stdout=out)
    text = out.getvalue().partition("Connector Settings:\n")[2].partition("\n\nNothing")[0]
    proposed = json.loads(text)
    assert proposed["endpoint"]["json"] == {"query": QUERY}
    assert proposed["endpoint"]["paginator"]["cursor_body_path"] == "variables.from"
    proposed["endpoint"]["absent"] = "clear"
    w.configure(**{"Connector Settings": proposed})
    assert (w.sync().created, w.open_errors()) == (30, {})
    samples.broken = "S25"
    run = w.sync()
    assert run.status == SyncRun.Status.COMPLETED_WITH_WARNINGS
    assert [warning["code"] for warning in run.warnings] == ["answer_partial"]
    [(external_id, error)] = w.open_errors().items()
    assert (external_id, error.code) == ("S25", "record_in_part")
    assert "directory is down" in error.message
    assert w.values()["S25"]["Owner"] == "m25@example.com"
    w.sync(kind=SyncRun.Kind.RETRY)  # its copy lacks a value: it is not sent
    assert w.values()["S25"]["Owner"] == "m25@example.com" and w.open_errors()
    for only in (["S1", "S25"], ["S25"]):
        run = w.sync(only=only)
        assert (run.failed, run.warnings) == (1, []), only
        assert w.open_errors()["S25"].code == "record_in_part"
    samples.broken = ""
    assert w.sync().status == SyncRun.Status.SUCCEEDED and not w.open_errors()
