"""Connector Settings proposed from a registry's own answers, with the evidence of each line.

Only API URL and API Key are needed. Up to a hundred requests are sent, and nothing is written.
Each aspect is one function in `ASPECTS`, called in this order; each sees what the earlier ones
proposed. To add one, add a module and a line to the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal.changes import propose_changes
from registry_sync.drafts.connector_proposal.empties import propose_empties
from registry_sync.drafts.connector_proposal.ids import propose_ids, propose_names
from registry_sync.drafts.connector_proposal.line import Findings, ProposedSetting
from registry_sync.drafts.connector_proposal.losses import note_losses
from registry_sync.drafts.connector_proposal.pages import propose_pages
from registry_sync.drafts.connector_proposal.records import propose_records
from registry_sync.drafts.connector_proposal.sign_in import propose_auth
from registry_sync.source.client import Source
from registry_sync.source.connector import Connector
from registry_sync.source.connector_settings import parse_connector

__all__ = ["ASPECTS", "ConnectorProposal", "ProposedSetting", "propose_settings"]

ASPECTS: dict[str, Callable[[Findings], None]] = {
    "auth": propose_auth,
    "records": propose_records,
    "ids": propose_ids,
    "names": propose_names,
    "pages": propose_pages,
    "changes": propose_changes,
    "empties": propose_empties,
    "losses": note_losses,
}


@dataclass(frozen=True, slots=True)
class ConnectorProposal:
    """Connector Settings, and the evidence for each line of them."""

    settings: Json
    lines: tuple[ProposedSetting, ...]


def propose_settings(
    api_url: str,
    open_source: Callable[[Connector], Source],
    *,
    settings: Json | None = None,
    modified_since_parameter: str | None = None,
) -> ConnectorProposal:
    """Return the Connector Settings that fit a registry. Raise SourceError if it does not answer.

    `settings` are those in use that no answer can tell, such as a body that asks for the list.
    `modified_since_parameter` sends the start of an incremental read beside them.
    """
    found = Findings(api_url, open_source, settings or {})
    for name, aspect in ASPECTS.items():
        try:
            aspect(found)
        except SourceError as error:
            if name in ("auth", "records"):
                raise
            found.settle(error)
            found.note(f"Not settled ({name}): {error.message}")
    if found.is_late:
        found.note(
            "The registry answers slowly, so not every parameter was tried: its owner knows them."
        )
    parse_connector(
        found.settings,
        api_url=api_url,
        modified_since_parameter=modified_since_parameter,
        strict=True,
    )
    return ConnectorProposal(found.settings, tuple(found.lines))
