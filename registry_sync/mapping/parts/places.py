"""The folder that an entity lies in, by its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from registry_sync.benchling.entity_types import EntityType
from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.setting import FILLED_OBJECT, FILLED_PATH, Setting, one_of
from registry_sync.core.types import Json
from registry_sync.mapping.compile_field import compile_field
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.parts.base import PartRule, checked_settings, path_in, register
from registry_sync.mapping.rules import RuleError
from registry_sync.mapping.values import is_empty
from registry_sync.source.answers.blanks import Blanks
from registry_sync.source.paths import ABSENT

EXAMPLE = '{"path": "site", "table": {"BS": "Basel"}}'


@register("folder")
class FolderRule(PartRule):
    """The folder by record. Where it is mapped, an entity is moved into it."""

    about = "The folder, by the value at a path: its name or its API id, or a table that names it"
    settings = {
        "path": Setting(
            "Where a record has the value. Without one, an entity stays where it is.", FILLED_PATH,
            example="site", required=True,
        ),
        "table": Setting(
            "Folders by the registry's values, each by its name or API id. A value that is not in "
            "the table is an error.", FILLED_OBJECT, example={"BS": "Basel", "ZH": "lib_R8KcsjhW"},
        ),
        "by": Setting(
            "What the value is: the name or API id of a folder, or only an API id.",
            one_of("name", "id"), "name", "id",
        ),
    }  # fmt: skip

    @classmethod
    def compile(
        cls, raw: object, kind: type[EntityType], schema: EntitySchema, blanks: Blanks
    ) -> list[FieldMapping]:
        settings = checked_settings(raw, list(cls.settings), EXAMPLE)
        if settings.get("by", "name") not in ("name", "id"):
            raise RuleError("takes name or id as `by`")
        named = "folder" if settings.get("by", "name") == "name" else "folder_id"
        definition = FieldDefinition("folder", "folder", named, options=schema.folders)
        rule: Json | None = None
        if "table" in settings:
            rule = {"rule": "labels", "table": settings["table"]}
            _check_table(settings["table"], definition)
        mapped = compile_field(definition, path_in(settings, "path", EXAMPLE), rule, blanks)
        return [replace(mapped, steps=(*mapped.steps, _stays_where_it_is), absent="keep")]

    @classmethod
    def paths(cls, raw: object) -> list[str]:
        return [path_in(checked_settings(raw, list(cls.settings), EXAMPLE), "path", EXAMPLE)]


def _stays_where_it_is(value: Any) -> Any:
    """Return ABSENT for null and blank text: every entity lies in a folder, so it stays there."""
    return ABSENT if is_empty(value) else value


def _check_table(table: object, definition: FieldDefinition) -> None:
    """Refuse a table with a folder that the app does not see, before anything is read."""
    if not isinstance(table, dict) or not table:
        raise RuleError(f"needs an object as `table`, for example {EXAMPLE}")
    if definition.options is None:
        return
    folders = {text for each in definition.options for text in (each.id, each.label)}
    if unknown := sorted({str(name) for name in table.values()} - folders):
        raise RuleError(
            f"the app sees no folder {', '.join(unknown)}; a Benchling admin gives the app access "
            "to its project, or the integration owner corrects the table"
        )
