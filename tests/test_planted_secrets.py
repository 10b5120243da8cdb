"""After a lively day no secret of the deployment is anywhere that someone may read."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from registry_sync import runs
from registry_sync.core import kept_secrets
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import AlertMessage, Lane, SyncRun
from registry_sync.reporting.redaction import HIDDEN
from registry_sync.source.client import Source
from sandbox.redis import RedisServer
from sandbox.tenant.state import Fault
from tests.support import planted
from tests.support.canvas import Page
from tests.support.commands import command
from tests.support.factories import AlertSettingsFactory
from tests.support.odd import Asked, Reply
from tests.support.planted import leaks, plant
from tests.support.presses import page_of
from tests.support.registry import compound
from tests.support.worlds import APP, CLIENT, DEFINITION, INCREMENTAL, PRIVATE, PUBLIC

pytestmark = [pytest.mark.once, pytest.mark.slow]
Kind = SyncRun.Kind
NAMES = (
    "api-key",
    "benchling-client",
    "django",
    "redis",
    "database",
    "mail",
    "metrics",
    "heartbeat",
    "chat",
)
SECRETS = {name: plant(name) for name in NAMES}
KEY = SECRETS["api-key"]
BASIC = base64.b64encode(f"client:{KEY}".encode()).decode()
AUTHS = {
    "oauth": {"type": "oauth2_client_credentials", "client_id": "client", "credentials": "form"},
    "query": {"type": "api_key", "name": "sid", "location": "query"},
    "header": {"type": "api_key", "name": "X-CDD-Token"},
    "basic": {"type": "http_basic", "username": "client"},
}


class Registry:
    """Wants the secret in each of four ways; whatever it refuses, it repeats."""

    def __init__(self, serve: Any) -> None:
        self.records = [compound(n) for n in range(25)]
        self.records[3]["approval"] = "unknown"
        self.records[4]["name"] = "Compound 5"
        self.records[6]["parent"] = "GONE"
        self.tokens: list[str] = []
        self.status = 200
        self.server = serve(self.answer)
        self.url = self.server.url + "/compounds"

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/token":
            form = parse_qs(asked.body.decode())
            if form.get("client_secret") != [KEY] or self.status == 401:
                said = {"error": "invalid_client", "error_description": f"{asked.body!r} is wrong"}
                return Reply(said, status=401)
            self.tokens.append(plant(f"registry-token-{len(self.tokens)}"))
            return {"access_token": self.tokens[-1], "token_type": "bearer", "expires_in": 3600}
        given = [asked.headers.get("Authorization"), asked.headers.get("X-CDD-Token")]
        known = [f"Bearer {token}" for token in self.tokens] + [KEY, f"Basic {BASIC}"]
        if self.status != 200 or not {*given, asked.query.get("sid")} & set(known):
            return Reply({"error": f"{asked.headers} {asked.query}"}, status=self.status or 401,
                         headers={"Location": f"/compounds?{urlencode(asked.query)}"})  # fmt: skip
        start = int(asked.query.get("start", 0))
        follows = f"/compounds?start={start + 10}&sid={quote(asked.query.get('sid', ''), safe='')}"
        more = start + 10 < len(self.records)
        return {"items": self.records[start : start + 10], "next": follows if more else None}


@pytest.fixture
def redis() -> Any:
    server = RedisServer().start()
    planted.Redis.from_url(server.url).config_set("requirepass", SECRETS["redis"])
    url = server.url.replace("//", f"//:{quote(SECRETS['redis'], safe='')}@")
    yield url
    server.stop()


@pytest.fixture
def logged(settings) -> Any:
    """Log at DEBUG, as LOG_LEVEL=DEBUG does; give what was written."""
    out, root, ours = io.StringIO(), logging.getLogger(), logging.getLogger("registry_sync")
    handler, before = logging.StreamHandler(out), ours.level
    configured = DictConfigurator(settings.LOGGING)
    handler.setFormatter(configured.configure_formatter(settings.LOGGING["formatters"]["line"]))
    root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    ours.setLevel(before)


@pytest.fixture
def deployment(world, serve, settings, monkeypatch, redis):
    """A world in which every secret is a planted one."""
    registry = Registry(serve)
    w = world([], config={"API Key": KEY}, contract="off", rate_limit=0)
    w.tenant.install_app(APP, DEFINITION, CLIENT, SECRETS["benchling-client"], PUBLIC)
    settings.BENCHLING_CLIENT_SECRET = SECRETS["benchling-client"]
    settings.BENCHLING_APP_DEFINITION_ID = DEFINITION
    settings.BENCHLING_JWKS_URL = f"{w.server.url}/sandbox/jwks"
    settings.SECRET_KEY, settings.METRICS_TOKEN = SECRETS["django"], SECRETS["metrics"]
    settings.EMAIL_READY, settings.EMAIL_HOST_PASSWORD = True, SECRETS["mail"]
    beat = f"{registry.server.url}/beat/{quote(SECRETS['heartbeat'], safe='')}/{{lane}}"
    settings.HEARTBEAT_URL, settings.REDIS_URL = beat, redis
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", SECRETS["database"])
    for queue in settings.RQ_QUEUES.values():
        monkeypatch.setitem(queue, "URL", redis)
    return w, registry


def sign_in_by(w: Any, registry: Registry, how: str) -> None:
    auth = dict(AUTHS[how])
    if how == "oauth":
        auth["access_token_url"] = registry.server.url + "/token"
    settings = {**INCREMENTAL, "client": {"auth": auth}}
    w.configure(**{"API URL": registry.url, "Connector Settings": settings})


def crawled(client: Client, most: int = 150) -> list[tuple[str, str]]:
    """Return the desk's pages and CSVs that links lead to, without filters."""
    client.raise_request_exception = False
    seen, waiting, found = {"/admin/"}, ["/admin/"], []
    while waiting and len(found) < most:
        answer = client.get(address := waiting.pop(0))
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        page = body.decode(errors="replace")
        found.append((f"page {address}", page + str(answer.headers)))
        for link in re.findall(r'href="(/admin/[^"?#]*)', page):
            if link not in seen and not re.search("logout|password|jsi18n", link):
                seen.add(link)
                waiting.append(link)
    return found


