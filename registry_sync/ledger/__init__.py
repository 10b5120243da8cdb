"""What was last written for each external id, recorded in one transaction per batch.

Other rooms import this package; `audit`, `chain`, `chain_check` and `signed_csv` are imported as
modules.
"""

from registry_sync.ledger.changes import (
    differences,
    end_run,
    record_archiving,
    record_merge,
    record_put_back,
)
from registry_sync.ledger.errors import close_deleted, close_withdrawn
from registry_sync.ledger.lookup import LedgerView, holding, known, refused_still, times
from registry_sync.ledger.record_outcome import COUNTS, Outcome, RecordOutcome, hash_record
from registry_sync.ledger.recording import (
    fill,
    forget_hashes,
    passing_name,
    record,
    redirect_links,
    reread_linking,
    take_in,
    take_in_found,
    to_reread,
)
from registry_sync.ledger.refusals import drop_refusals, forget_predicted, keep_predicted

__all__ = [
    "COUNTS",
    "LedgerView",
    "Outcome",
    "RecordOutcome",
    "close_deleted",
    "close_withdrawn",
    "differences",
    "drop_refusals",
    "end_run",
    "fill",
    "forget_hashes",
    "forget_predicted",
    "hash_record",
    "holding",
    "keep_predicted",
    "known",
    "passing_name",
    "record",
    "record_archiving",
    "record_merge",
    "record_put_back",
    "redirect_links",
    "refused_still",
    "reread_linking",
    "take_in",
    "take_in_found",
    "times",
    "to_reread",
]
