"""What a refused record waits for, and what an active run waits for."""

from __future__ import annotations

from registry_sync.reporting.catalogue.entry import RecordWait, RunWait

RECORD_WAITS = (
    RecordWait(
        "name",
        "its name to be free",
        "waits until its name is free",
        "It waits until its name is free.",
    ),
    RecordWait(
        "benchling name",
        "its name to be free",
        "waits until nothing else in Benchling uses “{name}”",
        "It waits until its name is free.",
    ),
    RecordWait(
        "link",
        "the linked record",
        "waits for {key} to arrive in Benchling",
        "It waits for {key} and syncs automatically once that is in Benchling.",
    ),
    RecordWait(
        "option",
        "the option",
        "waits for the option “{key}” in the dropdown of {field}",
        "It waits for the option “{key}” of the field.",
    ),
    RecordWait(
        "folder",
        "its folder",
        "waits for the folder “{key}” in Benchling; each run tries it again",
        "It waits for its folder in Benchling.",
    ),
    RecordWait(
        "detail", "its detail", "waits for its detail in the registry; each run requests it again"
    ),
    RecordWait(
        "permission",
        "the permission",
        "waits for a permission in Benchling; each run tries it again",
        "It waits for a permission in Benchling.",
    ),
    RecordWait(
        "author",
        "its author",
        "waits for its author to become a Benchling user; each run tries it again",
        "It waits for its author to become a Benchling user.",
    ),
    RecordWait(
        "allowance",
        "an override",
        "waits for an override",
        "It waits for an override.",
    ),
    RecordWait(
        "substance",
        "its structure or sequence to be free",
        "waits until nothing else in Benchling has its structure or sequence",
        "It waits until its structure or sequence is free.",
    ),
    RecordWait(
        "unarchived",
        "the entity to be unarchived",
        "waits until {key} is no longer archived in Benchling",
        "It waits until {key} is no longer archived in Benchling.",
    ),
    RecordWait(
        "merge",
        "a decision about a merge",
        "waits for a decision about its merge in Benchling, or until its id and name are free",
        "It waits because its entity was merged into another one in Benchling.",
    ),
    RecordWait(
        "other lane",
        "its old entity",
        "waits until its old entity {key} is archived, or someone decides that it stays",
        "It waits until its old entity {key} is archived.",
    ),
    RecordWait(
        "source", "a change of the record", "waits until its record changes in the registry"
    ),
    RecordWait(
        "", "a change of the record or the mapping", "waits until its record or the mapping changes"
    ),
)
"""By `EntityError.waits_for`."""

RUN_WAITS = (
    RunWait(
        "object_limit",
        "It is waiting for Benchling's hourly limit and resumes automatically {when}.",
    ),
    RunWait(
        "own_limit",
        "It is waiting for this app's own hourly limit and resumes automatically {when}.",
    ),
    RunWait(
        "request_limit",
        "It is waiting for Benchling's request limit and resumes automatically {when}.",
    ),
    RunWait(
        "registration_lock",
        "It is waiting for another registration in Benchling and resumes automatically {when}.",
    ),
    RunWait(
        "turn",
        "It is waiting until another sync has written a batch and resumes automatically {when}.",
    ),
    RunWait(
        "task_running",
        "It is waiting for a task in Benchling and resumes automatically {when}.",
    ),
    RunWait(
        "earlier_task",
        "It is waiting for a task of an earlier sync and resumes automatically {when}.",
    ),
    RunWait(
        "new_api_key",
        "It is waiting for the new API key to take effect and resumes automatically {when}.",
    ),
    RunWait(
        "configuration_changed",
        "It is waiting for the new configuration to take effect and resumes automatically {when}.",
    ),
    RunWait(
        "field_keys",
        "It is waiting for another attempt and resumes automatically {when}.",
    ),
    RunWait(
        "",
        "It is waiting and resumes automatically {when}.",
    ),
)
"""By `SyncRun.waiting_code` (the reasons of `core.waits`); `{when}` is a time in words."""
