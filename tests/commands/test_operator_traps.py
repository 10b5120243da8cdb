"""What an operator gets wrong ends in one line that says what to do, and in no traceback."""

from __future__ import annotations

import errno
import gc
import io
import json
import logging
import os
import sqlite3
import sys
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection
from gunicorn.config import Config
from redis import Redis

from integration import command_line, environment
from integration.command_line import failure_sentence
from integration.web_log import JsonLogger
from registry_sync import checks
from registry_sync.core.dotted_paths import RUN_SYNC
from registry_sync.management import backups, operator
from registry_sync.models import app_scope
from registry_sync.monitoring import views
from registry_sync.reporting.log_lines import SecretFreeFormatter
from registry_sync.runs import queue
from registry_sync.runs.queue import push_slice
from tests.support.commands import manage

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def no_faults(monkeypatch) -> None:
    monkeypatch.setattr(environment, "FAULTS", [])


@pytest.mark.parametrize(
    "url",
    ["mysql://u:hidden@host/name", "mssql://u:hidden@host/name", "sqlite://srv/sync.sqlite3",
     "postgres://u:hidden@host", "postgres://u:hid@den#@host:x/name"],
)  # fmt: skip
def test_a_database_that_cannot_be_used_is_refused_without_its_password(monkeypatch, url) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    environment.env_database("DATABASE_URL", "")
    (told,) = environment.FAULTS
    assert told.startswith("DATABASE_URL must be the URL of a database") and "hid" not in told


@pytest.mark.parametrize(
    "url", ["postgresql://u:p%40@host:6432/name", "postgres:///?service=sync", "sqlite:////srv/x"]
)
def test_a_database_that_can_be_used_is_not(monkeypatch, url) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert environment.env_database("DATABASE_URL", "")["ENGINE"] and not environment.FAULTS


def test_a_secret_of_an_editor_on_windows_is_read(monkeypatch, tmp_path) -> None:
    (tmp_path / "secret").write_bytes("s3cret\r\n".encode("utf-8-sig"))
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "secret"))
    assert environment.env_secret("REDIS_URL") == "s3cret"
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path))
    assert environment.env_secret("REDIS_URL") == ""
    (told,) = environment.FAULTS
    assert told == f"REDIS_URL_FILE={tmp_path} cannot be read: Is a directory."


@pytest.mark.parametrize("given", ["sync", "https://a/sync", "/a b"])
def test_a_path_in_front_of_every_address_begins_with_a_slash(monkeypatch, given) -> None:
    monkeypatch.setenv("SCRIPT_NAME", given)
    assert environment.env_path_prefix("SCRIPT_NAME") == ""
    (told,) = environment.FAULTS
    assert told == f"SCRIPT_NAME={given} must be a path that begins with a slash, such as /sync."
    monkeypatch.setenv("SCRIPT_NAME", "/sync/")
    assert environment.env_path_prefix("SCRIPT_NAME") == "/sync"


@pytest.mark.parametrize(
    "given", ["https://b/{id}/jwks", "https://b/{}", "https://b/{app_id", "{0}"]
)
def test_an_address_of_keys_has_no_other_place_in_braces(monkeypatch, given) -> None:
    places = ("app_definition_id", "app_id")
    monkeypatch.setenv("BENCHLING_JWKS_URL", given)
    assert environment.env_template("BENCHLING_JWKS_URL", "https://b/{app_id}", places) != given
    (told,) = environment.FAULTS
    assert told.endswith("can only have {app_definition_id} and {app_id} in braces.")


def test_a_command_of_django_says_that_the_database_does_not_answer(
    db, monkeypatch, capsys
) -> None:
    def fails(_: object) -> None:
        raise OperationalError('connection to server at "db" failed:\n\tIs it running?\n')

    monkeypatch.setattr("django.core.management.ManagementUtility.execute", fails)
    monkeypatch.setattr(sys, "argv", ["manage.py", "createsuperuser"])
    try:
        with pytest.raises(SystemExit) as end:
            command_line._manage()
    finally:
        gc.enable()
    assert end.value.code == (
        'The database cannot be used: connection to server at "db" failed: Is it running? The '
        "operator must check DATABASE_URL, and whether manage.py migrate was run."
    )


