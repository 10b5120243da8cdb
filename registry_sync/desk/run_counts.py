"""What a run counted, in words."""

from __future__ import annotations

from registry_sync.models import SyncRun

COUNTS = (
    ("created", "created", "New in Benchling."),
    ("updated", "changed", "Already in Benchling; at least one value was written."),
    ("unchanged", "unchanged", "Not sent: the ledger has the same values."),
    ("failed", "refused", "Not up to date in Benchling; each has an error that explains why."),
)
WOULD = {
    "created": "Not in Benchling yet.",
    "updated": "In Benchling with at least one other value.",
    "unchanged": "In Benchling with the same values, according to the ledger.",
    "failed": "Would not be written; each is listed with its cause.",
}
"""What the counts of a dry run mean."""
OTHERS = (
    ("repeated", "received more than once"),
    ("retried", "retried from the stored copy"),
    ("coerced", "with a value converted by a rule"),
    ("older", "older than requested"),
    ("archived", "archived because their records left the registry"),
)

OTHERS_WOULD = {"archived": "would be archived because their records left the registry"}


def counts(run: SyncRun) -> list[tuple[str, str, str, int, bool]]:
    """Return each count: its name, word, meaning and number, and whether its records are listed."""
    return [
        (name, word, WOULD[name] if run.dry_run else meaning, getattr(run, name),
         not run.dry_run or name == "failed")
        for name, word, meaning in COUNTS
    ]  # fmt: skip


def others(run: SyncRun) -> list[tuple[int, str]]:
    """Return the numbers beside the outcomes that are not zero, and their words."""
    words = {**dict(OTHERS), **(OTHERS_WOULD if run.dry_run else {})}
    return [(getattr(run, name), word) for name, word in words.items() if getattr(run, name)]
