"""The database's rows: Lane 1-n SyncRun 1-n Batch, Lane 1-n LedgerEntry 1-n Change.

The database is the source of truth, and RQ only wakes workers. The rows of a sync are written
under a lease with a fencing number.
"""

from registry_sync.models.adoptions import Adoption
from registry_sync.models.alerts import Alert, AlertMessage, AlertSettings
from registry_sync.models.allowances import Allowance
from registry_sync.models.batches import Batch
from registry_sync.models.canvases import Canvas
from registry_sync.models.change_authors import AuthorOfChange
from registry_sync.models.changes import ChainHead, ChainLink, Change, Retention
from registry_sync.models.checkups import Checkup
from registry_sync.models.connecting import ConnectionTest
from registry_sync.models.drift import Drift
from registry_sync.models.errors import EntityError
from registry_sync.models.history import HistoryResult, HistorySchema
from registry_sync.models.installations import Installation
from registry_sync.models.lanes import Lane
from registry_sync.models.ledger import LedgerEntry
from registry_sync.models.mappings import MappingDraft, MappingVersion, PreviewNote
from registry_sync.models.merges import Merge
from registry_sync.models.pins import Pin
from registry_sync.models.plans import Plan, PlanRow
from registry_sync.models.proposals import Proposal
from registry_sync.models.reconciliation import ReconciledRecord, Reconciliation
from registry_sync.models.refusals import Refusal
from registry_sync.models.runs import Pulse, RunLog, SyncRun
from registry_sync.models.substances import HeldAlias, Substance
from registry_sync.models.taken_names import TakenName
from registry_sync.models.tallies import Tally
from registry_sync.models.webhooks import WebhookDelivery, WebhookRefusal
from registry_sync.models.withdrawals import FeedReading, Withdrawal

__all__ = [
    "Adoption",
    "Alert",
    "AlertMessage",
    "AlertSettings",
    "Allowance",
    "AuthorOfChange",
    "Batch",
    "Canvas",
    "ChainHead",
    "ChainLink",
    "Change",
    "Checkup",
    "ConnectionTest",
    "Drift",
    "EntityError",
    "FeedReading",
    "HeldAlias",
    "HistoryResult",
    "HistorySchema",
    "Installation",
    "Lane",
    "LedgerEntry",
    "MappingDraft",
    "MappingVersion",
    "Merge",
    "Pin",
    "Plan",
    "PlanRow",
    "PreviewNote",
    "Proposal",
    "Pulse",
    "ReconciledRecord",
    "Reconciliation",
    "Refusal",
    "Retention",
    "RunLog",
    "Substance",
    "SyncRun",
    "TakenName",
    "Tally",
    "WebhookDelivery",
    "WebhookRefusal",
    "Withdrawal",
]
