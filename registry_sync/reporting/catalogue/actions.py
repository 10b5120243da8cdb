"""Why an action of the desk fails: one entry for each code of its `SyncError`."""

from __future__ import annotations

from registry_sync.reporting.catalogue.entry import Cause

ACTION_FAILURES = (
    Cause(
        "impatient",
        "no answer in time",
        ("transient",),
        "Try again in a minute, or sync only this record: a run waits longer than a page.",
    ),
    Cause(
        "mapping_file",
        "unusable mapping file",
        ("mapping",),
        "Correct the file. Nothing was changed.",
    ),
    Cause(
        "not_confirmed",
        "publication without the requested number",
        ("mapping",),
        "Type the number of records that would change, or correct the draft. Nothing was changed.",
    ),
    Cause(
        "not_previewed",
        "draft without a preview",
        ("mapping",),
        "Preview the draft, check the result, then publish.",
    ),
    Cause(
        "second_person",
        "decision that requires two people",
        ("mapping",),
        "A second person confirms it under Proposals. Until then, nothing is done.",
    ),
    Cause(
        "run_active",
        "run in progress",
        ("mapping",),
        "Wait until the run ends, or cancel it.",
    ),
    Cause(
        "changed_meanwhile",
        "app configuration changed since the draft was created",
        ("mapping",),
        "Compare both sides, accept the current configuration as the draft's base, then preview "
        "and publish again.",
    ),
    Cause(
        "taken",
        "draft being published by someone else",
        ("mapping",),
        "Reload the page.",
    ),
    Cause(
        "not_written",
        "configuration items not written",
        ("mapping", "benchling"),
        "Enter the listed items in the app's configuration in Benchling, or give the app the "
        "permission and publish again.",
    ),
)
"""Failures of a page's action (drafts, the live view of a record), which no run has."""
