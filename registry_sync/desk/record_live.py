"""One record as the registry and Benchling have it now, requested while the user waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.entity_reads import entities_of_any_type
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.canvas.record_status import record_status
from registry_sync.core.addresses import is_address
from registry_sync.core.problems import SyncError
from registry_sync.explain.readings import FieldReading, readings_of
from registry_sync.mapping.departures import has_left
from registry_sync.mapping.transform import transform
from registry_sync.models import Lane
from registry_sync.reporting.redaction import redact, secret_mark
from registry_sync.sync.clients import client_of_settings, source_of
from registry_sync.sync.gates import names
from registry_sync.sync.gates.claims import PageClaims
from registry_sync.sync.setup import configure

PATIENCE = 15.0
"""Seconds that a page waits for other systems, besides the current request."""


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What was found, or why the request failed (`trouble`).

    `refused` says why the record as it is now would not be written, `withdrawn` that the registry
    says it is deleted, and `passes` that it was refused before and would be written now.
    """

    text: str = ""
    raw: Any = None
    readings: list[FieldReading] = field(default_factory=list)
    trouble: str = ""
    refused: str = ""
    withdrawn: bool = False
    passes: bool = False


def read_live(lane: Lane, external_id: str) -> LiveAnswer:
    """Request a record from the registry and apply the current mapping to it."""
    try:
        client = _client()
        key = settings.BENCHLING_PRIVATE_KEY
        setup = configure(client, private_key=key, element=lane.element)
        wait = impatient("The registry")
        source = source_of(setup, wait, wait)
        try:
            found = record_status(external_id, lane, setup, source, client)
        finally:
            source.close()
    except (Refused, SyncError, Wait) as error:
        return LiveAnswer(trouble=failure_in_words(error))
    if found.raw is None:
        return LiveAnswer(text=found.text)
    marks = [secret_mark(setup.config.api_key)]
    raw = redact(found.raw, marks, source.secrets())
    if has_left(raw, setup.mapping):
        return LiveAnswer(found.text, raw, withdrawn=True)
    done = transform(raw, external_id, setup.mapping)
    problems = done.problems
    if done.entity is not None:
        holders_by_key = names.holders(lane, names.name_keys_of([done.entity]))
        clash = names.conflict(done.entity, holders_by_key, PageClaims())
        problems = () if clash is None else (clash,)
    refused = " ".join(problem.message for problem in problems)
    was_refused = runs.open_errors(lane).filter(external_id=external_id).exists()
    passes = was_refused and not problems
    readings = list(readings_of(raw, done, setup))
    return LiveAnswer(found.text, raw, readings, refused=refused, passes=passes)


def entity_url(entity_id: str) -> tuple[str, str]:
    """Return the address of an entity's page in Benchling, and "" or why there is none."""
    try:
        found = entities_of_any_type(_client(), [entity_id])
    except (Refused, SyncError, Wait) as error:
        return "", failure_in_words(error)
    url = str(found[0].get("webURL") or "") if found else ""
    parts = urlsplit(url if is_address(url) else "")
    if parts.scheme in ("http", "https") and parts.netloc.lower() == runs.tenant_host():
        return url, ""
    return "", f"Benchling has no address for the entity {entity_id}, or the app cannot see it."


def impatient(whom: str) -> Callable[..., None]:
    """Return a wait policy that gives up after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE

    def wait(seconds: float = 0.0, reason: str = "") -> None:
        if time.monotonic() + seconds > deadline:
            raise SyncError(
                f"{whom} did not answer in time{f' ({reason})' if reason else ''}.",
                remedy="Try again in a minute, or sync just this record: a run waits longer.",
                kind="transient",
                code="impatient",
            )
        time.sleep(seconds)

    return wait


def _client() -> Client:
    return client_of_settings(impatient("Benchling"))


def failure_in_words(error: Exception) -> str:
    """Return why another system could not be asked."""
    if isinstance(error, SyncError):
        return error.with_remedy
    return f"Benchling could not be reached: {error}"
