"""Who may do what at the desk: every address and action, asked by everyone, by one table."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, get_resolver

from registry_sync.desk import cures
from registry_sync.desk.cures.press import Press
from registry_sync.models import Allowance, Lane, SyncRun, WebhookDelivery
from tests.support import factories
from tests.support.desk import OWNERS_MAY, groups, person
from tests.support.environment import FULL, sampled
from tests.support.registry import compound

pytestmark = pytest.mark.once
OPEN, STAFF, SUPERUSERS, NO_ONE = "open", "staff", "superusers", "no one"
EVERYONE = ("nobody", "staff", "viewer", "owner", "superuser")

# By the end of an address' name: the permission to GET it, and the one to POST to it. `…` is the
# model. Whoever may POST may also GET where only a GET is named.
USUAL = {
    "changelist": ("view_…", "view_…"),
    "history": ("view_…", "view_…"),
    "change": ("view_…", NO_ONE),
    "add": (NO_ONE, NO_ONE),
    "delete": (NO_ONE, NO_ONE),
}
RULES = {
    "index": (STAFF, STAFF), "app_list": (STAFF, STAFF), "jsi18n": (STAFF, STAFF),
    "password_change": (STAFF, STAFF), "password_change_done": (STAFF, STAFF),
    "view_on_site": (STAFF, STAFF), "autocomplete": (NO_ONE, NO_ONE),
    "mapping": ("view_mappingdraft", "view_mappingdraft"), "settings": ("view_lane", "view_lane"),
    "login": (OPEN, OPEN), "logout": (OPEN, OPEN),
    "alertsettings_change": ("view_alertsettings", "change_alertsettings"),
    "alertsettings_test": ("change_alertsettings", "change_alertsettings"),
    "allowance_add": ("add_allowance", "add_allowance"),
    "connect": ("add_mappingdraft", "add_mappingdraft"),
    **{f"connect_{page}": ("add_mappingdraft", "add_mappingdraft") for page in (
        "access", "test", "proposal", "records", "dry_run")},
    "checkup_run": ("add_checkup", "add_checkup"),
    "entityerror_cause": ("change_entityerror", "change_entityerror"),
    # A post to an error's page changes nothing: what it offers are actions of the list.
    "entityerror_change": ("view_entityerror", "view_entityerror"),
    **{f"entityerror_cure:{cure}": (needed, needed) for cure, needed in {
        "add-options": "add_dropdown_options", "adopt": "change_adoption",
        "allow": "add_allowance", "allow-record": "add_allowance", "assign": "change_entityerror",
        "drift": "change_lane", "name-template": "change_mappingdraft",
        "test-connection": "add_syncrun", "unarchive": "change_lane"}.items()},
    "entityerror_outcome": ("view_entityerror", "view_entityerror"),
    "entityerror_copy": ("view_entityerror", "view_entityerror"),
    "entityerror_copy_csv": ("view_entityerror", "view_entityerror"),
    "lane_change": ("view_lane", "change_lane"),
    "mappingdraft_add": ("add_mappingdraft", "add_mappingdraft"),
    "mappingdraft_change": ("view_mappingdraft", "change_mappingdraft"),
    "mappingdraft_preview": ("view_mappingdraft", "change_mappingdraft"),
    "mappingdraft_publish": ("publish_mappingdraft", "publish_mappingdraft"),
    "mappingdraft_test": ("add_mappingdraft", "add_mappingdraft"),
    "mappingdraft_yaml": ("view_mappingdraft", "view_mappingdraft"),
    "mappingversion_roll_back": ("publish_mappingdraft", "publish_mappingdraft"),
    "merge_decide": ("change_entityerror", "change_entityerror"),
    "plan_change": ("view_plan", "view_plan"),  # its forms have addresses of their own
    "proposal_change": ("view_proposal", "view_proposal"),
    "plan_sign": ("sign_plan", "sign_plan"),
    **{f"plan_{what}": ("add_syncrun", "add_syncrun") for what in ("make", "apply", "void")},
    "proposal_decide": ("sign_plan", "sign_plan"),
    "pin_csv": ("view_pin", "view_pin"),
    "reconciliation_csv": ("view_reconciliation", "view_reconciliation"),
    "reconciliation_run": ("add_syncrun", "add_syncrun"),
    "record": ("view_ledgerentry", "view_ledgerentry"),
    "record_steps": ("view_ledgerentry", "view_ledgerentry"),
    "record_open": ("view_ledgerentry", "view_ledgerentry"),
    "syncrun_active": ("change_syncrun", "change_syncrun"),
    "syncrun_change": ("view_syncrun", "view_syncrun"),  # it has no form either
    "syncrun_do": ("change_syncrun", "change_syncrun"),
    "syncrun_start": ("add_syncrun", "add_syncrun"),
    **{f"syncrun_{page}": ("view_syncrun", "view_syncrun") for page in (
        "progress", "records", "records_csv", "errors_csv", "changes_csv")},
}  # fmt: skip
ACTIONS = {
    "entityerror": "change_entityerror", "adoption": "change_adoption",
    "syncrun": "change_syncrun", "webhookdelivery": "change_webhookdelivery",
    "drift": "change_lane", "pin": "change_lane",
    "reconciledrecord": "change_lane", "withdrawal": "change_lane", "merge": "change_entityerror",
}  # fmt: skip


@pytest.fixture
def rows(world):
    """One row of each model of the desk, by its name; tenant and registry are there to be asked."""
    world([compound(1)])
    lane = factories.LaneFactory()
    run = factories.SyncRunFactory(lane=lane)
    found = {"lane": lane, "syncrun": run}
    for made in vars(factories).values():
        model = getattr(getattr(made, "_meta", None), "model", None)
        if model is None or model._meta.model_name in found:
            continue
        fields = {field.name for field in model._meta.fields}
        given = {"lane": lane, "run": run}
        row = made(**{name: value for name, value in given.items() if name in fields})
        found[model._meta.model_name] = row
    found["group"] = Group.objects.create(name="A group")
    found["user"] = User.objects.create_user("Someone")
    return found


@pytest.fixture
def people(transactional_db):
    staff = User.objects.create_user("Stan", is_staff=True)
    root = User.objects.create_superuser("Ruth")
    clients = {"nobody": Client(), "staff": Client(), "superuser": Client()}
    clients["staff"].force_login(staff)
    clients["superuser"].force_login(root)
    clients["viewer"] = person("Victor", groups.VIEWERS)
    clients["owner"] = person("Olivia", groups.OWNERS)
    return clients


def may(who, permission):
    """Say whether a role has a permission, as the groups of the desk give them."""
    if permission == OPEN:
        return True
    if who == "nobody" or permission == NO_ONE:
        return False
    if permission == STAFF or who == "superuser":
        return True
    if permission == SUPERUSERS or who == "staff":
        return False
    return permission.startswith("view_") or (who == "owner" and permission in OWNERS_MAY)


def permissions_of(name):
    """Return who may GET and POST an address, by its name. Raise KeyError for an unknown one."""
    if name.startswith("auth_"):
        return SUPERUSERS, SUPERUSERS
    short = name.removeprefix("registry_sync_")
    if short in RULES:
        return RULES[short]
    model, _, what = short.rpartition("_")
    return tuple(text.replace("…", model) for text in USUAL[what])


def addresses(rows):
    """Yield the name and the address of every page of the desk."""

    def walk(patterns, before=""):
        for part in patterns:
            path = before + str(part.pattern)
            if isinstance(part, URLPattern):
                yield path, part.name
            else:
                yield from walk(part.url_patterns, path)

    for path, name in walk(get_resolver("integration.urls").url_patterns):
        if not path.startswith("admin/") or name is None:
            continue
        if name == "registry_sync_entityerror_cure":
            yield from cure_pages(path)
            continue
        model = re.match(r"admin/(?:registry_sync|auth)/(\w+)/", path)
        row = str(rows[model[1]].pk) if model else "1"
        path = re.sub(r"<(path:|int:)?(object_id|pk|run_id|id|content_type_id)>", row, path)
        path = path.replace("<slug:code>", "refused").replace("<slug:outcome>", "created")
        path = re.sub(r"\^\(\?P<app_label>\w+\|auth\)/\$", "registry_sync/", path)
        whats = {"syncrun_start": ("sync", "full", "dry-run"),
                 "entityerror_cause": ("check", "retry"),
                 "syncrun_active": ("pause", "resume", "cancel"),
                 "syncrun_do": ("pause", "resume", "cancel", "rerun", "retry")}  # fmt: skip
        for what in whats.get(name.removeprefix("registry_sync_"), ("",)):
            yield name, "/" + path.replace("<slug:what>", what)


def cure_pages(path):
    """Yield the page of each cure that has one, for the first cause that it is for."""
    for cure in cures.CURES:
        if isinstance(cure, Press):
            code = cure.codes[0].replace("*", "unreachable")
            at = path.replace("<slug:what>", cure.name).replace("<slug:code>", code)
            yield f"registry_sync_entityerror_cure:{cure.name}", "/" + at


def let_in(answer):
    """Say whether somebody got through: not to the login, and not forbidden."""
    return answer.status_code != 403 and "/admin/login/" not in answer.get("Location", "")


def requests(rows):
    """Return the name, permission and way to ask of each request to be made, by its words.

    Whoever comes later in EVERYONE may do all that those before may. So each address is asked by
    the last who may not and by the first who may; by others only in a sample.
    """
    nearest, others = {}, {}
    for name, address in addresses(rows):
        for method, permission in zip(("get", "post"), permissions_of(name), strict=True):
            near = at_the_border(permission)
            for who in EVERYONE:
                kept = nearest if who in near else others
                kept[f"{method} {address} by {who}"] = name, permission, who, method, address
    drawn = sampled(others, "permissions", OTHERS)
    return nearest | {said: others[said] for said in drawn}


def at_the_border(permission):
    """Return the last who may not and the first who may, or the one of them that there is."""
    able = [may(who, permission) for who in EVERYONE]
    assert able == sorted(able), f"not who comes last may {permission}"
    first = len(able) - sum(able)
    return EVERYONE[max(first - 1, 0) : first + 1]


OTHERS = 200
"""Requests by those who are not next to the border between who may and who may not."""


def test_every_address_lets_in_whom_the_table_names_and_no_one_else(rows, people):
    wrong, seen = [], set()
    for said, (name, permission, who, method, address) in requests(rows).items():
        seen.add(name)
        if name == "logout":
            continue
        people[who].raise_request_exception = False
        answer = getattr(people[who], method)(address)
        if answer.status_code >= 500:
            wrong.append(f"{said}: {answer.status_code}")
        elif answer.status_code in (404, 405):
            continue  # there is nothing at it for anyone
        elif let_in(answer) != may(who, permission):
            wrong.append(f"{said}: {answer.status_code}, and {permission} is needed")
    assert wrong == []
    assert len(seen) > 100


def test_every_rule_is_of_an_address_that_exists(rows):
    names = {name.removeprefix("registry_sync_") for name, _ in addresses(rows)}
    assert set(RULES) <= names


def test_an_action_changes_nothing_for_whoever_may_not(rows, people):
    run = rows["syncrun"]
    SyncRun.objects.filter(pk=run.pk).update(status="RUNNING")
    for who in EVERYONE:
        for model, model_admin in admin.site._registry.items():
            name = model._meta.model_name
            for action in model_admin.actions or ():
                if not (FULL or who in at_the_border(ACTIONS[name])):
                    continue
                before, page = snapshot(rows[name]), f"/admin/registry_sync/{name}/"
                chosen = {"action": action, "_selected_action": [rows[name].pk]}
                sent = {**chosen, "decided": "1", "reason": "to try it"}
                assert people[who].post(page, sent).status_code < 500
                if not may(who, ACTIONS[name]):
                    assert snapshot(rows[name]) == before, f"{who} did {action}"
        assert may(who, "change_syncrun") == (snapshot(run)["status"] == "CANCELLED")


def snapshot(row):
    return type(row).objects.filter(pk=row.pk).values().get()


def test_what_a_viewer_may_not_write_is_not_written(rows, people):
    lane, delivery = rows["lane"], rows["webhookdelivery"]
    WebhookDelivery.objects.update(state="failed")
    count = Allowance.objects.count()
    for who in ("nobody", "staff", "viewer"):
        client = people[who]
        client.post(f"/admin/registry_sync/lane/{lane.pk}/change/", {"drift_policy": "restore"})
        assert Lane.objects.get(pk=lane.pk).drift_policy == lane.drift_policy
        client.post("/admin/registry_sync/allowance/add/", {
            "lane": lane.pk, "what": "path_gone", "reason": "to try it"})  # fmt: skip
        assert Allowance.objects.count() == count
        chosen = {"action": "again", "_selected_action": [delivery.pk]}
        client.post(
            "/admin/registry_sync/webhookdelivery/", {**chosen, "decided": 1, "reason": "x"}
        )
        assert WebhookDelivery.objects.get(pk=delivery.pk).state == "failed"
