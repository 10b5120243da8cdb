"""Drafts repair mappings, so their pages open whatever the configuration or the draft holds.

Every page is asked for each broken configuration: none may fail, and the fault is named.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import reverse

from registry_sync.models import MappingDraft, MappingVersion
from tests.support.drafting import Desk, as_posted, page
from tests.support.environment import FULL
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, ROWS, World

GOOD = {
    "External Name Field": "",
    "External ID Field": "",
    "Modified Since Parameter": "",
    "Mapping Rules": None,
    "Connector Settings": INCREMENTAL,
    "Field Configurations": ROWS,
}


def endpoint(**values: Any) -> dict[str, Any]:
    return {"endpoint": {**INCREMENTAL["endpoint"], **values}}


BUTTONS = (("sample", "preview"), ("all", "preview"), ("publish", "publish"), ("save", "change"))
FEW = BUTTONS if FULL else BUTTONS[:1]
"""Of a value that the draft's form refuses as it refuses any other of its kind."""


@dataclass
class Case:
    """A broken configuration, what its pages must name, and what repairs a draft of it."""

    items: dict[str, Any]
    named: str
    repair: dict[str, str] | None = field(default_factory=dict)
    """What is typed into the draft; None where nothing typed there helps."""
    in_mapping: bool = False
    """Whether a draft that starts from nothing leaves the fault behind."""
    buttons: tuple[tuple[str, str], ...] = BUTTONS
    """Each button that is pressed, and the page it is on."""


CASES = {
    "a brace typo in the name": Case(
        {"External Name Field": "{name [{id}]"}, "{name [{id}]", {"name_field": "name"}
    ),
    "a closing brace alone": Case({"External Name Field": "name}"}, "name}"),
    "a name's path that does not parse": Case(
        {"External Name Field": "a[?"}, "a[?", {"name_field": "name"}
    ),
    "a name of empty braces": Case({"External Name Field": "{}"}, "{}", {"name_field": "name"}),
    "a path that does not parse": Case(
        {"Field Configurations": [*ROWS[:2], ("Approval", "approval[")]},
        "the path approval[ cannot be read",
        {"row-3-path": "approval"},
        in_mapping=True,
    ),
    "an id's path that does not parse": Case({"External ID Field": "id["}, "id[", None),
    "an id of broken braces": Case({"External ID Field": "{a}-{b"}, "{a}-{b", None),
    "an id that is nowhere": Case(
        {"External ID Field": "nowhere"}, "12 of 12 records have no id at nowhere", None
    ),
    "settings that are no JSON": Case(
        {"Connector Settings": '{"endpoint": {'},
        "Connector Settings is not valid JSON",
        {"connector": "{}"},
    ),
    "settings that are a list": Case(
        {"Connector Settings": "[1]"}, "Connector Settings must be a JSON object"
    ),
    "settings with an unknown key": Case(
        {"Connector Settings": {"endpiont": {}}}, "endpiont is unknown", {"connector": "{}"}
    ),
    "a section that is text": Case(
        {"Connector Settings": {"endpoint": "list"}}, "endpoint must be an object",
        {"connector": "{}"},
    ),
    "a secret among the settings": Case(
        {"Connector Settings": {"client": {"headers": {"X-Api-Key": "hush-hush"}}}},
        "client.headers.X-Api-Key is a secret", {"connector": "{}"},
    ),
    "a secret in settings that are no JSON": Case(
        {"Connector Settings": '{"client": {"password": "hush-hush"'},
        "Connector Settings is not valid JSON", {"connector": "{}"},
    ),
    "a secret in the address": Case(
        {"API URL": "https://ann:hush-hush@r.invalid/list"}, "API URL contains a secret", None
    ),
    "an address that is none": Case({"API URL": "registry"}, "API URL is not a valid URL", None),
    "no address": Case({"API URL": None}, "API URL is missing", None),
    "no key": Case({"API Key": None}, "API Key is missing", None),
    "no Benchling registry": Case({"Registry": None}, "Registry is missing", None),
    "rules that are no JSON": Case(
        {"Mapping Rules": "{'a': 1}"}, "Mapping Rules is not valid JSON", {}
    ),
    "rules that are a number": Case({"Mapping Rules": "5"}, "Mapping Rules must be a JSON object"),
    "rows without a field": Case(
        {"Field Configurations": [*ROWS, (None, "other")]}, "Benchling Field is empty"
    ),
    "no rows": Case({"Field Configurations": []}, "there are no rows yet", None),
    "a list of nothing": Case(
        {"Connector Settings": endpoint(data_selector="nowhere")}, "nowhere",
        {"connector": "{}"},
    ),
}  # fmt: skip
for name, value in {
    "paginator": 5,
    "params": [1],
    "incremental": "x",
    "json": 7,
    "method": {},
    "data_selector": {"a": 1},
    "primary_key": [None],
    "detail": [],
    "response_actions": "x",
    "absent": 5,
    "empty_values": "N/A",
}.items():
    CASES[f"endpoint.{name} is odd"] = Case(
        {"Connector Settings": endpoint(**{name: value})}, f"endpoint.{name}", {"connector": "{}"},
        buttons=FEW,
    )  # fmt: skip
