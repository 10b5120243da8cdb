"""Who gets into the desk, and what a browser may do on its pages."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from integration.client_address import client_address
from tests.support.commands import manage
from tests.support.desk import INDEX, person, text

LOGIN = reverse("admin:login")
pytestmark = pytest.mark.once


def attempt(name="Olivia", password="wrong", client=None, url=LOGIN, **headers):
    return (client or Client()).post(url, {"username": name, "password": password}, **headers)


@pytest.fixture
def olivia(transactional_db):
    return User.objects.create_user("Olivia", password="secret", is_staff=True)


def test_after_ten_wrong_passwords_the_login_is_blocked_and_the_log_says_it(olivia, caplog):
    for _ in range(9):
        assert "Please enter the correct username and password" in text(attempt())
    blocked = attempt()
    assert blocked.status_code == 429 and "blocked for 15 minutes" in blocked.content.decode()
    assert attempt(password="secret").status_code == 429, "also for the right password"
    assert any("Locking out" in line and "Olivia" in line for line in caplog.messages)
    assert not any("wrong" in line for line in caplog.messages)
    other = User.objects.create_user("Oscar", password="secret", is_staff=True)
    assert attempt(other.username, "secret").status_code == 302, "others are not blocked"


def test_behind_a_proxy_each_client_has_its_own_attempts(olivia, settings):
    settings.TRUST_PROXY_HEADERS = True
    for _ in range(10):
        attempt(HTTP_X_FORWARDED_FOR="192.0.2.9, 198.51.100.1")
    assert attempt(HTTP_X_FORWARDED_FOR="192.0.2.7, 198.51.100.1").status_code == 429
    there = attempt(password="secret", HTTP_X_FORWARDED_FOR="198.51.100.2")
    assert there.status_code == 302


@pytest.mark.parametrize(
    ("seen", "counted"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("10.0.0.1, 198.51.100.1:4711", "198.51.100.1"),  # as some load balancers write it
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("[2001:db8:1:2::9]:4711", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("unknown", "192.0.2.1"),
        ("198.51.100.1, ", "192.0.2.1"),
        ("", "192.0.2.1"),
    ],
)
def test_neither_ports_nor_the_addresses_of_one_network_are_other_clients(seen, counted, settings):
    settings.TRUST_PROXY_HEADERS = True
    asked = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=seen)
    assert client_address(asked) == counted


def test_without_a_trusted_proxy_its_header_counts_for_nothing():
    given = {"REMOTE_ADDR": "::ffff:192.0.2.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}
    assert client_address(RequestFactory().get("/", **given)) == "192.0.2.1"
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) == ""  # a socket's file


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_foreign_next_leads_to_the_desk(olivia, to):
    answer = attempt(password="secret", url=f"{LOGIN}?next={to}")
    assert (answer.status_code, answer["Location"]) == (302, INDEX)


def test_every_page_forbids_foreign_and_inline_code_and_devices(client, db):
    answer = client.get(LOGIN)
    policy = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'" and policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "camera=()" in answer["Permissions-Policy"]


def test_there_is_no_queue_page(olivia):
    viewer = person("Victor", "Viewers")
    for path in ("", "dashboard/", "dashboard/queues/0/empty/", "dashboard/1/change/"):
        for ask in (viewer.get, viewer.post):
            assert ask(f"{INDEX}django_rq/{path}").status_code == 404


def test_dumpdata_writes_every_table(olivia):
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert '"username": "Olivia"' in out.getvalue()


@pytest.mark.process
def test_without_collectstatic_pages_and_their_files_are_served(tmp_path):
    """Also the files of an upgrade, which an older collection does not have."""
    static = 'settings.STATIC_ROOT.joinpath("staticfiles.json").exists()'
    code = f"""
from django.conf import settings; from django.test import Client
assert not {static}
asked = dict(secure=True, headers={{"host": "sync.example.com"}})
page = Client().get("/admin/login/", **asked)
style = Client().get("/static/registry_sync/desk.css", **asked)
print(page.status_code, "/static/registry_sync/desk.css" in page.content.decode())
print(style.status_code)
"""
    done = manage(
        "shell", "--no-imports", "-v0", "-c", code, DEBUG="0", SECRET_KEY="x" * 60,
        ALLOWED_HOSTS="sync.example.com", DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3",
    )  # fmt: skip
    assert done.stdout.split() == ["200", "True", "200"], done.stderr
