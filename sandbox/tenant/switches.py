"""How a tenant behaves, above all where Benchling's contract says nothing."""

from __future__ import annotations

from dataclasses import dataclass

REASONS = ("Made in error", "Retired", "Expended", "Shipped", "Contaminated", "Expired", "Missing",
           "Other")  # fmt: skip
"""Benchling's archive reasons; a tenant may take fewer."""


@dataclass
class Switches:
    """One behaviour each, with its values; the first value listed is the default."""

    # -- what the contract leaves open ---------------------------------------------------------
    field_keys: str = "name"  # name, id, either
    omitted_fields: str = "keep"
    """keep, clear (fields, aliases, custom fields, authors, folder), clear_fields (fields alone)"""
    archived_match: str = "fail"  # fail, update, unarchive
    other_schema: str = "refuse"  # refuse, move
    duplicate_ids: str = "reject"  # reject, last
    task_errors: str = "list_all"
    """list_all, first_object, none, absent, empty_object, null, words (in the message alone)"""
    app_config: str = "write"  # write, no_rows, read_only
    result_errors: str = "fields"
    """fields, global (as sentences that name the fields), none (a sentence that names none)"""
    granular_locking: bool = False
    aliases: str = "replace"  # replace, add
    unfitting_drawings: str = "drop"
    """drop, refuse: what is drawn on a sequence whose letters change so that it no longer fits"""
    # -- what an admin sets up -----------------------------------------------------------------
    unique_structures: bool = False
    """Whether a second molecule of one structure is refused."""
    dropdown_writes: str = "all"
    """all, forbidden (the app may not change dropdowns), unarchive (archived options that are sent
    come back)"""
    archive_reasons: tuple[str, ...] = REASONS
    """The archive reasons that the tenant takes."""
    audit_log: str = "all"
    """all, required (optional columns left out), unknown (other headers), refused"""
    # -- time ----------------------------------------------------------------------------------
    latency: float = 0.0  # seconds a request
    task_base: float = 0.02  # seconds a task
    task_per_entity: float = 0.0
    works_ahead: bool = False
    """Whether a task's rows are applied while it runs, so that its end costs its client nothing.
    Lists can show them before the task ends."""
    list_lag: float = 0.0  # seconds for which lists show an entity as it was before a write
    webhook_retry: float = 1.0  # seconds before the second attempt at a webhook, then doubled
    longest_webhook_retry: float = 3600.0  # most seconds between two attempts
    webhook_attempts: int = 3
    # -- limits --------------------------------------------------------------------------------
    rate_limit: int = 300  # requests in rate_window seconds; 0: none
    rate_window: float = 30.0
    objects_per_hour: int = 0  # 0: none
    object_burst: int = 2500
    # -- the contract --------------------------------------------------------------------------
    contract: str = "inline"  # inline, after, off
