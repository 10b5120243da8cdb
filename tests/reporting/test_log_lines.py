"""The service's log: as text and as JSON, with what each line belongs to."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from registry_sync.core import log_context
from registry_sync.reporting.log_lines import JsonFormatter, SecretFreeFormatter
from tests.support.commands import manage
from tests.support.registry import compound

pytestmark = pytest.mark.once

TEXT = "level=%(levelname)s %(ids)s%(message)s"
SECRET = 'Tr0ub4"dor of the client'


def record(text: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("registry_sync.x", logging.WARNING, "x.py", 1, text, args, None)
    vars(made).update(more)
    return made


def test_a_line_has_what_is_bound_around_it() -> None:
    with log_context.bind(run=7, lane="Compound (site A)", delivery=None):
        text = SecretFreeFormatter(TEXT).format(record("%s pages", 3))
        line = json.loads(JsonFormatter().format(record("%s pages", 3)))
    assert text == 'level=WARNING run=7 lane="Compound (site A)" 3 pages'
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING", "logger": "registry_sync.x", "message": "3 pages",
        "run": 7, "lane": "Compound (site A)",
    }  # fmt: skip
    assert SecretFreeFormatter(TEXT).format(record("then")) == "level=WARNING then"


def test_no_line_has_a_secret_and_json_stays_one_line(settings) -> None:
    settings.BENCHLING_CLIENT_SECRET = SECRET
    try:
        raise ValueError(f"refused: {SECRET}\nand more")
    except ValueError:
        failed = record("It failed with %s", SECRET, exc_info=sys.exc_info())
    with log_context.bind(lane=SECRET):
        line = JsonFormatter().format(failed)
    assert "\n" not in line and "Tr0ub4" not in line
    assert "of the client" not in line and "ValueError" in json.loads(line)["exception"]


def test_no_message_forges_a_line_or_commands_a_terminal(settings) -> None:
    said = "refused\n2026-11-28 level=ERROR forged\r\x1b[2J\u2028\x9bend"
    text = SecretFreeFormatter(TEXT).format(record("The registry: %s", said))
    assert text.splitlines() == [
        r"level=WARNING The registry: refused\n2026-11-28 level=ERROR forged\r\x1b[2J\u2028\x9bend"
    ]
    line = JsonFormatter().format(record("%s", said))
    assert json.loads(line)["message"] == said
    assert line.splitlines() == [line] and "\x9b" not in line
    settings.BENCHLING_CLIENT_SECRET = "of several\nlines"
    text = SecretFreeFormatter(TEXT).format(record("It is of several\nlines, and so on\n"))
    assert "of several" not in text and "\n" not in text


def test_requests_and_runs_are_found_in_the_log(world, client, caplog, monkeypatch) -> None:
    w = world([compound(n) for n in range(3)])
    caplog.set_level("INFO", "registry_sync")
    monkeypatch.setattr(caplog.handler, "formatter", JsonFormatter())  # all tests have this one
    run = w.sync()
    lines = [json.loads(line) for line in caplog.text.splitlines()]
    assert {line.get("run") for line in lines} == {run.pk}
    assert run.lane.schema_name in {line.get("lane") for line in lines}
    assert len(client.get("/healthz?live").headers["X-Request-ID"]) == 32


def test_a_refusal_has_the_id_of_its_request(client, caplog, monkeypatch, db) -> None:
    monkeypatch.setattr(caplog.handler, "formatter", JsonFormatter())
    answer = client.post("/benchling/webhooks", b"{}", "application/json")
    (line,) = map(json.loads, caplog.text.splitlines())  # Django logs it after the middleware
    assert line["message"] == "Unauthorized: /benchling/webhooks"
    assert line["request"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(("trusted", "kept"), [(True, True), (False, False)])
def test_the_id_of_a_trusted_proxy_is_taken(client, settings, trusted, kept) -> None:
    settings.TRUST_PROXY_HEADERS = trusted
    told = client.get("/healthz?live", headers={"X-Request-ID": "edge-1"}).headers["X-Request-ID"]
    forged = client.get("/healthz?live", headers={"X-Request-ID": "a b\tc"}).headers
    assert (told == "edge-1") is kept and len(forged["X-Request-ID"]) == 32


def test_another_format_is_refused_by_name() -> None:
    done = manage("check", DEBUG="1", LOG_FORMAT="xml")
    assert done.returncode == 1 and "LOG_FORMAT=xml must be text or json." in done.stderr
