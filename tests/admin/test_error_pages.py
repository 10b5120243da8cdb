"""What the desk cannot show is a page of the desk, with what to do and the way back."""

from __future__ import annotations

import pytest
from django.test import Client

from registry_sync.desk import site

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

    monkeypatch.setattr(site.landing, "mapping", fail)
    owner.raise_request_exception = False
    answer = owner.get("/admin/mapping/")
    page = told(answer, 500)
    assert answer["X-Request-ID"] in page and "a secret detail" not in page
    assert "check before you try again" in page
