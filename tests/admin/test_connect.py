"""*Connect a registry*: the path of pages, whose state is learned from what exists."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from registry_sync.admin import connect
from registry_sync.jobs import runner
from registry_sync.models import ConnectionTest, MappingDraft, SyncRun
from tests.support import factories as made
from tests.support.desk import text
from tests.support.lims import FIELDS, KEY, lims
from tests.support.registry import compound
from tests.support.worlds import World

pytestmark = pytest.mark.once


def page(name: str = "") -> str:
    return reverse(f"admin:registry_sync_connect{f'_{name}' if name else ''}")


@pytest.fixture
def empty(world: Any) -> World:
    """An app whose configuration names the Benchling side only."""
    w: World = world([], fields=FIELDS)
    nothing = {"API URL": None, "API Key": None, "Connector Settings": None,
               "Field Configurations": [], "Modified Since Parameter": ""}  # fmt: skip
    w.configure(**nothing)
    return w


def bar(html: str) -> list[str]:
    """Return the state of every step of a page's bar."""
    (nav,) = re.findall(r'<nav class="connect-bar".*?</nav>', html, re.S)
    return re.findall(r'<span class="visually-hidden">: ([^<]+)<', nav)


def test_from_nothing_to_a_green_dry_run(empty: World, owner: Client, serve: Any) -> None:
    w = empty
    for at in (reverse("admin:index"), reverse("admin:settings")):
        assert f'href="{page()}"' in text(owner.get(at))
    assert owner.get(page())["Location"] == page("access")
    html = text(owner.get(page("access")))
    assert bar(html) == ["to do"] * 8
    assert "API URL is missing" in html and "API Key is missing" in html
    assert "Connections" in html and "Configuration" in html and w.server.url in html

    w.configure(**{"API URL": serve(lims).url + "/list", "API Key": KEY})
    assert owner.get(page())["Location"] == page("test")
    html = text(owner.post(page("test"), {"do": "test"}, follow=True))
    assert bar(html)[:3] == ["done", "done", "to do"]
    assert "401 (the key was refused)" in html and re.search(r"200, \d+ bytes", html)
    assert KEY not in html and KEY not in str(ConnectionTest.objects.values())

    assert owner.get(page())["Location"] == page("proposal")
    html = text(owner.get(page("proposal")))
    assert "A bearer token was refused; this was accepted." in html
    (connector,) = re.findall(r'<textarea id="connector"[^>]*>(.*?)</textarea>', html, re.S)
    sent = {"do": "use", "connector": connector.replace("&quot;", '"')}
    html = text(owner.post(page("proposal"), sent, follow=True))
    assert bar(html)[:5] == ["done", "done", "done", "done", "to do"]
    assert "K-000" in html and "t0ken-0" not in html

    draft = MappingDraft.objects.get()
    at = {name: reverse(f"admin:registry_sync_mappingdraft_{name}", args=[draft.pk])
          for name in ("change", "preview", "publish")}  # fmt: skip
    assert owner.get(page())["Location"] == at["change"]
    sent = {"do": "take_all", "version": draft.version}
    html = text(owner.post(at["change"], sent, follow=True))
    assert "Take code" in html  # no value is called a name
    sent = {"do": "take_name", "version": draft.version + 1}
    html = text(owner.post(at["change"], sent, follow=True))
    assert bar(html)[4:6] == ["done", "to do"] and owner.get(page())["Location"] == at["preview"]
    html = text(owner.post(at["preview"], {"do": "sample"}, follow=True))
    assert bar(html)[5] == "done" and owner.get(page())["Location"] == at["publish"]
    draft.refresh_from_db()
    sent = {"do": "publish_and_dry_run", "version": draft.version, "reason": "It is ours"}
    html = text(owner.post(at["publish"], sent, follow=True))
    assert bar(html)[6:] == ["done", "to do"]

    run = SyncRun.objects.get()
    runner.work_to_end(run.pk)
    html = text(owner.get(page("dry_run")))
    assert bar(html) == ["done"] * 8 and "30 records, none refused" in html
    assert bar(text(owner.get(reverse("admin:registry_sync_syncrun_change", args=[run.pk]))))
    assert w.tenant.counters["objects_written"] == 0

    assert "Go on connecting" in text(owner.get(reverse("admin:index")))
    w.sync()
    assert f'href="{page()}"' not in text(owner.get(reverse("admin:index")))
    assert 'class="connect-bar"' not in text(owner.get(at["change"]))
    assert owner.get(page())["Location"] == page("dry_run")


