"""What is shown of a registry's answer has no secret, however it is written there."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from registry_sync.core import secrets
from registry_sync.mapping import record_problems
from registry_sync.mapping.rules import base
from registry_sync.mapping.rules.base import quoted
from registry_sync.reporting.redaction import HIDDEN, redact, redact_answer, secret_mark
from registry_sync.source.answers import fine_words
from registry_sync.source.answers.doubled_keys import DoubledKey
from registry_sync.sync import records
from tests.support.planted import leaks, plant

pytestmark = pytest.mark.once
KEY = plant("key")
BASIC = base64.b64encode(f"client:{KEY}".encode()).decode()
OTHER = "0ther-pass-77"
"""A secret that this app never had: only its name tells."""
ECHOES = {
    "plain": KEY,
    "in a pair": f"sid={KEY}",
    "quoted": f"/compounds?sid={quote(KEY, safe='')}&start=3",
    "quoted in lower case": f"/x?sid={quote(KEY, safe='').lower().replace('zq', 'Zq')}",
    "as a form": f"sid={quote_plus(KEY)}",
    "HTTP Basic": f"Authorization: Basic {BASIC}",
    "JSON": json.dumps({"asked": {"sid": KEY}}),
    "JSON in JSON": json.dumps({"asked": json.dumps({"sid": KEY})}),
    "Python": repr({"sid": KEY}),
    "HTML": f"<p>{html.escape(KEY)}</p>",
    "UTF-16": json.dumps({"asked": KEY}).encode("utf-16").decode("latin-1"),
}
NAMED = {
    "JSON": json.dumps({"rows": [{"api_token": OTHER, "code": "K-1"}]}),
    "an object": json.dumps({"cookie": {"id": OTHER}, "code": "K-1"}),
    "JSON that is cut": f'{{"code": "K-1", "api_token": "{OTHER}',
    "JSON in JSON": json.dumps({"said": json.dumps({"code": "K-1", "apiKey": OTHER})}),
    "lines of JSON": f'{{"code": "K-1", "password": "{OTHER}"}}\n{{"password": "{OTHER}"}}',
    "XML": f"<row><code>K-1</code><api_key>{OTHER}</api_key></row>",
    "a form": f"code=K-1&access_token={OTHER}",
    "an address": f"K-1 moved to /compounds?apikey={OTHER}#x",
    "headers": f"Code: K-1\nAuthorization: Bearer {OTHER}\nSet-Cookie: {OTHER}",
    "Python": f"{{'code': 'K-1', 'X-Api-Key': '{OTHER}'}}",
}


@pytest.mark.parametrize("how", ECHOES)
def test_what_signed_a_request_is_hidden_in_its_answer(how: str) -> None:
    body = ECHOES[how].encode("latin-1" if how == "UTF-16" else "utf-8")
    shown = redact_answer(body, 3000, [KEY, BASIC])
    assert HIDDEN in shown and leaks([("page", shown)], {"key": KEY, "basic": BASIC}) == set()


@pytest.mark.parametrize("how", NAMED)
def test_a_value_under_a_secrets_name_is_hidden_in_any_text(how: str) -> None:
    shown = redact_answer(NAMED[how].encode(), 3000, [KEY])
    assert HIDDEN in shown and OTHER not in shown and "K-1" in shown
    assert OTHER not in redact_answer(NAMED[how].encode(), len(NAMED[how]) - 4, [KEY])


@pytest.mark.parametrize("text", [
    "Invalid token: it has expired", '{"error": "invalid_token"}', "token=", '{"next": 3}',
    '{"password": "", "tokens_left": 3}', "A password is needed, and a token.",
    'Bearer error="invalid_token", error_description="no such key"',
])  # fmt: skip
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_answer(text.encode(), 3000, [KEY]) == text


@pytest.mark.parametrize("how", ["plain", "in a pair", "quoted", "as a form", "HTTP Basic"])
def test_a_secret_of_which_only_the_mark_is_kept_is_known_in_an_address(how: str) -> None:
    key = "ab/cd==+e"
    written = {
        "plain": key, "in a pair": f"apikey={key}", "quoted": f"?apikey={quote(key, safe='')}&n=1",
        "as a form": f"sid={quote_plus(key)}",
        "HTTP Basic": "Basic " + base64.b64encode(f"client:{key}".encode()).decode(),
    }[how]  # fmt: skip
    shown = redact(f"GET {written} was refused", [secret_mark(key)])
    assert HIDDEN in shown and leaks([("page", shown)], {"key": key}) == set()
    assert shown.startswith("GET ") and shown.endswith(" was refused")


CUTS = {
    "a value": (quoted, base.MOST_SHOWN),
    "a record's value": (record_problems._shown, record_problems.MOST_SHOWN),
    "a stray item": (records._shown, 120),
    "a key's values": (lambda text: DoubledKey({}, "a", (text, 1)).in_words(","), 60),
    "an error": (lambda text: fine_words.texts_in([text])[0], fine_words.LONGEST),
}


@pytest.mark.parametrize("where", CUTS)
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(where: str, monkeypatch) -> None:
    monkeypatch.setattr(secrets, "_held", {KEY})
    show, most = CUTS[where]
    shown = show(f"{'x' * (most - 8)}{KEY} and more")
    assert "xxx" in shown and KEY[:3] not in shown
    assert KEY in show(f"{KEY} alone").replace("\\", ""), "a page recognizes it"