def lively(
    w: Any, registry: Registry, desk: Any, monkeypatch: Any, folder: Path
) -> list[tuple[str, str]]:
    """Let everything happen that a deployment lives through; return what was said."""
    said = []

    def run(*words: str) -> None:
        said.append((f"command {words}", command(*words)[1]))

    def manage(*words: str) -> None:
        out = io.StringIO()
        try:
            call_command(*words, stdout=out, stderr=out)
        except (SystemExit, Exception) as end:
            out.write(str(end))
        said.append((f"command {words}", out.getvalue()))

    chat = f"{registry.server.url}/chat/{quote(SECRETS['chat'], safe='')}"
    AlertSettingsFactory(
        emails="ann@example.com", webhook_url=f"{registry.server.url}/hook", chat_kind="slack",
        chat_address=kept_secrets.encrypt(chat, PRIVATE), chat_host="127.0.0.1",
    )  # fmt: skip
    for how in AUTHS:
        sign_in_by(w, registry, how)
        run("--dry-run")
        run()
        manage("doctor")
        for status in (400, 401, 403):  # each time the registry repeats what it was sent
            registry.status = status
            run()
            if status == 400:
                said += asked_on_pages()
        manage("doctor")
        registry.status = 200
    sign_in_by(w, registry, "query")
    registry.server.stopped.set()
    monkeypatch.setattr(Source, "pages", _breaks)
    run()  # an error that no one foresaw
    monkeypatch.undo()
    w.tenant.faults.append(Fault("POST .*token", "status", times=1, status=401, body={
        "error": f"{SECRETS['benchling-client']} is wrong"}))  # fmt: skip
    sign_in_by(w, registry, "oauth")
    w.tenant.revoke_tokens()
    run()
    canvas = Page(w)
    canvas.press("manual_sync")
    if (waiting := runs.active()) is not None:
        jobs.work_to_end(waiting.pk)
    canvas.press("preview")
    if (waiting := runs.active()) is not None:
        jobs.work_to_end(waiting.pk)
    draft = desk.ready(**{"name_field": "{name} [{id}]"})
    desk.publish(draft)
    assert draft.state == "published", desk.told.content.decode()
    desk.start("connection")
    run("--full")
    reconcile()
    history, mapping = str(folder / "history.csv"), str(folder / "mapping.yaml")
    for words in (("audit", "--verify"), ("audit", "--csv", history), ("adopt",),
                  ("mapping", "export", mapping), ("doctor", "--propose")):  # fmt: skip
        manage(*words)
    said += [("file", file.read_text()) for file in folder.iterdir()]
    assert len(list(folder.iterdir())) >= 2
    return said


