"""`manage.py mapping`: copy the field mapping from one tenant to another, by names."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.benchling import config_items as items
from registry_sync.benchling.app_config import AppConfig
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.sync_items import FOLDER
from registry_sync.benchling.sync_place import Place
from registry_sync.benchling.syncs import path_of, syncs_of
from registry_sync.core.json_text import parse_json
from registry_sync.core.problems import SyncError
from registry_sync.core.text import are, as_key, number_of
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import mapping_file, preview
from registry_sync.drafts.draft_from_file import check_connector, places_of
from registry_sync.drafts.mapping_yaml import Malformed
from registry_sync.drafts.preview_queue import AT_WORK
from registry_sync.management.operator import (
    FAILED,
    STANDARD,
    USAGE,
    OperatorCommand,
    refuse_misconfiguration,
    unreadable_file,
)
from registry_sync.sync.clients import client_of_settings, source_of
from registry_sync.sync.plans.proposals import What, is_required
from registry_sync.sync.setup import configure, read_items
from registry_sync.sync.withdrawals.policy import decides_with

KEPT = ("API URL", "Synced Entity Location")
"""Items that keep this tenant's values: a production tenant reads another registry."""


class Command(OperatorCommand):
    help = (
        "export FILE writes the app's mapping with names instead of ids. import FILE resolves the "
        "names in the tenant of BENCHLING_URL, lists those that do not resolve, or else fills in "
        "the app's configuration there. API Key is never in the file. preview ID runs the preview "
        "of a mapping draft to its end, if there is no worker to do it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["export", "import", "preview"], help="what to do")
        parser.add_argument(
            "file",
            metavar="FILE",
            type=Path,
            help="a file (- for standard output or input), or for preview the draft's number",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="with import: resolve the names, write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_misconfiguration()
        client = client_of_settings()
        try:
            if options["what"] == "preview":
                self._preview(str(options["file"]))
            elif options["what"] == "export":
                self._export(client, options["file"])
            else:
                self._import(client, options["file"], dry_run=options["dry_run"])
        except SyncError as error:
            status = USAGE if isinstance(error, Malformed) else 1
            raise CommandError(f"{error.message}\n{error.remedy}", returncode=status) from error
        except Refused as refused:
            raise CommandError(
                f"Benchling refused the request ({refused.status}): {refused.message}\nA "
                "Benchling admin must give the app permission to read and write its configuration.",
                returncode=1,
            ) from refused

    def _preview(self, number: str) -> None:
        draft = drafts.drafts_of_this_app().filter(pk=as_key(number) or 0).first()
        if draft is None:
            raise CommandError(f"There is no mapping draft {number}.", returncode=USAGE)
        if draft.preview_state not in AT_WORK:
            preview.request_preview(draft)
        while preview.work_preview(draft.pk, client_of_settings, source_of):
            draft.refresh_from_db()
            self.stdout.write(f"{number_of(draft.preview_done, 'record')} read")
        draft.refresh_from_db()
        if draft.preview_state != draft.Preview.DONE:
            raise CommandError(
                draft.preview_error or "Another process is working on it.", returncode=1
            )
        found = draft.preview
        self.stdout.write(
            f"{number_of(found['read'], 'record')}: {found['new']:,} new, "
            f"{found['changed']:,} changed, {found['unchanged']:,} unchanged, "
            f"{found['refused']:,} refused."
        )

    def _export(self, client: Client, path: Path) -> None:
        raw, key = read_items(client), settings.BENCHLING_PRIVATE_KEY
        stored = items.by_path(raw)
        lanes, count = [], 0
        for sync in syncs_of(stored):
            setup = configure(client, private_key=key, element=sync.element, items=raw)
            lanes.append((_own(setup.config, stored), setup.schema))
            count += len(setup.mapping.fields)
        text = mapping_file.write_mapping_file(lanes, client)
        if str(path) == STANDARD:
            sys.stdout.write(text)
            return
        path.write_text(text, encoding="utf-8")
        of = f" of {len(lanes)} lanes" if len(lanes) > 1 else ""
        self.stdout.write(
            f"{count} {'field' if count == 1 else 'fields'}{of} {are(count)} in {path}."
        )

    def _import(self, client: Client, path: Path, *, dry_run: bool) -> None:
        try:
            text = sys.stdin.read() if str(path) == STANDARD else path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise unreadable_file(path, error) from error
        lanes = mapping_file.read_mapping_file(text, mapping_file.catalog_of(client))
        if runs.active() is not None and not dry_run:
            raise CommandError(
                "A run is active and would see only part of the change. Wait until it ends, or "
                "cancel it (manage.py run cancel).",
                returncode=75,
            )
        stored = items.by_path(client.configuration_items())
        places = places_of(lanes, stored)
        target: items.Wanted = {}
        for resolved, place in zip(lanes, places, strict=True):
            check_connector(resolved, items.value_of(stored, place.path("API URL")))
            target |= _target_items(resolved, items.with_wanted(stored, target), place)
        changed = items.needed_writes(stored, target)
        if dry_run:
            for write in changed:
                self.stdout.write(str(write))
        else:
            _refuse_alone(changed)
            items.write_all(client, changed, lambda write: self.stdout.write(str(write)))
        for place in places:
            self._say_what_stays(stored, place)
        count = len(changed)
        did = "would be" if dry_run else are(count)
        noun = "item" if count == 1 else "items"
        self.stdout.write(f"Every name resolves; {count} {noun} {did} changed.")

    def _say_what_stays(self, stored: items.Items, place: Place) -> None:
        for name in KEPT:
            if items.value_of(stored, place.path(name)):
                named = " › ".join(place.path(name))
                self.stdout.write(f"{named} is kept as it is in this tenant.")
        if not (stored.get(place.path("API Key")) or {}).get("value"):
            named = " › ".join(place.path("API Key"))
            unless = ", unless it is the first sync's" if place.element else ""
            self.stdout.write(
                f"Next, enter {named} in the app's configuration in Benchling{unless}."
            )


def _own(config: AppConfig, stored: items.Items) -> AppConfig:
    """Return a configuration without what its sync inherits."""
    if not config.element:
        return config
    written = items.value_of(stored, path_of(config.element, items.CONNECTOR))
    folder = items.value_of(stored, path_of(config.element, FOLDER))
    return replace(
        config, connector_settings=parse_json(written) if written else None, folder_id=folder
    )


def _target_items(
    resolved: mapping_file.Resolved, stored: items.Items, place: Place
) -> items.Wanted:
    """Return every configuration item of a sync with its new value."""
    target: items.Wanted = {}
    for name, (kind, value) in resolved.items.items():
        path = place.path(name)
        if name in KEPT and items.value_of(stored, path):
            continue
        target[path] = (kind, json.dumps(value) if isinstance(value, dict) else value)
    return target | items.rows_wanted(stored, resolved.rows, place)


def _refuse_alone(changed: Sequence[items.Write]) -> None:
    """Raise CommandError 1 where a lane requires a second person to decide what is written."""
    for lane in runs.current_lanes():
        if any(
            is_required(lane, decision) for decision in (What.PUBLISH, *decides_with(lane, changed))
        ):
            raise CommandError(
                "A lane of this app requires a second person to publish a mapping or to let "
                "entities be archived, and a file would be written at once. Publish a draft in "
                "the desk.",
                returncode=FAILED,
            )
