"""Asynchronous writes: started, applied on the tenant's clock, forgotten half an hour later."""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

from starlette.responses import JSONResponse

from .entity_types import TYPES
from .errors import LOCKED, Refusal
from .rendering import rendered
from .state import TenantState
from .writing import Writing, check_lock

Json = dict[str, Any]
KEPT = 1800.0
_SETTLING = threading.RLock()
"""Held while tasks are ended: tests settle them as well as the tenant's own thread."""
INVALID = "Your request was invalid."


def start(state: TenantState, work: Writing, rows: list[Json]) -> str:
    """Accept rows; they are applied when the task ends."""
    settle(state)
    id_ = str(uuid.uuid4())
    registry = work.registry_of(rows[0])
    try:
        check_lock(state, registry)
        locked = False
    except Refusal:
        locked = True
    switches = state.switches
    state.tasks[id_] = {
        "status": "RUNNING", "registry": registry, "rows": rows, "work": work, "locked": locked,
        "ready": state.clock.now() + switches.task_base + switches.task_per_entity * len(rows),
    }  # fmt: skip
    state.counters["bulk_calls"] += 1
    return id_


def settle(state: TenantState) -> None:
    """End every task whose time has come, in order, and forget old ones."""
    with _SETTLING:
        now = state.clock.now()
        tasks = list(state.tasks.items())
        ready = [t for _, t in tasks if t["status"] == "RUNNING" and t["ready"] <= now]
        for task in sorted(ready, key=lambda task: task["ready"]):
            _finish(state, task)
        for id_ in [i for i, t in tasks if t.get("ended", now) + KEPT < now]:
            del state.tasks[id_]


def work_ahead(state: TenantState, id_: str, url: str) -> None:
    """Apply a running task's rows and write its answer, both to be shown when the task ends."""
    task = state.tasks.get(id_, {})
    began = time.thread_time()
    with _SETTLING:
        if "work" not in task:
            return
        task["outcome"] = outcome = _outcome(state, task)
        if outcome["status"] == "SUCCEEDED":
            task["answer"] = JSONResponse(shown(state, outcome, url)).body
    state.ahead_seconds += time.thread_time() - began


def _finish(state: TenantState, task: Json) -> None:
    task["ended"] = task["ready"]
    task.update(task.pop("outcome", None) or _outcome(state, task))


def _outcome(state: TenantState, task: Json) -> Json:
    """Do the work of a task, and return what it ends with."""
    if "work" not in task:
        return {"status": "SUCCEEDED"}
    rows, work = task.pop("rows"), task.pop("work")
    if task["locked"]:
        return {"status": "FAILED", "message": LOCKED, "errors": []}
    if work.run(rows):
        # In another order than the request's: the contract promises none.
        ids = dict.fromkeys(entity.id for entity in reversed(work.touched))
        return {"status": "SUCCEEDED", "ids": list(ids)}
    named = [{"index": i, "message": m} for i, m in sorted(work.errors.items())]
    return {"status": "FAILED", **_failure(state.switches.task_errors, named)}


def _failure(shape: str, named: list[Json]) -> Json:
    """Return a failed task's message and errors in one of the shapes that the contract allows."""
    if shape in ("absent", "words"):
        return {"message": named[0]["message"] if shape == "words" else INVALID}
    shapes: Json = {
        "list_all": named, "first_object": named[0], "none": [], "empty_object": {}, "null": None,
    }  # fmt: skip
    return {"message": INVALID, "errors": shapes[shape]}


def shown(state: TenantState, task: Json, url: str) -> Json:
    """Return a task as the API does."""
    if task["status"] != "SUCCEEDED":
        return {key: task[key] for key in ("status", "message", "errors") if key in task}
    if "response" in task:
        return {"status": task["status"], "response": task["response"]}
    response: dict[str, list[Json]] = {}
    for entity in (state.entities[id_] for id_ in task["ids"] if id_ in state.entities):
        key = TYPES[state.schemas[entity.schema_id]["type"]].key
        response.setdefault(key, []).append(rendered(state, entity, url))
    return {"status": "SUCCEEDED", "response": response}
