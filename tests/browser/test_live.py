"""A page that loads itself again, in a real browser: it holds back no one who leaves it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.once
SITE = "http://desk.example"
SCRIPT = ROOT / "registry_sync" / "static" / "registry_sync" / "live.js"


def quick(**milliseconds: int) -> str:
    """Return the script with shorter times."""
    script = SCRIPT.read_text("utf-8")
    for name, short in milliseconds.items():
        head, rest = script.split(f"const {name} = ")
        script = f"{head}const {name} = {short};{rest.partition(';')[2]}"
    return script


def test_a_link_that_was_followed_is_not_cancelled_when_the_page_would_load_again(
    page: Any,
) -> None:
    held, ended = list[Any](), list[bool]()
    script = quick(PAUSE=50, LEAVING=600_000)

    def answer(route: Any) -> None:
        bodies = {
            "/run": f'<a href="/next">On</a><div data-live="/part"></div><script>{script}</script>',
            "/part": "<div data-ended></div>" if ended else "<div></div>",
        }
        path = urlsplit(route.request.url).path
        if path in bodies:
            route.fulfill(content_type="text/html", body=bodies[path])
        else:  # a server that takes its time
            held.append(route)

    page.route(f"{SITE}/**", answer)
    page.goto(f"{SITE}/run")
    with page.expect_request(f"{SITE}/next"):
        page.get_by_role("link", name="On").click(no_wait_after=True)
    ended.append(True)
    for _ in range(3):  # the page would be loaded again
        page.wait_for_event("requestfinished", lambda done: done.url.endswith("/part"))
    held[0].fulfill(content_type="text/html", body="<h1>Next</h1>")
    page.get_by_role("heading", name="Next").wait_for()
    # Whoever stays, as after a download, sees the end a little later.
    script = quick(PAUSE=50, LEAVING=400)
    ended.clear()
    page.goto(f"{SITE}/run")
    page.evaluate("dispatchEvent(new Event('beforeunload'))")
    with page.expect_navigation():
        ended.append(True)
