"""One cause, one failure: what holds for every record ends the run once, with one remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from registry_sync.models import EntityError, SyncRun
from sandbox.tenant.state import Fault
from tests.support.registry import compound
from tests.support.worlds import APP, PRIVATE, ROWS, World, make_key

pytestmark = pytest.mark.once  # what Benchling and the registry refuse is no matter of the database

Status = SyncRun.Status
OWNER, ADMIN, OPERATOR = "integration owner", "Benchling admin", "operator"


@dataclass
class Cause:
    """Something that holds for every record: how it comes, who can mend it, and how it goes."""

    name: str
    comes: Callable[[World], Any]
    goes: Callable[[World], Any]
    who: str
    words: str


def field(w: World, name: str) -> dict[str, Any]:
    definitions = w.tenant.schemas[w.schema]["fieldDefinitions"]
    return next(d for d in definitions if d["name"] == name)


def add_required(w: World) -> None:
    w.tenant.schemas[w.schema]["fieldDefinitions"].append(
        w.tenant.definition({"name": "Salt", "type": "text", "isRequired": True})
    )


def refuse_upserts(w: World) -> None:
    w.tenant.faults.append(
        Fault("(POST|PATCH) /api/v2/custom-entities", "status", times=9999, status=403,
              body={"error": {"type": "invalid_request_error", "message": "Forbidden",
                              "userMessage": "You do not have permission to do this."}})
    )  # fmt: skip


def rows(w: World, *more: tuple[str, str]) -> None:
    w.configure(**{"Field Configurations": [*ROWS, *more], "Schema to Sync": w.schema})


CAUSES = [
    Cause("a key that the registry refuses", lambda w: setattr(w.registry, "token", "other"),
          lambda w: setattr(w.registry, "token", "key"), OWNER, "API Key"),
    Cause("a registry that forbids", lambda w: setattr(w.registry, "refuses", 403),
          lambda w: setattr(w.registry, "refuses", 0), OWNER, "403"),
    Cause("a client secret that is no longer ours",
          lambda w: (w.tenant.apps[APP].update(client_secret="new"), w.tenant.revoke_tokens()),
          lambda w: w.tenant.apps[APP].update(client_secret="s3cret"), OPERATOR,
          "BENCHLING_CLIENT_SECRET"),
    Cause("an app that may not write", refuse_upserts, lambda w: w.tenant.faults.clear(), ADMIN,
          "write access"),
    Cause("a schema out of reach", lambda w: w.tenant.hidden.add(w.schema),
          lambda w: w.tenant.hidden.clear(), ADMIN, "Schema to Sync"),
    Cause("a Benchling registry out of reach",
          lambda w: w.tenant.hidden.add(w.benchling_registry),
          lambda w: w.tenant.hidden.clear(), ADMIN, "Registry"),
    Cause("Benchling registries that may not be listed",
          lambda w: w.tenant.faults.append(
              Fault("GET /api/v2/registries", "status", times=9999, status=403)),
          lambda w: w.tenant.faults.clear(), ADMIN, "Registry ("),
    Cause("a folder out of reach", lambda w: w.tenant.hidden.add(w.folder),
          lambda w: w.tenant.hidden.clear(), ADMIN, "Synced Entity Location"),
    Cause("an archived folder",
          lambda w: w.tenant.folders[w.folder].update(archiveRecord={"reason": "Other"}),
          lambda w: w.tenant.folders[w.folder].update(archiveRecord=None), ADMIN, "archived"),
    Cause("an archived schema",
          lambda w: w.tenant.schemas[w.schema].update(archiveRecord={"reason": "Other"}),
          lambda w: w.tenant.schemas[w.schema].update(archiveRecord=None), ADMIN, "archived"),
    Cause("an archived field",
          lambda w: field(w, "SMILES").update(archiveRecord={"reason": "Other"}),
          lambda w: field(w, "SMILES").update(archiveRecord=None), ADMIN, "“SMILES” is archived"),
    Cause("a field of another type", lambda w: field(w, "SMILES").update(type="date"),
          lambda w: field(w, "SMILES").update(type="long_text"), ADMIN,
          "“SMILES” is of type date"),
    Cause("a new required field", add_required,
          lambda w: w.tenant.schemas[w.schema]["fieldDefinitions"].pop(), OWNER,
          "required field “Salt”"),
    Cause("a row for a field that is gone", lambda w: rows(w, ("tsf_gone", "salt")),
          lambda w: rows(w), OWNER, "tsf_gone"),
    Cause("a private key that does not open API Key", lambda w: w.tenant.apps[APP].update(
          public_key=make_key()[1]) or w.configure(**{"API Key": "key"}),
          lambda w: w.tenant.apps[APP].update(public_key=public()) or
          w.configure(**{"API Key": "key"}), OPERATOR, "API Key cannot be decrypted"),
]  # fmt: skip


def public() -> str:
    from tests.support.worlds import PUBLIC

    return PUBLIC


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
@pytest.mark.invariant(6)
def test_one_cause_is_one_failure_between_runs(world, cause):
    w = world([compound(n) for n in range(40)], page_size=10)
    good = w.sync()
    w.registry.edit("C-000003", approval=2020)
    w.registry.edit("C-000004", approval=2020)
    before = w.written()
    cause.comes(w)
    failed = w.sync()
    judged(w, failed, cause)
    assert w.written() == before
    assert good.watermark == SyncRun.objects.get(pk=good.pk).watermark
    cause.goes(w)
    run = w.sync()
    assert run.status == Status.SUCCEEDED, run.error
    assert w.values()["C-000003"]["Approval"] == 2020 and not w.open_errors()


DURING = [
    c
    for c in CAUSES
    if not c.name.startswith(("a private key", "a row for a field", "Benchling registries"))
]


@pytest.mark.parametrize("cause", DURING, ids=lambda cause: cause.name)
@pytest.mark.invariant(6)
@pytest.mark.usefixtures("page_by_page")
def test_one_cause_is_one_failure_during_a_run(world, settings, cause):
    settings.BATCH_SIZE = 50
    w = world([compound(n) for n in range(200)], page_size=50)
    w.registry.on_page = lambda number: cause.comes(w) if number == 3 else None
    failed = w.sync()
    judged(w, failed, cause)
    w.registry.on_page = lambda number: None
    cause.goes(w)
    run = w.sync()
    assert run.status == Status.SUCCEEDED and run.kind == SyncRun.Kind.FULL, run.error
    assert len(w.values()) == 200 and w.written() <= 250


def judged(w: World, run: SyncRun, cause: Cause) -> None:
    """Check what every failure for one cause must be."""
    said = f"{run.error} {run.remedy}"
    assert run.status == Status.FAILED, said
    assert cause.words in said and cause.who in run.remedy
    assert not EntityError.objects.exists() and w.tenant.counters["single_upserts"] == 0
    if cause.who == OPERATOR and "SECRET" in cause.words:
        return  # nothing can be told in Benchling
    session = w.session()
    shown = session["messages"][0]["content"].replace("\\", "")  # escaped as Markdown
    assert session["status"] == "FAILED" and run.error[:100] in shown
    assert PRIVATE.splitlines()[1] not in said and "s3cret" not in said


@pytest.mark.slow
@pytest.mark.invariant(6)
def test_a_weekend_with_a_dead_key_leaves_one_session_a_day(world):
    # The contract is off: always the same exchanges.
    w = world([compound(n) for n in range(20)], contract="off", rate_limit=0)
    w.sync()
    w.registry.token = "other"
    _weekend(w, runs=200)


@pytest.mark.invariant(6)
def test_a_weekend_without_the_right_to_write_leaves_one_session_a_day(world):
    """The cause shows only after the first page, when a good run would have its session."""
    w = world([compound(n) for n in range(20)], contract="off", rate_limit=0)
    w.sync()
    w.registry.edit("C-000003", approval=2020)
    refuse_upserts(w)
    _weekend(w, runs=100)
    w.tenant.faults.clear()
    sessions = len(w.tenant.sessions)
    assert w.sync().status == Status.SUCCEEDED and len(w.tenant.sessions) == sessions + 1
    assert w.session()["status"] == "SUCCEEDED"


def _weekend(w: World, *, runs: int) -> None:
    """Fail each quarter of an hour, by letting the past grow older.

    One run in two hours is a real one; seven rows after it stand for those that failed as it did
    and had nothing new to tell, so that the next one has as many to look through.
    """
    before, hours = len(w.tenant.sessions), timedelta(hours=2)
    for _ in range(runs // 8):
        SyncRun.objects.update(
            created_at=F("created_at") - hours, finished_at=F("finished_at") - hours
        )
        run = w.sync()
        assert run.status == Status.FAILED
        run.session_id = ""
        for _ in range(7):
            run.pk, run._state.adding = None, True
            run.save()
    days = runs / 96
    assert days - 1 < len(w.tenant.sessions) - before <= days + 1


@pytest.mark.usefixtures("page_by_page")
def test_a_key_renewed_at_both_ends_during_a_run_goes_on(world, settings):
    settings.BATCH_SIZE = 50
    w = world([compound(n) for n in range(400)], page_size=50)

    def renew(number: int) -> None:
        if number == 3:
            w.registry.token = "newer"
            w.configure(**{"API Key": "newer"})

    w.registry.on_page = renew
    run = w.sync()
    assert run.status == Status.SUCCEEDED and w.written() == 400 and run.read == 400
    assert run.repeated == 0
