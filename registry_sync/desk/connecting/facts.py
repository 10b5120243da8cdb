"""What exists of a connection: the configuration, the test, the draft, the version, the runs."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q, QuerySet

from registry_sync import runs
from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.client import Client
from registry_sync.benchling.config_items import by_path
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.benchling.syncs import Sync, path_of, syncs_of
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import versions
from registry_sync.models import ConnectionTest, MappingDraft, MappingVersion, SyncRun
from registry_sync.sync.setup import read_config, read_items

Kind, State = SyncRun.Kind, MappingDraft.State


@dataclass(slots=True)
class Facts:
    """What exists of the connection of one sync.

    `config` is None where Benchling was not asked, or did not answer; then `trouble` says why.
    """

    sync: Sync
    config: AppConfig | None = None
    trouble: str = ""
    tried: ConnectionTest | None = None
    draft: MappingDraft | None = None
    version: MappingVersion | None = None
    dry_run: SyncRun | None = None
    good_run: SyncRun | None = None

    @property
    def name(self) -> str:
        """Return how pages name the sync."""
        if self.sync.schema_name:
            return self.sync.schema_name
        return self.sync.label or "the app's own items"

    def item(self, name: str) -> str:
        """Return where an item of the sync is in the app's configuration."""
        return " › ".join(path_of(self.sync.element, name))

    def faults(self, *names: str) -> list[str]:
        """Return what is wrong with these items of the configuration, as it was read."""
        config = self.config
        return [text for item, text in config.faults if item in names] if config else []


def live(client: Client, element: str | None = None) -> list[Facts]:
    """Return the facts of every sync of the configuration as it is now.

    Where Benchling does not answer, only the sync of this `element` is returned (None: of the
    newest draft), with what is known here, and why: `trouble`.
    """
    try:
        raw = read_items(client)
        return [_read(sync, raw) for sync in syncs_of(by_path(raw))]
    except (Refused, SyncError, Wait) as error:
        facts = stored("") if element is None else _remembered(element)
        facts.trouble = _words(error)
        return [facts]


def stored(schema_id: str) -> Facts:
    """Return the facts of the sync of a schema, without asking Benchling; "": of the newest one."""
    if not schema_id:
        newest = drafts.drafts_of_this_app().exclude(state=State.DISCARDED).first()
        schema_id = newest.schema_id if newest else ""
    draft = _draft(schema_id)
    element = str((draft.base.get("element") if draft else "") or "")
    return _stored_facts(Sync(element, schema_id))


def _remembered(element: str) -> Facts:
    """Return the facts of the sync of an element, by its lane, else by its newest draft."""
    lane = next((current for current in runs.current_lanes() if current.element == element), None)
    if lane is not None:
        return _stored_facts(Sync(element, lane.schema_id, lane.schema_name))
    kept = (
        drafts.drafts_of_this_app().exclude(state=State.DISCARDED).values_list("base", "schema_id")
    )
    of = (schema_id for base, schema_id in kept[:100] if (base.get("element") or "") == element)
    return _stored_facts(Sync(element, next(of, "")))


def has_good_run(schema_id: str = "") -> bool:
    """Return whether a run of all records did not fail: of a schema's lane, or any."""
    return _good(schema_id).exists()


def _words(error: Exception) -> str:
    if isinstance(error, SyncError):
        return error.with_remedy
    return (
        f"Benchling could not be asked: {error} The operator checks BENCHLING_URL, "
        "BENCHLING_CLIENT_ID and BENCHLING_CLIENT_SECRET, and a Benchling admin the app's access."
    )


def _read(sync: Sync, raw: list[Json]) -> Facts:
    facts = _stored_facts(sync)
    key = settings.BENCHLING_PRIVATE_KEY
    facts.config = read_config(raw, private_key=key, element=sync.element, needed=())
    return facts


def _stored_facts(sync: Sync) -> Facts:
    tried = ConnectionTest.objects.of_app().filter(element=sync.element).first()
    version = versions.of_schema(sync.schema_id).first()
    dry = _runs(sync.schema_id).filter(kind=Kind.DRY_RUN, only=[])
    if version is not None:
        dry = dry.filter(created_at__gte=version.at)
    good = _good(sync.schema_id).order_by("-pk").first()
    return Facts(
        sync, tried=tried, draft=_draft(sync.schema_id), version=version,
        dry_run=dry.order_by("-pk").first(), good_run=good,
    )  # fmt: skip


def _draft(schema_id: str) -> MappingDraft | None:
    """Return the newest draft of a schema that leads forward."""
    found = drafts.drafts_of_this_app().filter(back_to=None).exclude(state=State.DISCARDED)
    return found.filter(schema_id=schema_id).first() if schema_id else None


def _runs(schema_id: str) -> QuerySet[SyncRun]:
    of_lane = Q(lane__schema_id=schema_id) | Q(lane=None) if schema_id else Q()
    return SyncRun.objects.of_app().filter(of_lane)


def _good(schema_id: str) -> QuerySet[SyncRun]:
    good = runs.whole_runs(SyncRun.objects.of_app().filter(status__in=SyncRun.GOOD))
    return good.filter(lane__schema_id=schema_id) if schema_id else good
