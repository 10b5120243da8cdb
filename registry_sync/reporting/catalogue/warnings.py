"""What a good run warns of: one entry for each code of `runs.warn`."""

from __future__ import annotations

from registry_sync.reporting.catalogue.entry import Cause

INCOMPLETE = frozenset(
    {
        "short_read",
        "more_said",
        "next_unseen",
        "page_0_unread",
        "full_page",
        "link_unread",
        "ignored_records",
        "answer_partial",
        "key_twice",
    }
)
"""Warnings that some records may not have been read: what was not seen may still be there."""

WARNINGS = (
    Cause(
        "setting_unused",
        "a setting that has no effect",
        ("mapping",),
        "Remove the setting from Connector Settings, or correct the type beside it. Mapping drafts "
        "with it are not published.",
    ),
    Cause(
        "short_read",
        "fewer records than the registry counts",
        ("source",),
        "Give the list a stable order, or correct its total. The next run reads everything again.",
    ),
    Cause(
        "next_unseen",
        "an answer that does not say whether there is a next page",
        ("mapping",),
        "Correct endpoint.paginator in Connector Settings, or set it to single_page if the "
        "registry returns everything at once.",
    ),
    Cause(
        "more_said",
        "more records announced than were read",
        ("mapping",),
        "Set endpoint.paginator in Connector Settings to the value in the warning. Until then, "
        "every run reads everything.",
    ),
    Cause(
        "page_0_unread",
        "records before the page or offset that is requested first",
        ("mapping",),
        "Set endpoint.paginator in Connector Settings to the value in the warning. Until then, "
        "every run reads everything.",
    ),
    Cause(
        "full_page",
        "a single page that is exactly full",
        ("mapping",),
        "Run `manage.py doctor`, which requests one page more. Set endpoint.paginator in Connector "
        "Settings: as it proposes, or to single_page.",
    ),
    Cause(
        "answer_partial",
        "an answer that reports missing parts",
        ("source",),
        "Check the service: its answer has records, and an error or a sign of missing parts beside "
        "them. The next run reads everything again.",
    ),
    Cause(
        "key_twice",
        "an answer with a key twice",
        ("source",),
        "Correct the service: each key may occur once in an object. What is said twice may be the "
        "records or the next page. The next run reads everything again.",
    ),
    Cause(
        "link_unread",
        "a Link header that cannot be read",
        ("source",),
        "Write the header as RFC 8288 says, or set endpoint.paginator in Connector Settings.",
    ),
    Cause(
        "total_exceeded",
        "more records than the registry counts",
        ("source",),
        "Correct the total, or name another one in endpoint.paginator.total_path.",
    ),
    Cause(
        "list_moved",
        "the list changed while it was read",
        ("mapping",),
        "Sort the list by something that does not change, such as the id (endpoint.params), or "
        "set endpoint.paginator.stable_order if it is. If the list moved in each reading, the next "
        "run reads the same again.",
    ),
    Cause(
        "ids_repeat",
        "records listed on several pages",
        ("source", "mapping"),
        "Remove the duplicates or give every record a unique id; or sort the list by id.",
    ),
    Cause(
        "total_unseen",
        "a total that is not in the registry's answers",
        ("mapping",),
        "Correct endpoint.paginator.total_path in Connector Settings, or remove it.",
    ),
    Cause(
        "ignored_records",
        "an answer that is not an empty list, ignored by response_actions",
        ("mapping",),
        "Correct endpoint.response_actions in Connector Settings: `error_path` looks at one place, "
        "`content` at the records too. The next run reads everything again.",
    ),
    Cause(
        "nothing_read",
        "no records in the registry",
        ("source", "mapping"),
        "Check what API Key may see, API URL, and endpoint.data_selector in Connector Settings.",
    ),
    Cause(
        "withdrawn",
        "records no longer in the registry",
        ("benchling",),
        "Archive the entities in Benchling if they should be, or set the lane's policy. Nothing "
        "was archived.",
    ),
    Cause(
        "feed_cut",
        "a list of deletions that was not read to its end",
        ("mapping",),
        "Correct endpoint.paginator or endpoint.deletes in Connector Settings. Until then, "
        "deletions may be missed.",
    ),
    Cause(
        "feed_ids",
        "entries of a list of deletions that name no record",
        ("mapping",),
        "Correct endpoint.deletes.primary_key in Connector Settings. Until then, deletions are "
        "missed.",
    ),
    Cause(
        "feed_listed",
        "deleted records that the registry still lists",
        ("mapping",),
        "If the registry's list keeps deleted records, correct endpoint.deletes or scope in "
        "Connector Settings. After a restore in the registry, nothing has to be done.",
    ),
    Cause(
        "ids_cut",
        "a list of ids that is incomplete, or has different ids",
        ("mapping",),
        "Correct endpoint.deletes or endpoint.paginator in Connector Settings. Until then, no "
        "record counts as withdrawn.",
    ),
    Cause(
        "withdrawals_staged",
        "withdrawals that wait for a decision",
        ("mapping",),
        "Archive or keep the entities under Withdrawals or with `manage.py withdrawals`. Until "
        "then, none of them is archived.",
    ),
    Cause(
        "archive_refused",
        "entities that Benchling did not archive",
        ("benchling", "mapping"),
        "Give the app the permission, or choose another archive reason on the lane's page or with "
        "`manage.py lanes set`.",
    ),
    Cause(
        "unarchive_refused",
        "entities that Benchling did not unarchive",
        ("benchling",),
        "Unarchive the entities, or give the app the permission. Each run tries again.",
    ),
    Cause(
        "marked_deleted",
        "a record that the registry marks as deleted, with values",
        ("benchling", "mapping"),
        "Archive the entity in Benchling if it should be. Its values were synced, and none was "
        "cleared.",
    ),
    Cause(
        "path_vanished:*",
        "a mapped path that records no longer have",
        ("mapping",),
        "Set `endpoint.absent` to clear or keep in Connector Settings. Until then, Benchling keeps "
        "the old values. It is reported once.",
    ),
    Cause(
        "older_than_asked",
        "modified-since parameter ignored by the registry",
        ("mapping",),
        "Check the parameter's name in the app's configuration. Until then, every run reads "
        "everything.",
    ),
    Cause(
        "filter_empty",
        "a modified-since filter that does not work",
        ("mapping",),
        "Check how the registry expects the time: the parameter's name, and "
        "endpoint.incremental.datetime_format and timezone. Until then, every run reads "
        "everything.",
    ),
    Cause(
        "clock_ahead",
        "the registry's clock ahead of this server's",
        ("source", "operator"),
        "Correct the clock that is wrong. Until then, the earlier one counts, and no change is "
        "missed.",
    ),
    Cause(
        "future_dated",
        "a record dated in the future",
        ("source", "mapping"),
        "Correct the record's date, or set endpoint.incremental.timezone if the registry writes "
        "local times. The watermark does not follow such a date.",
    ),
    Cause(
        "no_time",
        "records without a readable modification time",
        ("mapping",),
        "Check endpoint.incremental in Connector Settings. Until then, changes to these records "
        "are only found by full runs.",
    ),
    Cause(
        "not_at_source:*",
        "requested record not in the registry",
        ("source",),
        "Check the id, and whether API Key may read the record.",
    ),
    Cause(
        "adoption",
        "entities that were already in Benchling",
        ("mapping",),
        "Decide about each one under Adoptions or with `manage.py adopt`.",
    ),
    Cause(
        "drift",
        "entities changed in Benchling",
        ("mapping",),
        "Check them under Drift, and set the lane's policy there.",
    ),
    Cause(
        "plan_waits",
        "a plan that waits for a signature",
        ("mapping",),
        "Someone with the permission “may sign” reads the plan in the desk and signs it. Until "
        "then, nothing of it is written.",
    ),
    Cause(
        "plan_left",
        "signed changes that were not written",
        ("mapping",),
        "The plan's page says why each was left. Make a new plan for what is still needed.",
    ),
)
