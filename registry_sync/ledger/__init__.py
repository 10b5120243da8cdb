"""What was last written for each external id; one transaction a batch.

Other rooms import this package; its modules import each other.
"""

from registry_sync.ledger.changes import differences, tell_put_back
from registry_sync.ledger.errors import close_withdrawn
from registry_sync.ledger.lookup import LedgerView, holding, known, refused_still, times
from registry_sync.ledger.record_outcome import COUNTS, Outcome, RecordOutcome, hash_record
from registry_sync.ledger.recording import (
    fill,
    forget_hashes,
    passing_name,
    record,
    take_in,
    take_in_found,
)

__all__ = [
    "COUNTS",
    "LedgerView",
    "Outcome",
    "RecordOutcome",
    "close_withdrawn",
    "differences",
    "fill",
    "forget_hashes",
    "hash_record",
    "holding",
    "known",
    "passing_name",
    "record",
    "refused_still",
    "take_in",
    "take_in_found",
    "tell_put_back",
    "times",
]