@pytest.mark.process
def test_the_web_service_does_not_start_with_settings_that_it_cannot_use() -> None:
    done = manage("web", WEB_CONCURRENCY="many", SECRET_KEY="x" * 60)
    assert done.returncode == 1
    assert done.stderr == (
        "The settings cannot be used: WEB_CONCURRENCY=many must be a whole number from 1 to 1000.\n"
    )


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("database or disk is full", "make room on the disk"),
        ("attempt to write a readonly database", "write to the database's file and its folder"),
        ("unable to open database file", "create the folder that DATABASE_URL names"),
        ('connection to server at "db" failed:\n\tIs it running?\n', "check DATABASE_URL"),
    ],
)
def test_what_the_database_says_has_its_remedy(db, said, remedy) -> None:
    for told in (failure_sentence(OperationalError(said), ["showmigrations"]),
                 operator.database_sentence(OperationalError(said))):  # fmt: skip
        assert " ".join(said.split()) in told and remedy in told and "\n" not in told
    assert failure_sentence(OperationalError(said), ["shell", "-c", "…"]) == ""
    assert failure_sentence(OperationalError(said), ["migrate", "--traceback"]) == ""


def test_tables_that_are_missing_are_not_told_to_whoever_makes_them(db, monkeypatch) -> None:
    monkeypatch.setattr(operator, "is_unmigrated", lambda: True)
    denied = DatabaseError("permission denied for schema public")
    assert failure_sentence(denied, ["createsuperuser"]) == operator.UNMIGRATED
    assert "make the user of DATABASE_URL the owner" in failure_sentence(denied, ["migrate"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "must make room on the disk"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "/x cannot be used: Read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "let this command's user write"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), ""),
    ],
)
def test_a_file_that_cannot_be_written_has_its_remedy(error, said) -> None:
    told = operator.file_sentence(error)
    assert told == failure_sentence(error, ["collectstatic"])
    assert said in told and bool(said) == bool(told)


