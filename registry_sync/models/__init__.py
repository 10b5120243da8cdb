"""The rows behind every sync: Lane 1-n SyncRun 1-n Batch, Lane 1-n LedgerEntry 1-n Change.

The database holds the truth; RQ is only the wake-up. Rows are written by `runs` and `ledger`
alone, under a lease with a fencing number.
"""

from .alerts import Alert, AlertMessage, AlertSettings, Checkup
from .canvases import Canvas, WebhookDelivery, WebhookRefusal
from .changes import ChainHead, Change, Retention
from .errors import Allowance, EntityError
from .lanes import Lane
from .ledger import Batch, LedgerEntry, TakenName
from .mappings import MappingDraft, MappingVersion
from .runs import Pulse, RunLog, SyncRun
from .tenant import Adoption, Drift, Installation

__all__ = [
    "Adoption",
    "Alert",
    "AlertMessage",
    "AlertSettings",
    "Allowance",
    "Batch",
    "Canvas",
    "ChainHead",
    "Change",
    "Checkup",
    "Drift",
    "EntityError",
    "Installation",
    "Lane",
    "LedgerEntry",
    "MappingDraft",
    "MappingVersion",
    "Pulse",
    "Retention",
    "RunLog",
    "SyncRun",
    "TakenName",
    "WebhookDelivery",
    "WebhookRefusal",
]
