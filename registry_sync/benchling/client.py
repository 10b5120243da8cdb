"""The Benchling client: one method for each request that this app makes.

Responses stay raw JSON. Where the SDK has a defect, the method that works around it names it.
https://benchling.com/api/reference
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from registry_sync.benchling.entity_types import ENTITY_TYPES, CustomEntity, EntityType
from registry_sync.benchling.errors import (
    LOCK_TRIES,
    LOCKED,
    Refused,
    Wait,
    lock_pause,
    retry_time,
)
from registry_sync.benchling.filters import joined_for_filter, short_lists
from registry_sync.benchling.http import PackedBody
from registry_sync.benchling.response_types import EntityPage, Task
from registry_sync.benchling.transport import PAGE, Transport
from registry_sync.benchling.upsert_rows import without_registry
from registry_sync.core.types import Json
from registry_sync.core.waits import REGISTRATION_LOCK


@dataclass
class Client(Transport):
    """What one app asks of one tenant. Raises Refused for a 4xx, SyncError for the whole run."""

    entity_type: type[EntityType] = CustomEntity

    # -- what the app reads ---------------------------------------------------------------

    def configuration_items(self) -> list[Json]:
        """Return every item of the app's configuration.

        The SDK's own store fails as a whole on one item of a type that it does not know.
        """
        pages = self.pages(
            "app-configuration-items",
            "appConfigurationItems",
            appId=self.app_id,
            sort="createdAt:asc",
        )
        return [item for page in pages for item in page]

    def set_configuration_item(
        self, path: list[str], kind: str, value: str | None, item_id: str | None
    ) -> Json:
        """Change an item of the app's configuration, or create it where `item_id` is None."""
        if item_id:
            body: Json = {"type": kind, "value": value}
            return self.call("patch", f"app-configuration-items/{quote(item_id, safe='')}", body)
        body = {"appId": self.app_id, "path": path, "type": kind, "value": value}
        return self.call("post", "app-configuration-items", body)

    def entity_schemas(self) -> list[Json]:
        """Return every entity schema that the app can see."""
        return [s for page in self.pages("entity-schemas", "entitySchemas") for s in page]

    def folders(self) -> list[Json]:
        """Return every folder that the app can see."""
        return [folder for page in self.pages("folders", "folders") for folder in page]

    def registries(self) -> list[Json]:
        """Return every Benchling registry that the app can see."""
        return list(self.get("registries", needs="registries")["registries"])

    def entity_schema(self, schema_id: str) -> Json:
        """Return one entity schema."""
        return self.get(f"entity-schemas/{quote(schema_id, safe='')}", needs="fieldDefinitions")

    def dropdown(self, dropdown_id: str) -> Json:
        """Return one dropdown with its options."""
        return self.get(f"dropdowns/{quote(dropdown_id, safe='')}", needs="id")

    def folder(self, folder_id: str) -> Json:
        """Return one folder."""
        return self.get(f"folders/{quote(folder_id, safe='')}", needs="id")

    def entities(self, *, token: str = "", **filters: str) -> Iterator[EntityPage]:
        """Yield pages of entities, archived ones included, from page `token` on.

        `filters` are the endpoint's own, such as `schemaId`, `registryId`, `modifiedAt`.
        """
        while True:
            body = self.get(
                self.entity_type.endpoint,
                needs=self.entity_type.key,
                sort="createdAt:asc",
                pageSize=str(PAGE),
                archiveReason="ANY_ARCHIVED_OR_NOT_ARCHIVED",
                nextToken=token,
                **filters,
            )
            token = body.get("nextToken") or ""
            yield EntityPage(body[self.entity_type.key], token)
            if not token:
                return

    def entities_named(
        self, names: Sequence[str], *, registry_id: str, with_archived: bool = False
    ) -> list[Json]:
        """Return the entities with these names, aliases or registry ids: all three match."""
        more = {"archiveReason": "ANY_ARCHIVED_OR_NOT_ARCHIVED"} if with_archived else {}
        return self._by_hundreds("names.anyOf", names, registryId=registry_id, **more)

    def entities_registered(self, ids: Sequence[str], *, registry_id: str) -> list[Json]:
        """Return entities of any type by their registry ids."""
        found: list[Json] = []
        for chunk in short_lists(ids):
            body = self.get(
                f"registries/{quote(registry_id, safe='')}/registered-entities:bulk-get",
                needs="entities",
                entityRegistryIds=joined_for_filter(chunk),
            )
            found += body["entities"]
        return found

    def entities_with_ids(
        self,
        ids: Sequence[str],
        *,
        registry_id: str,
        archive_reason: str = "ANY_ARCHIVED_OR_NOT_ARCHIVED",
    ) -> list[Json]:
        """Return entities of this type and any schema by registry id, archived ones included."""
        more = {"registryId": registry_id, "archiveReason": archive_reason}
        return self._by_hundreds("entityRegistryIds.anyOf", ids, **more)

    def entities_by_id(self, ids: Sequence[str]) -> list[Json]:
        """Return entities of this type by their Benchling ids; unknown ids are left out.

        Benchling refuses a whole list for one invalid id, and names it.
        https://benchling.com/api/reference (listCustomEntities, ids)
        """
        try:
            return self._by_hundreds("ids", ids, archiveReason="ANY_ARCHIVED_OR_NOT_ARCHIVED")
        except Refused as refused:
            if refused.status != 400:
                raise
            named = [id_ for id_ in ids if id_ in refused.message]
        if named or len(ids) < 2:
            readable = [id_ for id_ in ids if id_ not in named]
            return self.entities_by_id(readable) if named and readable else []
        half = len(ids) // 2
        return self.entities_by_id(ids[:half]) + self.entities_by_id(ids[half:])

    def _by_hundreds(self, name: str, values: Sequence[str], **more: str) -> list[Json]:
        endpoint = self.entity_type.endpoint
        found: list[Json] = []
        for chunk in short_lists(values):
            query = {name: joined_for_filter(chunk)}
            for page in self.pages(endpoint, self.entity_type.key, **query, **more):
                found += page
        return found

    # -- upserts ---------------------------------------------------------------------------

    def start_upsert(self, rows: Sequence[str]) -> str:
        """Start an upsert of rows, all or none of them, and return the task's id.

        `rows` are JSON. Raise AnswerLost where it may have started.
        """
        kind = self.entity_type
        path = f"{kind.endpoint}:bulk-upsert"
        packed = PackedBody(f'{{"{kind.key}":[{",".join(rows)}]}}')
        body = self.call("post", path, packed, needs="taskId", once=True)
        return str(body["taskId"])

    def task(self, task_id: str) -> Task | None:
        """Return a task; None once Benchling has forgotten it, 30 minutes after its end."""
        try:
            body = self.get(f"tasks/{quote(task_id, safe='')}", needs="status")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        response = body.get("response") or {}
        return Task(
            status=str(body["status"]),
            entities=[
                raw for kind in ENTITY_TYPES.values() for raw in response.get(kind.key) or ()
            ],
            message=str(body.get("message") or ""),
            errors=body.get("errors"),
        )

    def start_update(self, rows: Sequence[str]) -> str:
        """Start an update of rows that name their entity by its Benchling id, as `start_upsert`.

        https://benchling.com/api/reference (bulkUpdateDNASequences)
        """
        kind = self.entity_type
        changes = [without_registry(json.loads(row)) for row in rows]
        path = f"{kind.endpoint}:bulk-update"
        body = self.call("post", path, {kind.key: changes}, needs="taskId", once=True)
        return str(body["taskId"])

    def upsert_one(self, row: Json) -> Json:
        """Upsert one entity and return it; a row with a Benchling id updates that entity.

        A refusal has Benchling's exact message. Raise AnswerLost where it may be written.
        """
        row = dict(row)
        if "id" in row:
            path = f"{self.entity_type.endpoint}/{quote(row.pop('id'), safe='')}"
            return self._register(path, without_registry(row))
        # The SDK does not encode the path: `A#1` would otherwise reach another endpoint.
        registry_id = quote(row.pop("entityRegistryId"), safe="")
        path = f"{self.entity_type.endpoint}/{registry_id}:upsert"
        return self._register(path, row)

    def give_registry_id(self, entity_id: str, registry_id: str) -> Json:
        """Change an entity's registry id, and nothing else of it.

        Raise AnswerLost where it may have changed.
        """
        path = f"{self.entity_type.endpoint}/{quote(entity_id, safe='')}"
        return self._register(path, {"entityRegistryId": registry_id})

    def _register(self, path: str, body: Json) -> Json:
        """PATCH one entity, as often as needed while someone else registers entities.

        Raise Wait if that does not end. https://docs.benchling.com/docs/registering-entities
        """
        for attempt in range(LOCK_TRIES):
            try:
                return self.call("patch", path, body, needs="id", once=True)
            except Refused as refused:
                if not refused.message.startswith(LOCKED):
                    raise
            self.pause(lock_pause(attempt), REGISTRATION_LOCK)
        raise Wait(retry_time(60), REGISTRATION_LOCK)

    # -- App Status ------------------------------------------------------------------------

    def create_session(self, body: Json, *, after_lost: Callable[[], Json | None]) -> Json:
        """Create a session; `after_lost` finds one whose response was lost."""
        sent = {"appId": self.app_id, **body}
        return self.call("post", "app-sessions", sent, after_lost, needs="id")

    def update_session(self, session_id: str, body: Json) -> Json:
        """Change a session; a closed one is refused."""
        return self.call("patch", f"app-sessions/{quote(session_id, safe='')}", body)

    def session(self, session_id: str) -> Json:
        """Return one session."""
        return self.get(f"app-sessions/{quote(session_id, safe='')}", needs="id")

    def sessions(self, *, most: int = 300) -> Iterator[Json]:
        """Yield this app's sessions, the last changed first, up to about `most`."""
        pages = self.pages("app-sessions", "appSessions", appId=self.app_id, sort="modifiedAt:desc")
        seen = 0
        for page in pages:
            yield from page
            seen += len(page)
            if seen >= most:
                return

    # -- canvases --------------------------------------------------------------------------

    def create_canvas(self, body: Json, *, after_lost: Callable[[], Json | None]) -> Json:
        """Create a canvas; `after_lost` finds one whose response was lost."""
        sent = {"appId": self.app_id, **body}
        return self.call("post", "app-canvases", sent, after_lost, needs="id")

    def update_canvas(self, canvas_id: str, body: Json) -> Json:
        """Redraw a canvas."""
        return self.call("patch", f"app-canvases/{quote(canvas_id, safe='')}", body)

    def canvas(self, canvas_id: str) -> Json:
        """Return a canvas with what people typed into it."""
        return self.get(f"app-canvases/{quote(canvas_id, safe='')}", needs="blocks")

    def canvas_of(self, resource_id: str, feature_id: str) -> Json | None:
        """Return the canvas of a feature on a resource's page, if there is one."""
        pages = self.pages(
            "app-canvases",
            "appCanvases",
            appId=self.app_id,
            featureId=feature_id,
            resourceId=resource_id,
        )
        return next((canvas for page in pages for canvas in page), None)

    def user_name(self, user_id: str) -> str:
        """Return the name of a user of the tenant."""
        return str(self.get(f"users/{quote(user_id, safe='')}").get("name") or "")
