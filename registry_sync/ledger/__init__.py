"""What was last written for each external id, recorded in one transaction per batch.

Other rooms import this package; `audit`, `chain`, `chain_check` and `signed_csv` are imported as
modules.
"""

from registry_sync.ledger.changes import (
    differences,
    record_archiving,
    record_merge,
    record_put_back,
    seal_run,
)
from registry_sync.ledger.errors import close_deleted, close_withdrawn
from registry_sync.ledger.lookup import (
    LedgerView,
    already_held,
    modification_times,
    still_refused,
    views_of,
)
from registry_sync.ledger.record_outcome import COUNTS, Outcome, RecordOutcome, hash_record
from registry_sync.ledger.recording import (
    describe_entity,
    end_reported,
    forget_hashes,
    import_entity,
    import_found,
    record,
    redirect_ledger_links,
    reread_linking,
    temporary_name_outcome,
    to_reread,
)
from registry_sync.ledger.refusals import delete_predicted, drop_refusals, save_predicted

__all__ = [
    "COUNTS",
    "LedgerView",
    "Outcome",
    "RecordOutcome",
    "already_held",
    "close_deleted",
    "close_withdrawn",
    "delete_predicted",
    "describe_entity",
    "differences",
    "drop_refusals",
    "end_reported",
    "forget_hashes",
    "hash_record",
    "import_entity",
    "import_found",
    "modification_times",
    "record",
    "record_archiving",
    "record_merge",
    "record_put_back",
    "redirect_ledger_links",
    "reread_linking",
    "save_predicted",
    "seal_run",
    "still_refused",
    "temporary_name_outcome",
    "to_reread",
    "views_of",
]
