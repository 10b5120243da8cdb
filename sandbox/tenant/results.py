"""Assay results over the API: schemas, bulk creation, transactions, and the projects they lie in.

Fields are named by their system names, which the API shows nowhere.
https://benchling.com/api/reference (bulkCreateAssayResults, createAssayResultsInTransaction)
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .access import visible
from .document import is_uuid
from .errors import ApiError, Refusal, forbidden, not_found
from .field_values import checked
from .handlers import Handlers, Table, body_of, check_parameters, id_of
from .state import TenantState

Json = dict[str, Any]
MOST_BULK, MOST_SYNC, MOST_GET = 4000, 100, 200
EMPTY: Json = {"fields": {}, "global": []}


def add_project(state: TenantState, name: str) -> str:
    """Add a project and return its id."""
    id_ = state.new_id("src")
    owner = {"id": "org_sandbox", "name": "Sandbox", "handle": "sandbox"}
    state.projects[id_] = {"id": id_, "name": name, "archiveRecord": None, "owner": owner}
    return id_


def add_result_schema(state: TenantState, name: str, fields: Sequence[Json]) -> str:
    """Add a result schema and return its id; each field needs `system_name` and `type`."""
    id_ = state.new_id("assaysch")
    known, definitions = {}, []
    for raw in fields:
        field = {"name": raw["system_name"].replace("_", " ").capitalize(), **raw}
        system_name = field.pop("system_name")
        definitions.append(state.definition(field))
        known[system_name] = definitions[-1]
    state.system_names[id_] = known
    state.result_schemas[id_] = {
        "id": id_, "name": name, "type": "assay_result", "archiveRecord": None,
        "modifiedAt": state.clock.stamp(), "fieldDefinitions": definitions,
        "systemName": name.casefold().replace(" ", "_"),
    }  # fmt: skip
    return id_


class Results(Handlers):
    """The handlers of results, their schemas and transactions, and of projects."""

    def table(self) -> Table:
        return [
            ("GET", "/assay-result-schemas", self.schemas),
            ("GET", "/assay-result-schemas/{id}", self.schema),
            ("GET", "/assay-results", self.results),
            ("POST", "/assay-results", self.create),
            ("POST", "/assay-results:bulk-create", self.bulk_create),
            ("GET", "/assay-results:bulk-get", self.bulk_get),
            ("POST", "/result-transactions", self.begin),
            ("POST", "/result-transactions/{id}/results", self.add),
            ("POST", "/result-transactions/{id}:abort", self.abort),
            ("POST", "/result-transactions/{id}:commit", self.commit),
            ("GET", "/projects", self.projects),
            ("GET", "/projects/{id}", self.project),
        ]

    # -- schemas and projects ------------------------------------------------------------------

    async def schemas(self, request: Request) -> Response:
        check_parameters(request)
        shown = visible(self.state, self.state.result_schemas)
        return self.listed(request, "assayResultSchemas", shown)

    async def schema(self, request: Request) -> Response:
        return JSONResponse(self.one_of(request, self.state.result_schemas))

    async def projects(self, request: Request) -> Response:
        check_parameters(request)
        return self.listed(request, "projects", visible(self.state, self.state.projects))

    async def project(self, request: Request) -> Response:
        return JSONResponse(self.one_of(request, self.state.projects))

    # -- writing -------------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        app_id, rows = await self._rows(request, MOST_SYNC)
        if errors := self._faults(rows):
            raise ApiError(400, _words(errors))
        return JSONResponse({"assayResults": self._keep(app_id, rows), "errors": None})

    async def bulk_create(self, request: Request) -> Response:
        """Start a task; it ends when it is next asked for."""
        app_id, rows = await self._rows(request, MOST_BULK)
        id_, task = str(uuid.uuid4()), {"status": "SUCCEEDED", "ended": self.state.clock.now()}
        if errors := self._faults(rows):
            task.update(status="FAILED", message=_words(errors), errors=errors)
        else:
            made = self._keep(app_id, rows)
            task["response"] = {"assayResults": [{"id": each} for each in made]}
        self.state.tasks[id_] = task
        return JSONResponse({"taskId": id_}, 202)

    async def begin(self, request: Request) -> Response:
        id_ = str(uuid.uuid4())
        self.state.transactions[id_] = {"app": self.app_of(request), "rows": []}
        return JSONResponse({"id": id_})

    async def add(self, request: Request) -> Response:
        _, rows = await self._rows(request, MOST_SYNC)
        open_one = self._transaction(request)
        if errors := self._faults(rows):
            return JSONResponse({"assayResults": None, "errors": errors}, 400)
        rows = [{**row, "id": row.get("id") or str(uuid.uuid4())} for row in rows]
        open_one["rows"] += rows
        return JSONResponse({"assayResults": [row["id"] for row in rows], "errors": None})

    async def abort(self, request: Request) -> Response:
        self._transaction(request)
        del self.state.transactions[id_of(request)]
        self.state.counters["transactions_aborted"] += 1
        return JSONResponse({"id": id_of(request)})

    async def commit(self, request: Request) -> Response:
        open_one = self._transaction(request)
        self._keep(open_one["app"], open_one["rows"])
        del self.state.transactions[id_of(request)]
        return JSONResponse({"id": id_of(request)})

    def _transaction(self, request: Request) -> Json:
        self.app_of(request)
        if id_of(request) not in self.state.transactions:
            raise not_found(id_of(request))
        return self.state.transactions[id_of(request)]

    async def _rows(self, request: Request, most: int) -> tuple[str, list[Json]]:
        """Return the app and its rows. Raise ApiError for what it has no access to."""
        app_id, rows = self.app_of(request), (await body_of(request))["assayResults"]
        if not 0 < len(rows) <= most:
            raise ApiError(400, f"Between 1 and {most} results are allowed.")
        for row in rows:
            for id_, things in (
                (row["schemaId"], self.state.result_schemas),
                (row.get("projectId"), self.state.projects),
            ):
                if id_ is not None and id_ not in things:
                    raise not_found(id_)
                if id_ in self.state.hidden:
                    raise forbidden(id_)
        return app_id, rows

    def _faults(self, rows: list[Json]) -> list[Json]:
        """Return what is wrong with each row; nothing if all can be created."""
        found = [self._faults_of(row) for row in rows]
        return found if any(each != EMPTY for each in found) else []

    def _faults_of(self, row: Json) -> Json:
        schema = self.state.result_schemas[row["schemaId"]]
        known, fields = self.state.system_names[schema["id"]], {}
        if schema["archiveRecord"]:
            return {"fields": {}, "global": [f"Schema {schema['name']} is archived."]}
        if not isinstance(row["fields"], dict) or not all(
            isinstance(item, dict) and "value" in item for item in row["fields"].values()
        ):
            return {"fields": {}, "global": ["Each field needs a value."]}
        if row.get("id") and not is_uuid(row["id"]):
            return {"fields": {}, "global": [f"The id {row['id'][:50]} is no UUID."]}
        if row.get("id") in self.state.results:
            return {"fields": {}, "global": [f"A result with the id {row['id']} already exists."]}
        for name, item in row["fields"].items():
            if name not in known:
                fields[name] = ["This field does not exist on the schema."]
                continue
            try:
                checked(self.state, known[name], item["value"])
            except Refusal as refusal:
                fields[name] = [str(refusal)]
        for name, definition in known.items():
            if definition["isRequired"] and row["fields"].get(name, {}).get("value") is None:
                fields[name] = ["This field is required."]
        return self._shaped(fields)

    def _shaped(self, fields: Json) -> Json:
        """Return faults of fields by field, or as sentences: the document leaves it open."""
        if not fields or self.state.switches.result_errors == "fields":
            return {"fields": fields, "global": []}
        words = [f"{name}: {faults[0]}" for name, faults in fields.items()]
        return {"fields": {}, "global": words if self.state.switches.result_errors == "global"
                else ["The result is not valid."]}  # fmt: skip

    def _keep(self, app_id: str, rows: list[Json]) -> list[str]:
        for row in rows:
            id_ = row.get("id") or str(uuid.uuid4())
            now = self.state.clock.stamp()
            self.state.results[id_] = {**row, "id": id_, "creator": app_id, "created_at": now}
            row["id"] = id_
        return [row["id"] for row in rows]

    # -- reading -------------------------------------------------------------------------------

    async def results(self, request: Request) -> Response:
        check_parameters(request, "schemaId", "ids")
        schema_id, ids = (request.query_params.get(name) for name in ("schemaId", "ids"))
        found = [
            self._shown(row)
            for row in self.state.results.values()
            if schema_id in (None, row["schemaId"]) and (not ids or row["id"] in ids.split(","))
        ]
        return self.listed(request, "assayResults", found)

    async def bulk_get(self, request: Request) -> Response:
        self.app_of(request)
        check_parameters(request, "assayResultIds")
        ids = request.query_params.get("assayResultIds", "").split(",")
        if len(ids) > MOST_GET:
            raise ApiError(400, f"At most {MOST_GET} ids are allowed.")
        if unknown := [id_ for id_ in ids if id_ not in self.state.results]:
            raise ApiError(400, f"Invalid ids: {', '.join(unknown)}")
        shown = [self._shown(self.state.results[id_]) for id_ in ids]
        return JSONResponse({"assayResults": shown})

    def _shown(self, row: Json) -> Json:
        schema, now = self.state.result_schemas[row["schemaId"]], row["created_at"]
        known = self.state.system_names[schema["id"]]
        return {
            "id": row["id"], "projectId": row.get("projectId"), "createdAt": now,
            "modifiedAt": now, "entryId": None, "isReviewed": False, "archiveRecord": None,
            "creator": {"id": row["creator"], "name": row["creator"], "handle": row["creator"]},
            "schema": {"id": schema["id"], "name": schema["name"]}, "fieldValidation": {},
            "fields": {
                name: {"value": item.get("value"), "isMulti": known[name]["isMulti"],
                       "type": known[name]["type"], "textValue": None, "displayValue": None}
                for name, item in row["fields"].items()
            },
        }  # fmt: skip


def _words(errors: list[Json]) -> str:
    """Return the first fault of rows as a sentence."""
    first = next(each for each in errors if each != EMPTY)
    named = [f"{name}: {faults[0]}" for name, faults in first["fields"].items()]
    return (first["global"] or named)[0]
