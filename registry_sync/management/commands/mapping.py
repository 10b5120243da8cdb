"""`manage.py mapping`: carry the field mapping from one tenant to another, by names."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from registry_sync import jobs, mapping_file, runs
from registry_sync.benchling import Client, Refused
from registry_sync.config import ROWS
from registry_sync.configure import configure
from registry_sync.problems import SyncError

Json = dict[str, Any]
USAGE = 64
KEPT = ("API URL", "Synced Entity Location")
"""What this tenant has already is left: a production tenant reads another registry, elsewhere."""


class Command(BaseCommand):
    help = (
        "export FILE writes the app's mapping with names instead of ids; import FILE resolves the "
        "names in the tenant of BENCHLING_URL, names every one that does not resolve, and else "
        "fills in the app's configuration there. API Key is never in the file."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["export", "import"])
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="import: resolve, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        client = jobs.client_of_settings()
        try:
            if options["what"] == "export":
                self._export(client, options["file"])
            else:
                self._import(client, options["file"], dry_run=options["dry_run"])
        except SyncError as error:
            raise CommandError(f"{error.message}\n{error.remedy}", returncode=1) from error
        except Refused as refused:
            raise CommandError(
                f"Benchling refused it ({refused.status}): {refused.message}\nA Benchling admin "
                "gives the app the right to read and write its own configuration.",
                returncode=1,
            ) from refused

    def _export(self, client: Client, path: Path) -> None:
        setup = configure(client, private_key=settings.BENCHLING_PRIVATE_KEY)
        names = {str(registry["id"]): str(registry["name"]) for registry in client.registries()}
        folder = setup.config.folder_id
        text = mapping_file.write(
            setup,
            registry=names[setup.config.registry_id],
            folder=str(client.folder(folder)["name"]) if folder else None,
        )
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(setup.mapping.fields)} fields are in {path}.")

    def _import(self, client: Client, path: Path, *, dry_run: bool) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}", returncode=USAGE) from error
        resolved = mapping_file.read(text, _catalog(client))
        if runs.active() is not None and not dry_run:
            raise CommandError(
                "A run is active: it would see half of the change. Wait for its end, or cancel it "
                "(manage.py run cancel).",
                returncode=75,
            )
        held = {tuple(item["path"]): item for item in client.configuration_items()}
        wanted = _wanted(resolved, held)
        changed = [(path, *pair) for path, pair in wanted.items() if _differs(held, path, pair)]
        for item_path, kind, value in changed:
            shown = "(empty)" if value is None else value
            self.stdout.write(f"{' › '.join(item_path)}: {shown}")
            if not dry_run:
                client.set_configuration_item(
                    list(item_path), kind, value, (held.get(item_path) or {}).get("id")
                )
        for name in KEPT:
            if (held.get((name,)) or {}).get("value"):
                self.stdout.write(f"{name} is left as it is in this tenant.")
        if not (held.get(("API Key",)) or {}).get("value"):
            self.stdout.write("Still to do in Benchling: type API Key into the configuration.")
        did = "would be" if dry_run else "are"
        self.stdout.write(f"Every name resolves; {len(changed)} items {did} changed.")


def _catalog(client: Client) -> mapping_file.Catalog:
    def options(dropdown_id: str) -> list[str]:
        found = client.dropdown(dropdown_id).get("options") or ()
        return [str(option["name"]) for option in found if not option.get("archiveRecord")]

    return mapping_file.Catalog(
        registries=client.registries(),
        schemas=client.entity_schemas(),
        folders=client.folders(),
        options=options,
    )


def _wanted(
    resolved: mapping_file.Resolved, held: dict[tuple[str, ...], Json]
) -> dict[tuple[str, ...], tuple[str, str | None]]:
    """List every item with the value it shall have; surplus rows are emptied."""
    wanted: dict[tuple[str, ...], tuple[str, str | None]] = {}
    for name, (kind, value) in resolved.items.items():
        if name in KEPT and (held.get((name,)) or {}).get("value"):
            continue
        text = json.dumps(value) if isinstance(value, dict) else value
        wanted[(name,)] = (kind, text)
    rows = list(dict.fromkeys(path[1] for path in held if len(path) > 1 and path[0] == ROWS))
    for number, (field_id, field_path) in enumerate(resolved.rows):
        row = rows[number] if number < len(rows) else f"Row {number + 1}"
        wanted[ROWS, row, "Entity Schema"] = ("entity_schema", resolved.schema_id)
        wanted[ROWS, row, "Entity Schema", "Benchling Field"] = ("field", field_id)
        wanted[ROWS, row, "External API Field Name"] = ("text", field_path)
    for row in rows[len(resolved.rows) :]:
        wanted[ROWS, row, "Entity Schema", "Benchling Field"] = ("field", None)
        wanted[ROWS, row, "External API Field Name"] = ("text", None)
    return wanted


def _differs(
    held: dict[tuple[str, ...], Json], path: tuple[str, ...], pair: tuple[str, str | None]
) -> bool:
    now = (held.get(path) or {}).get("value") or None
    wanted = pair[1] or None
    if pair[0] == "json" and now and wanted:
        parsed = json.loads(now) if isinstance(now, str) else now
        return bool(parsed != json.loads(wanted))
    return now != wanted