def test_what_fails_is_said_with_what_to_do(
    empty: World, owner: Client, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = empty
    w.configure(**{"API URL": serve(lims).url + "/list", "API Key": "wr0ng-key"})
    html = text(owner.post(page("test"), {"do": "test"}, follow=True))
    assert bar(html)[1] == "failed" and "API Key" in html and "wr0ng-key" not in html
    w.configure(**{"API Key": "another-key"})
    html = text(owner.get(page("test")))
    assert bar(html)[1] == "to do" and "API Key is another one since the last test" in html
    w.configure(**{"API URL": serve(lambda asked: {"status": "ok"}).url})
    html = text(owner.get(page("test")))
    assert bar(html)[1] == "to do" and "API URL is another one since the last test" in html
    html = text(owner.post(page("test"), {"do": "test"}, follow=True))
    assert bar(html)[1] == "failed" and "no list of records" in html
    owner.post(page("proposal"), {"do": "use", "connector": "{"})
    assert not MappingDraft.objects.exists()
    w.server.stop()
    monkeypatch.setattr(connect, "PATIENCE", 0.4)
    html = text(owner.get(page("access")))
    assert bar(html)[0] == "failed"


def test_each_lane_has_its_own_path(
    world: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world([compound(n) for n in range(2)])
    w.sync()
    w.add_lane("Lot", [compound(5)], rows=[])
    html = text(owner.get(page()))
    assert html.count('class="connect-bar"') == 2 and "Go on with Lot" in html
    assert "Look at Compound" in html
    (there,) = re.findall(r'href="([^"]+)">Go on with Lot', html)
    html = text(owner.post(there.replace("&amp;", "&"), {"do": "test"}, follow=True))
    assert ConnectionTest.objects.get().element and bar(html)[:2] == ["done", "done"]
    assert owner.get(page("test") + "?sync=nothing").status_code == 404

    element = ConnectionTest.objects.get().element
    made.MappingDraftFactory(schema_id="ts_lot", base={"element": element})
    w.server.stop()
    monkeypatch.setattr(connect, "PATIENCE", 0.4)
    for asked, others in (("", element), (f"?sync={element}", "Compound")):
        shown = owner.get(page("access") + asked)
        html = text(shown)
        assert shown.status_code == 200 and bar(html)[0] == "failed" and others not in html


def test_a_draft_is_read_again_only_by_who_may_change_it(
    empty: World, owner: Client, serve: Any, client: Client
) -> None:
    empty.configure(**{"API URL": serve(lims).url + "/list", "API Key": KEY})
    owner.post(page("test"), {"do": "test"})
    owner.post(page("proposal"), {"do": "use", "connector": ""})
    draft = MappingDraft.objects.get()
    adds = User.objects.create_user("Ada", is_staff=True)
    for name in ("view_mappingdraft", "add_mappingdraft"):
        adds.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(adds)
    assert "Read them again" not in text(client.get(page("records")))
    assert client.post(page("records"), {"do": "again"}).status_code == 403
    draft.refresh_from_db()
    assert draft.version == 1
    assert "Read them again" in text(owner.get(page("records")))
    assert owner.post(page("records"), {"do": "again"}).status_code == 302
    draft.refresh_from_db()
    assert draft.version == 2
    MappingDraft.objects.update(state=MappingDraft.State.PUBLISHED)
    assert "Read them again" not in text(owner.get(page("records")))
    said = text(owner.post(page("records"), {"do": "again"}, follow=True))
    assert "This draft is published. Start a new draft to change the mapping." in said
    assert "Someone else" not in said


def test_viewers_are_not_let_in(empty: World, viewer: Client) -> None:
    assert viewer.get(page("access")).status_code == 403
