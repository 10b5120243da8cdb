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
        "It waits for {key} and follows automatically once that is in Benchling.",
    ),
    RecordWait(
        "option",
        "the option",
        "waits for the option “{key}” in the dropdown of {field}",
        "It waits for the option “{key}”, which a Benchling admin can add to the field.",
    ),
    RecordWait(
        "detail", "its detail", "waits for its detail in the registry; each run requests it again"
    ),
    RecordWait(
        "permission",
        "the permission",
        "waits for a permission in Benchling; each run tries it again",
        "It waits for a permission, which a Benchling admin can grant.",
    ),
    RecordWait(
        "allowance",
        "an override",
        "waits for an override",
        "It waits for your integration owner, who can allow it.",
    ),
    RecordWait(
        "unarchived",
        "the entity to be unarchived",
        "waits until {key} is no longer archived in Benchling",
        "It waits until {key} is no longer archived in Benchling.",
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
        "Benchling's hourly object limit",
        "It waits for Benchling's hourly limit and resumes automatically {when}.",
    ),
    RunWait(
        "own_limit",
        "this app's own limit of objects an hour",
        "It waits for this app's own hourly limit and resumes automatically {when}.",
    ),
    RunWait(
        "request_limit",
        "Benchling's request limit",
        "It waits for Benchling's request limit and resumes automatically {when}.",
    ),
    RunWait(
        "registration_lock",
        "another registration in Benchling to finish",
        "It waits for another registration in Benchling and resumes automatically {when}.",
    ),
    RunWait(
        "task_running",
        "a Benchling task to finish",
        "It waits for a task in Benchling and resumes automatically {when}.",
    ),
    RunWait(
        "earlier_task",
        "a Benchling task of an earlier run to finish",
        "It waits for a task of an earlier sync and resumes automatically {when}.",
    ),
    RunWait(
        "new_api_key",
        "the new API key to take effect",
        "It waits for the new API key and resumes automatically {when}.",
    ),
    RunWait(
        "configuration_changed",
        "the new configuration to take effect",
        "It waits for the new configuration and resumes automatically {when}.",
    ),
    RunWait(
        "field_keys",
        "its next attempt, with fields by id",
        "It tries again in another way {when}.",
    ),
    RunWait("", "its next attempt", "It waits and resumes automatically {when}."),
)
"""By the code that a run keeps while it waits; `{when}` is a time in words."""
