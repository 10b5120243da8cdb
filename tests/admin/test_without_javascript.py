"""The paths of docs/desk.md without JavaScript: by the links and forms of each page's HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from registry_sync.desk.cures import names
from registry_sync.models import MappingDraft
from tests.support import ROOT
from tests.support.desk import INDEX
from tests.support.lims import FIELDS, KEY, lims
from tests.support.people import by_hand, hand
from tests.support.plain_pages import PlainPages
from tests.support.presses import REASON, work
from tests.support.registry import compound
from tests.support.worlds import looked_up

pytestmark = pytest.mark.once
TABLE = ROOT / "docs" / "desk.md"
NUMBER = re.compile(r"[Tt]ype (?:this|their) number, (\d+)")


@contextmanager
def path(pages: PlainPages, name: str) -> Iterator[None]:
    """Hold a path that begins on Today to the clicks that docs/desk.md says."""
    pages.open(INDEX)
    yield
    assert f"| {name} | {pages.clicks} |" in TABLE.read_text(encoding="utf-8")


def confirmed(pages: PlainPages) -> dict[str, str]:
    """Give the reason, and the number that the page asks for, if it asks for one."""
    asked = NUMBER.search(pages.words)
    return {"reason": REASON, **({"typed": asked[1]} if asked else {})}


def cure(pages: PlainPages, name: str, link: str, button: str) -> None:
    """Walk from Today by a link to a button, and look at the page after what it started."""
    with path(pages, name):
        pages.follow(link)
        pages.press(button, **confirmed(pages))
    work()
    pages.look_again()


def test_each_path_is_walked_by_links_and_forms_alone(
    world: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "enqueue_preview", lambda draft: True)
    w = world([compound(n) for n in range(11)], config={"Connector Settings": looked_up()})
    for n in (2, 3, 4):
        w.registry.record(f"C-{n:06}")["name"] = "Compound 0"
    for n in (5, 6, 7):
        w.registry.record(f"C-{n:06}")["kind"] = f"Kind {n}"
    for n in (8, 9, 10):
        hand(w, f"CMP-{n}", f"Compound {n}")
    w.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000001", Approval=1)
    w.sync(kind="full")
    pages = PlainPages(owner)
    cure(pages, "40 missing options", "Add these options…", "Add these options")
    assert "3 of 3 records went through" in pages.words
    cure(pages, "adopt 3 entities", "Adopt these…", "Adopt these")
    assert "3 of 3 records went through" in pages.words
    cure(pages, "a drifted value", "Restore or accept…", "Restore the registry's")
    assert w.values()["C-000001"]["Approval"] == 1951
    w.registry.edit("C-000002", name="Compound 2")
    cure(pages, "one refused name", "Check again…", "Check all again")
    assert "1 of 3 records went through" in pages.words
    with path(pages, "all 37 refused names, by a template"):
        pages.follow("Let names hold the id…")
        pages.press("Start the draft", **confirmed(pages))
        call_command("mapping", "preview", str(MappingDraft.objects.latest("pk").pk))
        pages.look_again()
        pages.follow("Publish…")
        pages.press("Publish and sync", **confirmed(pages))
    work()
    assert w.values()["C-000003"]["name"] == "Compound 0 [C-000003]"
    with path(pages, "roll back with preview"):
        pages.follow("Mapping")
        pages.follow("Version 1")
        pages.press("Roll back to version 1")
        pages.press("Roll back to version 1", **confirmed(pages))
    assert "Published as version 3" in pages.words


def test_ones_own_registry_is_connected_without_javascript(
    world: Any, owner: Client, serve: Any
) -> None:
    w = world([], fields=FIELDS)
    there = {"API URL": serve(lims).url + "/list", "API Key": KEY}
    rest = {"Connector Settings": None, "Field Configurations": [], "Modified Since Parameter": ""}
    w.configure(**rest, **dict.fromkeys(there))
    pages = PlainPages(owner)
    with path(pages, "one's own registry to a green dry run"):
        pages.follow("Connect a registry")
        w.configure(**there)  # typed in Benchling
        pages.follow("I filled them in")
        pages.press("Test")
        pages.follow("Next: Settings")
        pages.press("Use these settings")
        pages.follow("Next: Mapping")
        pages.press("Take all suggestions above")
        pages.press("Take code")
        pages.press("Preview on the sample")
        pages.follow("Publish…")
        pages.press("Publish and dry-run", reason=REASON)
    run = work()
    pages.look_again()
    assert (run.status, run.read, w.written()) == ("SUCCEEDED", 30, 0)
    assert "K-029 would be created" in pages.words
