"""The sandbox is no kinder than Benchling: what the real one refuses, it refuses."""

from __future__ import annotations

import threading
import time

import pytest

from sandbox.children import free_port
from sandbox.tenant import entity_query, webhooks
from sandbox.tenant.entities import add_by_hand, edit_by_hand, merge_by_hand
from sandbox.tenant.errors import Refusal
from tests.support.tenants import Tenant
from tests.support.worlds import APP

pytestmark = pytest.mark.once
LOCKED = "Another registration attempt is in progress"


def session(t: Tenant, *contents: str, timeout: int = 60):
    body = {"appId": APP, "name": "Sync", "timeoutSeconds": timeout,
            "messages": [{"content": text} for text in contents]}  # fmt: skip
    return t.http.post("/app-sessions", json=body)


def refused(t: Tenant, answer, status: int, words: str) -> None:
    """Assert a refusal in Benchling's envelope; forget it where the document forbids to ask."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert words in error["message"] and error["message"] == error["userMessage"]
    t.state.malformed.clear()


def test_filters_take_a_hundred_values(tenant):
    t = tenant()
    t.upsert(*(t.row(f"A{n}") for n in range(3)))
    ids = ",".join(f"A{n}" for n in range(101))
    hundred = ",".join(f"A{n}" for n in range(1, 101))
    for name in ("entityRegistryIds.anyOf", "names.anyOf", "names.anyOf.caseSensitive"):
        assert t.listed(**{name: hundred}) == ["A1", "A2"], name
        refused(t, t.get("/custom-entities", **{name: ids}), 400, "No more than 100")
    refused(t, t.get("/custom-entities", authorIds__anyOf=ids), 400, "No more than 100")


def test_a_filter_takes_a_part_of_a_name_an_alias_or_an_id(tenant):
    t = tenant()
    t.upsert(
        t.row("A1", name="Aspirin"), t.row("A2", name="Other", aliases=["Aspro"]), t.row("ASP")
    )
    assert t.listed(nameIncludes="asp") == ["A1", "A2", "ASP"]
    assert t.listed(nameIncludes="spro") == ["A2"] and t.listed(nameIncludes="zzz") == []


def test_lists_say_what_they_cannot_do(tenant):
    t = tenant()
    for query in ({"mentionedIn": "x"}, {"returning": "customEntities.id"}):
        refused(t, t.get("/custom-entities", **query), 400, "does not know")
    for query in ({"nextToken": "x"}, {"pageSize": "0"}, {"modifiedAt": "2020"},
                  {"modifiedAt": "> yesterday"}, {"names.anyOf": 'a"b,"c'}):  # fmt: skip
        assert t.get("/custom-entities", **query).status_code == 400, query
    refused(t, t.get("/custom-entities", pageSize="101"), 400, "pageSize")
    refused(t, t.get("/custom-entities", colour="red"), 400, "unknown query parameter")


def test_ids_in_a_path_are_quoted(tenant):
    t = tenant()
    for id_ in ("A#1", "A/B", "A?x", "A B", "A%2FB", "Ä"):
        assert t.upsert_one(id_).status_code == 201
        assert t.state.entity(id_) is not None, id_
    row = {k: v for k, v in t.row("x").items() if k != "entityRegistryId"}
    assert t.http.patch("/custom-entities/A/B:upsert", json=row).status_code == 404
    assert len(t.server.settled_violations()) == 1 and "A/B" in t.state.violations.pop()
    refused(t, t.http.patch("/custom-entities/A:upsert?x", json=row), 400, "parameter x")


def test_a_request_outside_the_document_is_refused_and_kept(tenant):
    t = tenant()
    t.upsert(t.row("A"))
    for rows in ([t.row("A", aliases="no list")], [{"name": "B"}], [t.row("A")] * 2501):
        answer = t.http.post("/custom-entities:bulk-upsert", json={"customEntities": rows})
        assert answer.status_code == 400 and len(t.server.settled_violations()) == 1
        t.state.malformed.clear()
    for body in (b"", b"{", b'{"customEntities": NaN}', b'{"customEntities": "\\ud800"}',
                 b"[" * 100_000):  # fmt: skip
        headers = {"Content-Type": "application/json"}
        answer = t.http.post("/custom-entities:bulk-upsert", content=body, headers=headers)
        refused(t, answer, 400, "body")


def test_tasks_answer_in_an_order_of_their_own(tenant):
    t = tenant()
    task = t.upsert(*(t.row(f"A{n}") for n in range(9)))
    ids = [entity["entityRegistryId"] for entity in task["response"]["customEntities"]]
    assert sorted(ids) == [f"A{n}" for n in range(9)] and ids != sorted(ids)


@pytest.mark.parametrize(
    ("shape", "errors"),
    [("list_all", [{"index": 1, "message": "No."}, {"index": 2, "message": "Nor this."}]),
     ("first_object", {"index": 1, "message": "No."}), ("none", []), ("empty_object", {}),
     ("null", None), ("absent", "absent"), ("words", "absent")],
)  # fmt: skip
def test_each_shape_of_a_failed_task(tenant, shape, errors):
    t = tenant(task_errors=shape)
    t.state.refuse |= {"B": "No.", "C": "Nor this."}
    task = t.upsert(*(t.row(id_) for id_ in "ABC"))
    assert task["status"] == "FAILED" and task.get("errors", "absent") == errors
    assert ("No." in task["message"]) == (shape == "words") and not t.state.entities


def test_nobody_registers_while_a_task_registers(tenant):
    t = tenant()
    t.upsert(t.row("A"))
    entity = t.entity("A")["id"]
    t.state.switches.task_base = 3600
    t.http.post("/custom-entities:bulk-upsert", json={"customEntities": [t.row("B")]})
    refused(t, t.upsert_one("C"), 400, LOCKED)
    change = {"entityRegistryId": "D"}
    refused(t, t.http.patch(f"/custom-entities/{entity}", json=change), 400, LOCKED)
    t.state.switches.granular_locking = True
    assert t.upsert_one("C").status_code == 201
    assert t.http.patch(f"/custom-entities/{entity}", json=change).status_code == 200
    assert t.entity("D")["id"] == entity and t.state.entity("A") is None


def test_every_write_counts_for_the_hourly_limit(tenant):
    t = tenant(objects_per_hour=1, object_burst=3)
    t.state.clock.run_at(0)
    assert t.upsert_one("A").status_code == 201
    entity = t.entity("A")["id"]
    assert t.http.patch(f"/custom-entities/{entity}", json={"name": "B"}).status_code == 200
    assert t.upsert(t.row("C"), t.row("D"))["status"] == 429
    assert t.upsert_one("C").status_code == 201
    assert t.upsert_one("D").status_code == 429 == t.upsert(t.row("D"))["status"]
    assert t.http.patch(f"/custom-entities/{entity}", json={"name": "C"}).status_code == 429
    assert t.state.counters["throughput_429"] == 4


def test_the_request_window_slides(tenant):
    t = tenant(rate_limit=4, rate_window=30.0)
    t.state.clock.run_at(0)
    for seconds, left, reset in ((0, 3, 30), (10, 2, 20), (10, 1, 10), (9, 0, 1)):
        t.state.clock.advance(seconds)
        headers = t.get("/registries").headers
        assert headers["x-rate-limit-remaining"] == str(left)
        assert headers["x-rate-limit-reset"] == str(reset) and headers["x-rate-limit-limit"] == "4"
    assert t.get("/registries").status_code == 429
    t.state.clock.advance(1)  # the first of four is half a minute old, the others are not
    assert t.get("/registries").status_code == 200
    assert t.get("/registries").status_code == 429


def test_messages_escape_their_braces(tenant):
    t = tenant()
    for text in (r"Set \{a, b\} of {id:bfi_1}", "none", "{id:x_1}" * 10):
        assert session(t, text).status_code == 201
    for text in ("a {b}", "a } b", "{id:}", "{id:bfi 1}", r"\\{a", "{id:x_1}" * 11):
        refused(t, session(t, text), 400, "reference")
    id_ = session(t).json()["id"]
    body = {"messages": [{"content": "Half {open"}]}
    refused(t, t.http.patch(f"/app-sessions/{id_}", json=body), 400, "reference")


def test_sessions_have_limits(tenant):
    t = tenant()
    month = 30 * 24 * 3600
    id_ = session(t, timeout=month).json()["id"]
    for timeout in (month + 1, 0):
        refused(t, session(t, timeout=timeout), 400, "timeoutSeconds")
    refused(t, t.http.patch(f"/app-sessions/{id_}", json={"timeoutSeconds": month + 1}), 400, "tim")
    refused(t, t.http.patch(f"/app-sessions/{id_}", json={"timeoutSeconds": 9}), 400, "increased")
    eleven = {"messages": [{"content": f"Message {n}"} for n in range(11)]}
    refused(t, t.http.patch(f"/app-sessions/{id_}", json=eleven), 400, "messages")
    for text in ("ab", "x" * 201):
        refused(t, session(t, text), 400, "")
    assert session(t, "x" * 200).status_code == 201


def test_an_upsert_sets_all_that_it_names(tenant):
    t = tenant()
    more = {"aliases": ["Aspirin", "ASA"], "customFields": {"Legacy ID": {"value": "7"}},
            "authorIds": ["ent_ada", APP], "folderId": t.folder}  # fmt: skip
    assert t.upsert(t.row("A", fields={"Note": {"value": "n"}}, **more))["status"] == "SUCCEEDED"
    held = t.entity("A")
    assert held["aliases"] == ["Aspirin", "ASA"] and held["folderId"] == t.folder
    assert held["customFields"] == {"Legacy ID": {"value": "7"}}
    assert [author["id"] for author in held["authors"]] == ["ent_ada", APP]
    assert t.listed(names__anyOf="asa") == ["A"] == t.listed(authorIds__anyOf="ent_ada")
    # An alias is a name: nobody else can have it, until it is given up.
    assert "Aspirin" in t.upsert(t.row("B", name="Aspirin"))["errors"][0]["message"]
    assert "'asa' is not unique" in t.upsert(t.row("B", aliases=["asa"]))["errors"][0]["message"]
    t.upsert(t.row("A", aliases=["ASA"]))
    assert t.entity("A")["aliases"] == ["ASA"]
    assert t.upsert(t.row("B", name="Aspirin"))["status"] == "SUCCEEDED"
    # What was refused has changed nothing.
    assert t.upsert(t.row("A", aliases=["new", "Aspirin"]))["status"] == "FAILED"
    assert t.entity("A")["aliases"] == ["ASA"] and t.listed(names__anyOf="new") == []


@pytest.mark.parametrize("mode", ["keep", "clear"])
def test_what_an_upsert_leaves_out(tenant, mode):
    t = tenant(omitted_fields=mode)
    more = {"aliases": ["Aspirin"], "customFields": {"Legacy ID": {"value": "7"}},
            "authorIds": ["ent_ada"], "folderId": t.folder}  # fmt: skip
    t.upsert(t.row("A", fields={"Note": {"value": "n"}}, **more))
    before = t.entity("A")
    t.upsert(t.row("A", fields={"SMILES": {"value": "C"}}))
    after = t.entity("A")
    kept = {
        "aliases": ["Aspirin"], "customFields": {"Legacy ID": {"value": "7"}},
        "authors": before["authors"], "folderId": t.folder, "Note": "n",
    } if mode == "keep" else {
        "aliases": [], "customFields": {}, "authors": [], "folderId": None, "Note": None,
    }  # fmt: skip
    assert {**after, "Note": after["fields"]["Note"]["value"]} | kept == {
        **after, "Note": after["fields"]["Note"]["value"]
    }  # fmt: skip
    assert after["fields"]["SMILES"]["value"] == "C"


def test_what_is_out_of_reach(tenant):
    t = tenant()
    private = t.state.add_folder("Private")
    t.upsert(t.row("A", folderId=t.folder), t.row("B", folderId=private))
    hidden = t.entity("B")["id"]
    t.state.hidden.add(private)
    for path in (f"/folders/{private}", f"/custom-entities/{hidden}"):
        refused(t, t.get(path), 403, "permission")
        assert t.get(path).json()["error"]["invalidId"] == path.rpartition("/")[2]
    assert t.listed() == ["A"] == t.listed(entityRegistryIds__anyOf="A,B")
    assert [f["id"] for f in t.get("/folders").json()["folders"]] == [t.folder]
    found = t.get(f"/registries/{t.registry}/registered-entities:bulk-get", entityRegistryIds="A,B")
    assert [e["entityRegistryId"] for e in found.json()["entities"]] == ["A"]
    # A request that names it is refused as a whole, at once.
    answer = t.upsert(t.row("C"), t.row("D", folderId=private))
    assert (answer["status"], answer["invalidId"]) == (403, private)
    assert t.upsert(t.row("C"), t.row("B"))["invalidId"] == hidden
    assert t.upsert_one("B").json()["error"]["invalidId"] == hidden
    archive = {"customEntityIds": [hidden], "reason": "Retired"}
    refused(t, t.http.post("/custom-entities:archive", json=archive), 403, "permission")
    # Its name is taken all the same.
    assert "not unique" in t.upsert(t.row("C", name="Name of B"))["errors"][0]["message"]
    for thing in (t.schema, t.registry):
        t.state.hidden.add(thing)
        assert t.upsert(t.row("C"))["invalidId"] == thing
        t.state.hidden.discard(thing)
    for thing, list_ in ((t.schema, "entity-schemas"), (t.kinds, "dropdowns")):
        t.state.hidden.add(thing)
        refused(t, t.get(f"/{list_}/{thing}"), 403, "permission")
        assert thing not in t.get(f"/{list_}").text


@pytest.mark.parametrize(("mode", "status"), [("reject", "FAILED"), ("last", "SUCCEEDED")])
def test_one_id_twice_in_a_request(tenant, mode, status):
    t = tenant(duplicate_ids=mode)
    task = t.upsert(t.row("A", name="First"), t.row("B"), t.row("A", name="Last"))
    assert task["status"] == status
    if mode == "last":
        assert len(task["response"]["customEntities"]) == 2 and t.entity("A")["name"] == "Last"
    else:
        assert [error["index"] for error in task["errors"]] == [2] and not t.state.entities


@pytest.mark.parametrize(
    ("mode", "plain", "named"),
    [("fail", ("FAILED", "Retired"), ("SUCCEEDED", None)),
     ("update", ("SUCCEEDED", "Retired"), ("SUCCEEDED", None)),
     ("unarchive", ("SUCCEEDED", None), ("SUCCEEDED", None))],
)  # fmt: skip
def test_an_upsert_onto_an_archived_entity(tenant, mode, plain, named):
    t = tenant(archived_match=mode)
    t.upsert(t.row("A"))
    for more, outcome in (({}, plain), ({"archiveRecord": None}, named)):
        t.state.entity("A").archived = "Retired"
        task = t.upsert(t.row("A", **more))
        assert (task["status"], t.state.entity("A").archived) == outcome


def test_lengths(tenant):
    t = tenant()
    long = {"Note": "n" * 255, "SMILES": "C" * 10_000}
    fields = {name: {"value": value} for name, value in long.items()}
    good = t.row("i" * 255, name="N" * 255, fields=fields, aliases=["a" * 255])
    assert t.upsert(good)["status"] == "SUCCEEDED"
    for more in (
        {"name": "N" * 256}, {"aliases": ["b" * 256]}, {"entityRegistryId": "i" * 256},
        {"fields": {"Note": {"value": "n" * 256}}}, {"fields": {"SMILES": {"value": "C" * 10_001}}},
        {"name": " "},
    ):  # fmt: skip
        assert t.upsert(t.row("B") | more)["status"] == "FAILED", more
    assert len(t.state.entities) == 1


def test_names_are_the_same_however_they_are_written(tenant):
    t = tenant()
    t.upsert(t.row("A", name="Caf\u00e9"))
    for name in ("Cafe\u0301", "CAF\u00c9", " caf\u00e9 "):
        assert "not unique" in t.upsert(t.row("B", name=name))["errors"][0]["message"]
        assert t.listed(names__anyOf=name) == ["A"]


def test_lists_may_lag_behind_a_write(tenant):
    t = tenant(list_lag=60)
    t.state.clock.run_at(0)
    t.upsert_one("A", name="First")
    assert t.listed() == [] and t.entity("A")["name"] == "First"
    t.state.clock.advance(61)
    assert t.listed() == ["A"]
    t.upsert_one("A", name="Second")
    edit_by_hand(t.state, t.state.entity("A"), archived="Retired")
    (shown,) = t.get("/custom-entities").json()["customEntities"]
    assert shown["name"] == "First" and not shown["archiveRecord"]
    assert t.entity("A")["name"] == "Second"
    t.state.clock.advance(61)
    assert t.listed() == [] and t.listed(archiveReason="ANY_ARCHIVED") == ["A"]


def test_a_merge_gives_the_survivor_names_and_links(tenant):
    t = tenant()
    t.upsert(t.row("A", name="Aspirin"), t.row("B", name="ASA", aliases=["Acetyl"]))
    t.upsert(t.row("C", fields={"Parent": {"value": {"entityRegistryId": "B"}}}))
    duplicate, survivor = t.state.entity("B"), t.state.entity("A")
    merge_by_hand(t.state, duplicate, survivor)
    held = t.get(f"/custom-entities/{duplicate.id}").json()
    assert (held["entityRegistryId"], held["registryId"], held["aliases"]) == (None, None, [])
    assert held["archiveRecord"]
    now = t.entity("A")
    assert now["aliases"] == ["ASA", "B", "Acetyl"]
    assert now["customFields"] == {"Merged": {"value": "B"}}
    assert t.entity("C")["fields"]["Parent"]["value"] == survivor.id
    assert t.listed(names__anyOf="B") == ["A"]
    assert t.listed(registryId="null", archiveReason="ANY_ARCHIVED") == [""]
    # Nobody can have the names of what was merged.
    assert "already in use by A" in t.upsert(t.row("B", name="New"))["errors"][0]["message"]


def test_people_are_refused_as_apps_are(tenant):
    t = tenant()
    add_by_hand(t.state, t.row("A", aliases=["x"]))
    with pytest.raises(Refusal, match="not unique"):
        add_by_hand(t.state, t.row("B", name="x"))
    assert t.state.counters["objects_written"] == 0


def test_canvas_data_is_short(tenant):
    t = tenant()
    body = {"appId": APP, "featureId": "f", "resourceId": "etr_1", "blocks": []}
    assert t.http.post("/app-canvases", json={**body, "data": "x" * 4999}).status_code == 201
    refused(t, t.http.post("/app-canvases", json={**body, "data": "x" * 5000}), 400, "5 kB")


def test_tasks_are_forgotten_after_half_an_hour(tenant):
    t = tenant()
    answer = t.http.post("/custom-entities:bulk-upsert", json={"customEntities": [t.row("A")]})
    path = f"/tasks/{answer.json()['taskId']}"
    time.sleep(0.05)
    assert t.get(path).json()["status"] == "SUCCEEDED"
    t.state.clock.advance(1790)
    t.sign_in()
    assert t.get(path).status_code == 200
    t.state.clock.advance(20)
    assert t.get(path).status_code == 404


@pytest.mark.parametrize("refusal", ["", "Not this one."])
def test_a_task_that_is_worked_ahead_ends_on_time(tenant, refusal):
    t = tenant(works_ahead=True, task_base=3600)
    t.state.refuse["A2"] = refusal
    rows = [t.row("A1"), t.row("A2")]
    id_ = t.http.post("/custom-entities:bulk-upsert", json={"customEntities": rows}).json()[
        "taskId"
    ]
    task, deadline = t.state.tasks[id_], time.monotonic() + 60
    while "outcome" not in task and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "outcome" in task and t.get(f"/tasks/{id_}").json() == {"status": "RUNNING"}
    t.state.clock.advance(3600)
    t.sign_in()
    first, second = (t.get(f"/tasks/{id_}").json() for _ in range(2))
    assert first == second
    if refusal:
        assert first["status"] == "FAILED" and first["errors"][0]["message"] == refusal
        assert t.state.entity("A1") is None and "objects_written" not in t.state.counters
    else:
        shown = [entity["entityRegistryId"] for entity in first["response"]["customEntities"]]
        assert sorted(shown) == ["A1", "A2"] and t.state.counters["objects_written"] == 2


def test_a_tenant_that_stopped_sends_no_webhook_again(tenant):
    t = tenant(webhook_attempts=99, webhook_retry=3600.0)
    to = f"http://127.0.0.1:{free_port()}"
    given = {"base_url": t.server.url, "to": to}
    message = {"type": "v2.app.installed"}
    sending = threading.Thread(
        target=webhooks.deliver, args=(t.state, APP, message), kwargs=given, daemon=True
    )
    sending.start()
    while not t.state.webhooks:
        time.sleep(0.01)
    t.server.stop(wait=False)
    sending.join(120)
    assert not sending.is_alive() and [hook["status"] for hook in t.state.webhooks] == [0]
    webhooks.deliver(t.state, APP, message, **given)
    assert len(t.state.webhooks) == 1


def test_webhooks_are_sent_again_after_growing_gaps_up_to_the_longest(tenant, monkeypatch):
    t, gaps = tenant(webhook_attempts=6, longest_webhook_retry=4.0), list[float]()
    monkeypatch.setattr(t.state.stopped, "wait", lambda seconds: gaps.append(seconds))
    to = f"http://127.0.0.1:{free_port()}"
    webhooks.deliver(t.state, APP, {"type": "v2.app.installed"}, base_url=t.server.url, to=to)
    assert gaps == [0, 1, 2, 4, 4, 4] and len(t.state.webhooks) == 6


@pytest.mark.parametrize("lag", [0, 3600], ids=["at once", "lists that lag"])
def test_lists_of_ids_and_names_are_those_of_a_look_at_everything(tenant, monkeypatch, lag):
    """What the tenant finds by its indexes, also after renames, archives and merges."""
    t = tenant(list_lag=lag)
    t.upsert(*(t.row(f"A{n}", aliases=[f"Also {n}"]) for n in range(5)))
    t.state.clock.advance(lag + 1)
    t.sign_in()
    t.upsert(t.row("A1", name="Renamed"), t.row("A2", aliases=["Other"]))
    edit_by_hand(t.state, t.state.entity("A3"), archived="Retired")
    merge_by_hand(t.state, t.state.entity("A4"), t.state.entity("A0"))
    ids = ",".join(t.state.entity(f"A{n}").id for n in (2, 0, 1))
    names = "renamed,Name of A1,other,Also 2,Also 3,A4,Name of A4"
    asked = [{"ids": ids}, {"names.anyOf": names}, {"entityRegistryIds.anyOf": "A3,A1,A4,A9"}]
    ways = [{**query, "registryId": t.registry, **more} for query in asked
            for more in ({}, {"archiveReason": "ANY_ARCHIVED_OR_NOT_ARCHIVED"})]  # fmt: skip
    found = [t.listed(**way) for way in ways]
    monkeypatch.setattr(entity_query, "_candidates", lambda state, query: state.listed())
    whole = [
        [id_ for id_ in t.listed(**way) if "ids" not in way or id_ in ("A0", "A1", "A2")]
        for way in ways
    ]
    assert found == whole and found[0] == ["A0", "A1", "A2"] and found[3] and found[5]
