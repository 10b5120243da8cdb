"""Dropdowns and their options. https://benchling.com/api/reference (updateDropdown)"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .errors import ApiError, forbidden, not_found
from .handlers import Handlers, Table, body_of, id_of

Json = dict[str, Any]


class Dropdowns(Handlers):
    """The handlers that change dropdowns; reading them is among the furniture."""

    def table(self) -> Table:
        return [
            ("PATCH", "/dropdowns/{id}", self.update),
            ("POST", "/dropdowns/{id}/options:archive", self.archive),
            ("POST", "/dropdowns/{id}/options:unarchive", self.unarchive),
        ]

    async def update(self, request: Request) -> Response:
        """Set the whole list: what is left out is gone, what has no id is new."""
        dropdown = self._own(request)
        wanted = _given(await body_of(request), "options")
        names = [str(option.get("name") or "").strip() for option in wanted]
        if not all(names) or len(set(names)) < len(names):
            raise ApiError(400, "Each option needs a name that no other option has.")
        known = {option["id"]: option for option in dropdown["options"]}
        for option in wanted:
            if option.get("id") and option["id"] not in known:
                raise not_found(option["id"])
        dropdown["options"] = [
            self._option(known.get(option.get("id")), name)
            for option, name in zip(wanted, names, strict=True)
        ]
        return JSONResponse(dropdown)

    def _option(self, known: Json | None, name: str) -> Json:
        if known is None:
            return {"id": self.state.new_id("sfso"), "name": name, "archiveRecord": None}
        back = self.state.switches.dropdown_writes == "unarchive"
        return {**known, "name": name, "archiveRecord": None if back else known["archiveRecord"]}

    async def archive(self, request: Request) -> Response:
        dropdown, body = self._own(request), await body_of(request)
        ids, reason = _given(body, "dropdownOptionIds"), _given(body, "reason")
        return _set(dropdown, ids, {"reason": reason})

    async def unarchive(self, request: Request) -> Response:
        dropdown, body = self._own(request), await body_of(request)
        return _set(dropdown, _given(body, "dropdownOptionIds"), None)

    def _own(self, request: Request) -> Json:
        """Return the dropdown that a request is to change. Raise ApiError if the app may not."""
        dropdown = self.one_of(request, self.state.dropdowns)
        if self.state.switches.dropdown_writes == "forbidden":
            raise forbidden(id_of(request))
        return dropdown


def _given(body: Json, name: str) -> Any:
    """Return a body's item, which the document does not call required. Raise ApiError without."""
    if name not in body:
        raise ApiError(400, f"{name} is missing.")
    return body[name]


def _set(dropdown: Json, ids: list[str], record: Json | None) -> Response:
    known = {option["id"]: option for option in dropdown["options"]}
    for id_ in ids:
        if id_ not in known:
            raise not_found(id_)
    for id_ in ids:
        known[id_]["archiveRecord"] = record
    return JSONResponse({"dropdownOptionIds": ids})