def test_a_reader_that_has_read_enough_is_no_error(monkeypatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        stream.write("what `head` does not want")
        command_line._flush(stream)

    def gone() -> None:
        raise BrokenPipeError

    monkeypatch.setattr(command_line, "_run", gone)
    with pytest.raises(SystemExit) as end:
        command_line.main()
    assert end.value.code == 141


class Full(io.StringIO):
    """Where nothing more can be written to."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_ends_a_command_in_a_line(db) -> None:
    with pytest.raises(CommandError, match=r"The operator must make room on the disk\."):
        call_command("prune", stdout=Full())


@pytest.mark.parametrize(
    ("host", "fits"),
    [("sync.example.com", True), (".example.com", True), ("*", True), ("[::1]", True),
     ("https://sync.example.com", False), ("sync.example.com:8000", False), ("a.b/sync", False),
     ("a.b c.d", False), ("::1", False)],
)  # fmt: skip
def test_a_host_that_no_request_can_match_is_named(settings, host, fits) -> None:
    settings.ALLOWED_HOSTS = [host]
    found = [message for message in checks.check_hosts(None) if host in message.msg]
    assert not found if fits else [message.id for message in found] == ["registry_sync.W008"]


@pytest.mark.parametrize(
    "url", ["127.0.0.1:6379", "redis://h:port/0", "redis://:p#ss@h:1/0", "redis://["]
)
def test_an_address_that_is_no_redis_is_told_and_breaks_nothing(settings, client, db, caplog, url):
    settings.REDIS_URL = url
    assert "registry_sync.W006" in [message.id for message in checks.check_queue(None)]
    health = client.get("/healthz")
    assert health.status_code == 503 and health.json()["redis"].startswith("unreachable")
    assert not push_slice(RUN_SYNC, 1, "job", "run=1", keep=1)
    SecretFreeFormatter("%(message)s").format(caplog.records[-1])
    assert "ss@h" not in caplog.text


def test_what_queues_a_job_waits_a_second_for_redis_and_a_job_longer(settings, monkeypatch):
    settings.REDIS_URL, limits = "redis://127.0.0.1:1/0", []
    made = Redis.from_url

    def noted(url, **given):
        limits.append((given.get("socket_connect_timeout"), given.get("socket_timeout")))
        return made(url, **given)

    monkeypatch.setattr(Redis, "from_url", noted)
    assert not push_slice(RUN_SYNC, 1, "job", "run=1", keep=1)
    monkeypatch.setattr(queue, "is_worker", lambda: True)
    assert not push_slice(RUN_SYNC, 1, "job", "run=1", keep=1)
    assert limits == [(1.0, 1.0), (5.0, 5.0)]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [(OperationalError("hidden"), 503, "run manage.py migrate if migrations are missing"),
     (KeyError("hidden"), 500, "by the request id edge-7")],
)  # fmt: skip
def test_a_page_that_fails_says_who_must_act(client, settings, monkeypatch, error, status, said):
    def fails(*_: object) -> None:
        raise error

    client.raise_request_exception = False
    settings.TRUST_PROXY_HEADERS = True
    monkeypatch.setattr("django.contrib.auth.views.LoginView.get", fails)
    page = client.get("/admin/login/", headers={"X-Request-ID": "edge-7"})
    assert page.status_code == status and said in page.content.decode()
    assert "hidden" not in page.content.decode()


def test_a_page_at_an_unknown_host_says_what_is_missing(client, settings) -> None:
    settings.ALLOWED_HOSTS = ["sync.example.com"]
    page = client.get("/admin/login/", headers={"host": "10.1.2.3"})
    assert page.status_code == 400 and "to ALLOWED_HOSTS" in page.content.decode()


def test_health_tells_tables_that_are_missing_from_a_database_that_is(db, client, monkeypatch):
    def lost(*_: object, **__: object) -> object:
        raise OperationalError("no such table")

    monkeypatch.setattr(views, "lanes_or_none", lost)
    assert client.get("/healthz").json()["database"] == "unreachable"
    monkeypatch.setattr(views.pending_migrations, "missing", lambda: 3)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "not migrated: run manage.py migrate"


def test_a_backup_names_what_gunicorn_reads_too(monkeypatch) -> None:
    monkeypatch.setenv("BIND", "[::1]:8000")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "")
    assert "BIND" in environment.set_variables()
    assert "OTEL_SDK_DISABLED" not in environment.set_variables()


def test_a_backup_that_fails_leaves_no_file(db, tmp_path, monkeypatch) -> None:
    def full(to: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(to))

    monkeypatch.setattr(backups, "_copy_sqlite", full)
    monkeypatch.setattr(backups, "_dump_postgresql", full)
    with pytest.raises(CommandError, match="must make room on the disk"):
        call_command("backup", str(tmp_path / "a.backup"))
    assert not list(tmp_path.iterdir())


def test_a_backup_of_nothing_and_a_full_disk_of_sqlite_are_told(db, tmp_path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(backups.sqlite3, "connect", full)
    with pytest.raises(OperationalError, match="disk is full"):
        backups._load_sqlite(tmp_path / "dump")
    nothing = SimpleNamespace(applied_migrations={})
    monkeypatch.setattr(backups, "MigrationLoader", lambda _: nothing)
    with pytest.raises(CommandError, match="has no tables, so there is nothing to back up"):
        call_command("backup", str(tmp_path / "a.backup"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["https://[acme", "https://acme.benchling.com:port"])
def test_an_address_of_benchling_that_is_none_is_told(url) -> None:
    assert checks.url_fault(url) == f"is not a web address: {url}"


def test_rows_are_asked_for_whatever_the_address_of_benchling_is(settings) -> None:
    settings.BENCHLING_URL = "https://[acme"
    assert app_scope.tenant_host() == "https://[acme"


def test_a_backup_uses_what_the_address_of_the_database_says_of_tls(monkeypatch) -> None:
    given = {"dbname": "sync", "host": "db", "password": "p", "sslmode": "verify-full",
             "sslrootcert": "/ca.pem", "application_name": "registry-sync",
             "prepare_threshold": None, "cursor_factory": object}  # fmt: skip
    monkeypatch.setattr(connection, "get_connection_params", lambda: given)
    assert backups._connection_variables() == {
        "PGDATABASE": "sync", "PGHOST": "db", "PGPASSWORD": "p", "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca.pem", "PGAPPNAME": "registry-sync-backup",
    }  # fmt: skip


def test_gunicorn_writes_json_where_the_service_does() -> None:
    logger = JsonLogger(Config())
    written = io.StringIO()
    for handler in logger.error_log.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
    logger.info("Listening at: %s (%s)", "http://127.0.0.1:8000", 7)
    try:
        raise ValueError("a\nb")
    except ValueError:
        logger.exception("Error handling request")
    for handler in list(logger.error_log.handlers):
        logger.error_log.removeHandler(handler)
    first, second = map(json.loads, written.getvalue().splitlines())
    assert first["message"] == "Listening at: http://127.0.0.1:8000 (7)"
    assert "ValueError: a\nb" in second["exception"] and second["logger"] == "gunicorn.error"


@pytest.mark.parametrize(
    "words",
    [("audit", "--csv", "-"), ("reconcile", "--csv", "-"), ("reconcile", "--statement", "-"),
     ("backup", "-"), ("manifest", "--new-key", "-")],
)  # fmt: skip
def test_what_is_signed_or_secret_is_not_written_to_standard_output(
    words, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=r"Name a file\.") as refused:
        call_command(*words)
    assert refused.value.returncode == 64 and not list(tmp_path.iterdir())
