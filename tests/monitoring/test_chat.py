"""Alerts in Slack's and in Teams' own forms, to an address that no one sees."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from registry_sync.core import kept_secrets
from registry_sync.models import AlertMessage, AlertSettings
from registry_sync.monitoring import alerts, outbox
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.notice import Notice
from tests.support import planted
from tests.support.commands import command
from tests.support.factories import AlertSettingsFactory
from tests.support.odd import Reply
from tests.support.registry import compound
from tests.support.worlds import PRIVATE, make_key

pytestmark = pytest.mark.once

SECRET = "T0AB/B0CD/this-is-the-secret"
LANE = "Lots <!channel> *b* [x](https://evil.example) &"
KINDS = pytest.mark.parametrize("kind", AlertSettings.ChatKind.values)


@pytest.fixture
def chat(serve) -> Any:
    """A chat that takes what it is sent."""
    made = serve(lambda asked: made.reply)
    made.reply = Reply("ok", status=202)
    made.address = f"{made.url}/services/{SECRET}?sig=1"
    return made


def set_up(chat: Any, kind: str) -> AlertSettings:
    return AlertSettingsFactory(
        chat_kind=kind, chat_host="127.0.0.1",
        chat_address=kept_secrets.encrypt(chat.address, PRIVATE),
    )  # fmt: skip


def in_slack(sent: Any) -> dict[str, str]:
    """Return what a message in Slack shows, by its labels, as Slack reads it."""
    header, cause, fields, *others = sent["blocks"]
    assert header["text"]["type"] == "plain_text" and len(header["text"]["text"]) <= 150
    texts = [cause["text"], *fields["fields"], *(block["text"] for block in others)]
    for text in texts:
        assert text["type"] == "mrkdwn" and len(text["text"]) <= 3000
        plain = text["text"].partition("\n")[2] if text in fields["fields"] else text["text"]
        assert ("<" not in plain and ">" not in plain) or plain == others[-1]["text"]["text"]
    shown = dict(field["text"].split("*\n") for field in fields["fields"])
    return {
        "title": header["text"]["text"], "cause": cause["text"]["text"],
        **{label.strip("*"): _read(text) for label, text in shown.items()},
        "link": others[-1]["text"]["text"].strip("<").partition("|")[0],
    }  # fmt: skip


def _read(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def in_teams(sent: Any) -> dict[str, str]:
    """Return what a card in Teams shows, by its labels; none of it is read as Markdown."""
    assert sent["type"] == "message"
    [attachment] = sent["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    rows = [[run["text"] for run in block["inlines"]] for block in card["body"]]
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}
    [action] = card["actions"]
    return {
        "title": rows[0][0], "cause": rows[1][0],
        **{row[0].removesuffix(": "): row[1] for row in rows if len(row) == 2},
        "link": action["url"],
    }  # fmt: skip


READ = {"slack": in_slack, "teams": in_teams}


@KINDS
def test_a_chat_gets_lane_cause_who_acts_and_the_link(world, chat, settings, kind):
    settings.CSRF_TRUSTED_ORIGINS = ["https://sync.example.com"]
    w = world([compound(1)])
    w.add_lane(LANE, [compound(9)], config={"API Key": "another"})
    set_up(chat, kind)
    command()
    [asked] = chat.asked
    assert asked.headers["Content-Type"] == "application/json"
    assert (asked.method, asked.path, asked.query) == ("POST", f"/services/{SECRET}", {"sig": "1"})
    shown = READ[kind](asked.json)
    assert shown["title"].startswith("Registry Sync: runs fail (Lots <!channel>")
    assert "The registry rejects the key (401)." in shown["cause"] and LANE not in shown["cause"]
    assert shown["Lane"] == LANE
    assert "integration owner" in shown["Who must act"] and "API Key" in shown["What to do"]
    assert shown["link"].startswith("https://sync.example.com/admin/registry_sync/syncrun/")
    message = AlertMessage.objects.get()
    assert message.sent_at and message.receiver == "127.0.0.1" and message.channel == kind
    assert message.body.startswith(f"{LANE}: Run ")


@KINDS
def test_no_text_is_too_long_for_a_chat(kind):
    long = "&<ä€" * 5000
    notice = Notice(long, (("Who must act", long), ("What to do", long), ("", long)), lane=long)
    sent = CHANNELS[kind].form(long[:200], notice)  # type: ignore[attr-defined]
    size = len(json.dumps(sent, ensure_ascii=False).encode())
    if kind == "teams":
        assert size < 28_000
        return
    blocks = sent["blocks"]
    assert len(blocks[0]["text"]["text"]) == 150
    texts = [block["text"]["text"] for block in blocks[1:] if "text" in block]
    assert all(2990 < len(text) <= 3000 and text.endswith("…") for text in texts)
    fields = [field["text"] for block in blocks for field in block.get("fields", ())]
    assert len(fields) == 3 and all(1990 < len(text) <= 2000 for text in fields)
    assert not any(text.replace("&amp;", "").replace("&lt;", "").count("&") for text in texts)


@KINDS
@pytest.mark.parametrize(
    ("reply", "private", "said", "minutes"),
    [
        (Reply("slow down", status=429, headers={"Retry-After": "900"}), True, "answered 429", 15),
        (Reply("no", status=503), True, "answered 503", 1),
        (Reply("", status=302, headers={"Location": "/elsewhere"}), True, "not followed", 1),
        (Reply("ok"), False, "private address", 1),
    ],
)
def test_what_does_not_arrive_is_tried_again(
    world, chat, settings, caplog, kind, reply, private, said, minutes
):
    world([])
    [test] = alerts.make_test_messages(set_up(chat, kind), actor="Olivia")
    chat.reply, settings.REGISTRY_ALLOW_PRIVATE_NETWORKS = reply, private
    AlertMessage.objects.update(next_try_at=timezone.now())
    assert outbox.send_due() == 0 and len(chat.asked) == private
    test.refresh_from_db()
    assert said in test.error and SECRET not in test.error + caplog.text
    assert abs(test.next_try_at - timezone.now() - timedelta(minutes=minutes)).seconds < 20
    settings.BENCHLING_PRIVATE_KEY = make_key()[0]
    assert "must enter the address again" in outbox.send(test)
    AlertSettings.objects.update(chat_kind="")
    assert "no longer have this chat" in outbox.send(test)


FORM = {
    "emails": "", "webhook_url": "", "chat_kind": "", "chat_url": "", "no_good_run_hours": "12",
    "refused_percent": "5", "error_days": "7", "transient_runs": "3", "reason": "We chat",
}  # fmt: skip


def test_the_address_is_chosen_tested_and_never_shown(world, chat, owner, viewer, caplog, settings):
    world([])
    row = AlertSettingsFactory()
    page = reverse("admin:registry_sync_alertsettings_change", args=[row.pk])
    test = reverse("admin:registry_sync_alertsettings_test", args=[row.pk])
    said = owner.post(page, FORM | {"chat_url": chat.address})
    assert "Choose the kind of chat" in said.text and SECRET not in said.text
    said = owner.post(page, FORM | {"chat_kind": "slack"})
    assert "Enter the address of this chat." in said.text
    key, settings.BENCHLING_PRIVATE_KEY = settings.BENCHLING_PRIVATE_KEY, ""
    said = owner.post(page, FORM | {"chat_kind": "slack", "chat_url": chat.address})
    assert "must set BENCHLING_PRIVATE_KEY" in said.text
    settings.BENCHLING_PRIVATE_KEY = key
    slack = FORM | {"chat_kind": "slack"}
    assert owner.post(page, slack | {"chat_url": chat.address}).status_code == 302
    assert owner.post(page, slack | {"error_days": "8"}).status_code == 302, "it is kept"
    assert "127.0.0.1: sent." in owner.post(test, follow=True).text
    assert "Enter the address of" in owner.post(page, FORM | {"chat_kind": "teams"}).text
    assert owner.post(page, slack | {"chat_kind": "teams", "chat_url": chat.address}).status_code
    assert "127.0.0.1: sent." in owner.post(test, follow=True).text
    assert ["blocks" in asked.json for asked in chat.asked] == [True, False]
    pages = [page, reverse("admin:registry_sync_alertsettings_history", args=[row.pk])]
    pages += [reverse("admin:registry_sync_alertmessage_changelist")]
    pages += [
        reverse("admin:registry_sync_alertmessage_change", args=[message.pk])
        for message in AlertMessage.objects.all()
    ]
    for client in (owner, viewer):
        for url in pages:
            text = client.get(url).text
            assert "this-is-the-secret" not in text and "eyJ" not in text, url
        assert "127.0.0.1" in client.get(page).text
    assert planted.leaks(planted.in_database(), {"chat": "this-is-the-secret"}) == set()
    assert "this-is-the-secret" not in caplog.text
    assert owner.post(page, FORM).status_code == 302
    row.refresh_from_db()
    assert (row.chat_kind, row.chat_address, row.chat_host) == ("", "", "")