for odd in (5, [[]], {"rule": "unknown"}, {"rule": "unit", "factor": {}},
            {"rule": "labels", "table": [1]}, [{"rule": "trim", "more": 1}]):  # fmt: skip
    CASES[f"the rule {odd!r}"] = Case({"rule of SMILES": odd}, "rule", in_mapping=True, buttons=FEW)


@pytest.fixture
def broken(world, desk: Desk) -> World:
    w = world([compound(n) for n in range(12)], contract="off")  # it is not what is tested
    w.tenant.switches.rate_limit = 0  # nor is the budget of requests
    assert "Published as version 2" in desk.publish(desk.ready("live"))
    return w


def set_up(w: World, case: Case) -> None:
    items = {**GOOD, "API URL": w.registry.url, "API Key": w.registry.token,
             "Registry": w.benchling_registry, **case.items}  # fmt: skip
    if "rule of SMILES" in items:
        rule = items.pop("rule of SMILES")
        items["Mapping Rules"] = {w.tenant.field_id(w.schema, "SMILES"): rule}
    w.configure(**items)


def words(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return html.unescape(answer.content.decode())


def walk(desk: Desk, do: str, buttons: tuple[tuple[str, str], ...]) -> str:
    """Start a draft, open its pages, press its buttons and discard it; return its first page."""
    count = MappingDraft.objects.count()
    draft = desk.start(do)
    shown = words(desk.told)
    assert MappingDraft.objects.count() == count + 1, shown
    if do == "live":
        for button, at in buttons:
            desk.do(draft, button, at=at, **as_posted(draft), reason="")
            shown += words(desk.told)
        shown += words(desk.client.get(page("yaml", draft), follow=True))
        desk.do(draft, "discard")  # and is led to the list of drafts
    else:
        desk.client.post(page("change", draft), {"version": draft.version, "do": "discard"})
        draft.refresh_from_db()
    assert draft.state == "discarded"
    return shown


@pytest.mark.once
def test_no_configuration_stops_a_draft(broken: World, desk: Desk):
    first = MappingVersion.objects.get(number=1)
    back = reverse("admin:registry_sync_mappingversion_roll_back", args=[first.pk])
    wrong = []
    for name, case in CASES.items():
        set_up(broken, case)
        for do in ("live", "nothing"):
            try:
                shown = walk(desk, do, case.buttons)
            except Exception as error:  # each is shown, not only the first
                wrong.append((name, do, repr(error)[:300]))
                continue
            if case.named not in shown and (do == "live" or not case.in_mapping):
                wrong.append((name, do, "not named"))
            if "hush-hush" in shown:
                wrong.append((name, do, "the secret is shown"))
        words(desk.client.post(back, follow=True))
    assert not wrong
    kept = str(list(MappingDraft.objects.values_list("base", "connector", "sample")))
    assert "hush-hush" not in kept


@pytest.mark.once
def test_what_is_broken_is_repaired_in_a_draft_and_published(broken: World, desk: Desk):
    for name in ("a brace typo in the name", "settings that are no JSON",
                 "a path that does not parse", "rules that are no JSON"):  # fmt: skip
        set_up(broken, CASES[name])
        draft = desk.start("live")
        assert "Not ready." in words(desk.told) or name.startswith("rules"), name
        repair = CASES[name].repair
        assert repair is not None
        said = desk.do(draft, "save", **as_posted(draft) | repair)
        assert "Not ready." not in said, name
        if not draft.sample:
            desk.do(draft, "reread")
        assert len(draft.sample) == 12, name
        desk.do(draft, "sample", at="preview")
        assert "Published as version" in desk.publish(draft), name
        assert broken.sync().status == "SUCCEEDED", name
