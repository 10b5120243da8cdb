"""No page of the desk shows an id where people know a name, or how Python spells a value."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from django.apps import apps
from django.core.management import call_command
from django.urls import reverse
from django.utils.html import strip_tags

from registry_sync.desk import cures
from registry_sync.desk.cures.press import Press
from registry_sync.ledger import pins
from registry_sync.ledger.pins import FieldDifference
from registry_sync.models import Drift, EntityError, Lane, SyncRun
from tests.support.people import by_hand
from tests.support.registry import compound

pytestmark = pytest.mark.once
UNSHOWN = re.compile(
    r"<(script|style|svg|form|select|head)\b(?! class=\"cure).*?</\1>|<[^>]*desk-mono[^>]*>[^<]*<",
    re.DOTALL,
)
"""What is no text, and what is set as an id on purpose."""
WRONG = {
    "an option's id": re.compile(r"sfso_\w+"),
    "a schema's id": re.compile(r"\bts_\d+"),
    "a field's id": re.compile(r"\btsf_\w+"),
    "Python's None": re.compile(r"\bNone\b(?! of\b| is\b| yet\b|\.)"),
    "Python's True or False": re.compile(r"\b(?:True|False)\b"),
    "an empty list or object": re.compile(r"\[\]|\{\}"),
    "Python's quotes": re.compile(r"[\[{(]'|'[\]})]|\w': "),
    "a class": re.compile(r"<\w+ object|datetime\.|Decimal\("),
}

LINKS = {
    "is inside another one": re.compile(r"<a\b[^>]*>(?:(?!</a>).)*?<a\b", re.DOTALL),
    "has no words": re.compile(r"<a\b(?![^>]*(?:aria-label|title)=)[^>]*>\s*</a>"),
}


@pytest.fixture
def busy(world):
    """A world with something on every page: errors, drift, pins, a comparison, several runs."""
    w = world([compound(n) for n in range(12)])
    w.registry.record("C-000002")["kind"] = "Peptide"
    w.registry.record("C-000003")["parent"] = "C-000999"
    w.registry.record("C-000004")["kind"] = None
    w.sync()
    w.tenant.clock.advance(3600)
    options = {o["id"] for o in w.tenant.dropdowns[w.kinds]["options"]}
    for id_ in ("C-000005", "C-000008"):
        held = w.tenant.entity(id_).fields[w.tenant.field_id(w.schema, "Kind")]
        by_hand(w, id_, Kind=min(options - {held}))
    by_hand(w, "C-000006", Kind=None, name="Aspirin")
    by_hand(w, "C-000007", archived="Retired")
    w.registry.edit("C-000001", kind="Protein")
    w.sync(kind=SyncRun.Kind.FULL)
    row = Drift.objects.get(external_id="C-000005")
    named = (row.external_id, row.entity_id, row.field_id, row.field)
    pins.accept(
        row.lane, [FieldDifference(*named, row.theirs, row.ours)], actor="mona", reason="Seen"
    )
    w.sync(kind=SyncRun.Kind.DRY_RUN, reads_all=True)
    w.sync(kind=SyncRun.Kind.PLAN, reads_all=True)
    for command in ("reconcile", "doctor"):
        with suppress(SystemExit):
            call_command(command)
    return w


def pages() -> list[str]:
    """Return the addresses of every list, and of some rows of each."""
    found = [reverse("admin:index")]
    found += [reverse(f"admin:registry_sync_connect_{name}") for name in (
        "access", "test", "proposal", "records", "dry_run")]  # fmt: skip
    for model in apps.get_app_config("registry_sync").get_models():
        name = f"admin:registry_sync_{model._meta.model_name}"
        with suppress(Exception):  # not on the desk
            found.append(reverse(f"{name}_changelist"))
            for row in model.objects.order_by("-pk")[:3]:
                found.append(reverse(f"{name}_change", args=[row.pk]))
    lane = Lane.objects.get()
    for code in ("drift", *EntityError.objects.values_list("code", flat=True).distinct()):
        offers = cures.all_of(lane, code)
        found += [
            each.address for each in offers if isinstance(cures.find_cure(each.name, code), Press)
        ]
    for number in range(1, 9):
        found.append(f"{reverse('admin:registry_sync_record')}?id=C-{number:06d}")
        if number % 2:  # each asks both systems
            found.append(f"{reverse('admin:registry_sync_record_steps')}?id=C-{number:06d}")
    for run in SyncRun.objects.all():
        for outcome in ("created", "updated", "failed", "unchanged"):
            found.append(reverse("admin:registry_sync_syncrun_records", args=[run.pk, outcome]))
    return found


def test_pages_show_names_and_no_python(busy, admin_client):
    wrong, seen = [], pages()
    for address in seen:
        answer = admin_client.get(address)
        if answer.status_code == 302:
            continue
        html = answer.content.decode()
        assert answer.status_code == 200, address
        main = html[html.find('id="content"') :]
        text = strip_tags(UNSHOWN.sub("<", main)).replace("&#x27;", "'").replace("&quot;", '"')
        for what, pattern in LINKS.items():
            wrong += [f"{address} has a link that {what}: {link[0]}"
                      for link in pattern.finditer(main)]  # fmt: skip
        for what, pattern in WRONG.items():
            for hit in pattern.finditer(text):
                around = " ".join(text[max(0, hit.start() - 60) : hit.end() + 40].split())
                wrong.append(f"{address} shows {what}: … {around} …")
    assert len(seen) > 60
    assert not wrong, "\n".join(wrong)
