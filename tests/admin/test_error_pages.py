"""Pages of errors: of one cause, and what the desk cannot show, with what to do instead."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

import pytest
from django.test import Client

from registry_sync.admin import errors
from registry_sync.desk import site
from tests.support import factories as made
from tests.support.desk import text

pytestmark = pytest.mark.once


def told(answer, status: int) -> str:
    assert answer.status_code == status
    page = answer.content.decode()
    assert 'href="/admin/"' in page and "<h1>" in page and 'lang="' in page
    return page


def test_pages_that_are_not_there(owner):
    page = told(owner.get("/admin/registry_sync/plan/99999/change/"), 404)
    assert "This plan does not exist. Nothing has this address." in page
    assert "shell-entries" in page  # the way around
    assert "Nothing has this address" in told(owner.get("/admin/nosuch/"), 404)
    assert "<h1>Not Found</h1>" in owner.get("/nosuch/").content.decode()  # machines ask there


def test_what_one_may_not_do(viewer):
    page = told(viewer.post("/admin/registry_sync/plan/make/", {"lane": 1}), 403)
    assert "Whoever manages users grants it" in page and "shell-entries" in page


def test_a_form_that_is_out_of_date(owner):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies
    page = told(strict.post("/admin/registry_sync/plan/make/", {"lane": 1}), 403)
    assert "reload the page" in page and "Nothing was done" in page


def test_a_page_that_fails_names_the_request(owner, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(site.landing, "mapping_cards", fail)
    owner.raise_request_exception = False
    answer = owner.get("/admin/mapping/")
    page = told(answer, 500)
    assert answer["X-Request-ID"] in page and "a secret detail" not in page
    assert "check before you try again" in page


def test_one_cause_fits_a_screen_until_all_its_errors_are_asked_for(owner):
    def rows(page: str) -> int:
        return page.count('name="_selected_action"')

    here = made.LaneFactory(schema_name="Compound", position=0)
    there = made.LaneFactory(schema_name="Lots", position=1)
    made.EntityErrorFactory.create_batch(errors.FIRST, lane=here, code="name_taken")
    address = "/admin/registry_sync/entityerror/?code=name_taken"
    page = text(owner.get(address))
    assert rows(page) == errors.FIRST and "showall" not in page
    made.EntityErrorFactory.create_batch(60, lane=here, code="name_taken")
    made.EntityErrorFactory(lane=there, code="link_missing")
    page = text(owner.get(address))
    assert rows(page) == errors.FIRST and "<h3>Lots</h3>" not in page
    (whole,) = re.findall(r'<a href="([^"]+)" class="showall">All 70 errors</a>', page)
    assert rows(text(owner.get(urljoin(address, html.unescape(whole))))) == 50
    assert rows(text(owner.get(f"{address}&all="))) == 70
    for lane, named in (("", errors.FIRST), (f"&lane={here.pk}", 0)):
        assert text(owner.get(address + lane)).count("desk-lane") == named
    assert rows(text(owner.get("/admin/registry_sync/entityerror/"))) == 50