def asked_on_pages() -> list[tuple[str, str]]:
    """Open the pages that ask the registry; return what they show of its answer."""
    client, lane = Client(), Lane.objects.get()
    client.force_login(
        User.objects.get_or_create(username="Una", is_superuser=True, is_staff=True)[0]
    )
    record = f"?id=C-000001&lane={lane.pk}"
    pages = {
        "Test connection": page_of("registry_unauthorised", "test-connection"),
        "step by step": reverse("admin:registry_sync_record_steps") + record,
    }
    shown = {name: client.get(address).content.decode() for name, address in pages.items()}
    return list(shown.items())


def _breaks(self: Source, *args: Any, **more: Any) -> Any:
    raise RuntimeError(f"Max retries exceeded with url: /compounds?sid={quote(KEY, safe='')}")


@pytest.mark.invariant(9)
def test_no_planted_secret_is_found_and_a_planted_leak_is(
    deployment, desk, monkeypatch, logged, redis, tmp_path
):
    w, registry = deployment
    benchling_tokens: dict[str, str] = {}
    new_token = type(w.tenant).new_token

    def noted(self: Any, *args: Any, **more: Any) -> str:
        token = new_token(self, *args, **more)
        benchling_tokens[f"benchling-token-{len(benchling_tokens)}"] = token
        return token

    monkeypatch.setattr(type(w.tenant), "new_token", noted)
    with monkeypatch.context() as within:
        said = lively(w, registry, desk, within, tmp_path)
    assert len(w.values()) > 20 and SyncRun.objects.filter(status="FAILED").count() > 5
    beats = [asked.path for asked in registry.server.asked if asked.path.startswith("/beat/")]
    assert len(beats) > 5 and {path.endswith("/fail") for path in beats} == {True, False}
    assert any(asked.path.startswith("/chat/") for asked in registry.server.asked)
    assert mail.outbox and AlertMessage.objects.exists() and registry.tokens and benchling_tokens
    secrets = SECRETS | benchling_tokens | {token: token for token in registry.tokens}
    secrets |= {"private key": PRIVATE.splitlines()[3], "basic": BASIC}
    root = Client()
    root.force_login(User.objects.create_superuser("Ruth"))
    pages = crawled(root)
    assert len(pages) > 40, [place for place, _ in pages]

    def places() -> list[tuple[str, str]]:
        """Return what stands now in everything that keeps what was written."""
        hooks = [str(asked.body) for asked in registry.server.asked if asked.path == "/hook"]
        shown = [w.tenant.sessions, w.tenant.canvases]
        return [
            *planted.in_database(), *planted.in_redis(planted.Redis.from_url(redis)),
            ("log", logged.getvalue()),
            *(("mail", f"{message.subject} {message.body}") for message in mail.outbox),
            *(("alert", hook) for hook in hooks),
            ("Benchling", json.dumps(shown, default=str)),
        ]  # fmt: skip

    tested = [page for place, page in said if place == "Test connection"]
    assert sum(HIDDEN in page for page in tested) > 2  # Benchling's request limit may stop one
    assert leaks([*said, *pages, *places()], secrets) == set()
    last = SyncRun.objects.latest("pk")
    hidden = base64.b64encode(f"x:{KEY}".encode()).decode()
    runs.log(last, "DEBUG", f"Authorization: Basic {hidden}")
    planted.Redis.from_url(redis).set("leak", quote(SECRETS["redis"]))
    session = root.session
    session["leak"] = SECRETS["django"]
    session.save()
    assert {
        ("table registry_sync_runlog", "api-key"), ("log", "api-key"), ("Redis", "redis"),
        ("session", "django"),
    } <= leaks(places(), secrets)  # fmt: skip
