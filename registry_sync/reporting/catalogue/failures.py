"""Why a whole run fails: one entry for each code of a `SyncError`."""

from __future__ import annotations

from registry_sync.reporting.catalogue.entry import Cause

UNREADABLE = "The registry sent an answer that could not be read."
SETTINGS = "The settings of Registry Sync do not fit together."
BENCHLING_CLOSED = "Benchling rejected Registry Sync's sign-in."
NO_ACCESS = "Registry Sync no longer has access to something it needs in Benchling."
PAGING = "Correct endpoint.paginator in Connector Settings."

RUN_FAILURES = (
    Cause(
        "registry_unauthorised",
        "API Key rejected by the registry",
        ("mapping", "source"),
        "Enter a valid key in API Key. The registry's owner checks what the key may read.",
        "The registry did not accept the API key.",
    ),
    Cause(
        "registry_unreachable",
        "registry unreachable",
        ("transient", "source", "operator"),
        "The next run continues. If the problem persists, the registry's owner must check the "
        "service and the operator the network.",
        "The registry could not be reached.",
    ),
    Cause(
        "registry_certificate",
        "no secure connection to the registry",
        ("source", "operator", "mapping"),
        "Correct what the message names: the certificate, its authority in REQUESTS_CA_BUNDLE, the "
        "name or the port in API URL, or the server's TLS.",
        "The registry could not be reached over a secure connection.",
    ),
    Cause(
        "registry_address",
        "registry address not allowed",
        ("mapping", "operator"),
        "Correct API URL, or allow private networks with REGISTRY_ALLOW_PRIVATE_NETWORKS.",
        "The registry's address cannot be used.",
    ),
    Cause(
        "registry_elsewhere",
        "link of the registry to another host",
        ("mapping",),
        "If the other host is the registry, enter its address in API URL.",
        UNREADABLE,
    ),
    Cause(
        "registry_answer",
        "unexpected answer from the registry",
        ("source", "mapping"),
        "Check the registry's service, and API URL and Connector Settings.",
        UNREADABLE,
    ),
    Cause(
        "registry_not_json",
        "answer from the registry that is not JSON",
        ("source", "mapping"),
        "Check API URL, and whether a login page or a proxy is in the way.",
        UNREADABLE,
    ),
    Cause(
        "registry_page_size",
        "page of the registry too large",
        ("mapping",),
        "Request smaller pages with endpoint.paginator.limit or a parameter in endpoint.params.",
        UNREADABLE,
    ),
    Cause(
        "registry_paging",
        "registry page without a next page",
        ("mapping",),
        PAGING,
        UNREADABLE,
    ),
    Cause(
        "page_repeats",
        "repeating pages of the registry",
        ("source", "mapping"),
        PAGING
        + " If it is correct, the registry's owner must fix the list, or the cache in front of it.",
        UNREADABLE,
    ),
    Cause(
        "empty_read",
        "empty list from the registry",
        ("source",),
        "Check the list, and what the key in API Key may read. Nothing was changed in Benchling.",
        "The registry sent no records, although it had some before.",
    ),
    Cause(
        "configuration",
        "unusable app configuration",
        ("mapping", "benchling"),
        "Correct every fault that the message lists in the app's configuration in Benchling.",
    ),
    Cause(
        "connector_settings",
        "unusable Connector Settings",
        ("mapping",),
        "Correct every fault that the message lists in Connector Settings.",
    ),
    Cause(
        "slow_pattern",
        "regular expression that takes too long",
        ("mapping",),
        "Simplify the regular expression in the path that the message names.",
        SETTINGS,
    ),
    Cause(
        "mapping",
        "unusable field mapping",
        ("mapping", "benchling"),
        "Correct every fault that the message lists in Field Configurations and Mapping Rules, "
        "or the schema in Benchling.",
    ),
    Cause(
        "lane_gone",
        "draft of a lane that is no longer configured",
        ("mapping",),
        "Choose the schema in Additional Syncs or Schema to Sync again, or discard the draft.",
    ),
    Cause(
        "secure_text",
        "API Key that cannot be decrypted",
        ("operator",),
        "Upload a manifest with this deployment's public key (`manage.py manifest`), then enter "
        "API Key again.",
        SETTINGS,
    ),
    Cause(
        "path_gone",
        "mapped value missing from the registry",
        ("mapping", "source"),
        "Correct the row in Field Configurations. If the value is gone for good, allow it once "
        "with `manage.py allow path-gone` or under Overrides.",
        "The registry no longer sends a value that Benchling has.",
    ),
    Cause(
        "path_never",
        "mapped path that no record has",
        ("mapping",),
        "Correct the path in the app's configuration in Benchling.",
        "The registry does not send a value that Benchling needs.",
    ),
    Cause(
        "field_type",
        "field type that does not fit its values",
        ("benchling", "mapping"),
        "Restore the field's former type, or map the values with a rule that fits.",
    ),
    Cause(
        "great_change",
        "unusually large change",
        ("mapping", "source"),
        "Check whether so many records were meant to change. If so, allow it once with "
        "`manage.py allow great-change` or under Overrides; otherwise correct the registry.",
        "Far more records would change than usual, so nothing was written. Someone must check "
        "it first.",
    ),
    Cause(
        "inaccessible",
        "Benchling resource out of reach",
        ("benchling", "mapping"),
        "Give the app access to it (organization, team or project), or choose another one in the "
        "app's configuration.",
        NO_ACCESS,
    ),
    Cause(
        "folder_archived",
        "archived folder",
        ("benchling", "mapping"),
        "Unarchive the folder, or choose another one in Synced Entity Location.",
    ),
    Cause(
        "benchling_access",
        "write permission missing in Benchling",
        ("benchling",),
        "Give the app permission to write entities of this schema, registry and folder.",
        NO_ACCESS,
    ),
    Cause(
        "benchling_credentials",
        "client id and secret rejected by Benchling",
        ("operator",),
        "Check BENCHLING_CLIENT_ID and BENCHLING_CLIENT_SECRET against the app's page in "
        "Benchling's Developer Console.",
        BENCHLING_CLOSED,
    ),
    Cause(
        "benchling_unauthorised",
        "app token rejected by Benchling",
        ("benchling",),
        "Check that the app is installed and active in this tenant.",
        BENCHLING_CLOSED,
    ),
    Cause(
        "benchling_unreachable",
        "Benchling unreachable",
        ("transient", "operator"),
        "The next run continues. If the problem persists, the operator must check BENCHLING_URL "
        "and the network.",
        "Benchling did not answer.",
    ),
    Cause(
        "benchling_*",
        "request refused by Benchling",
        ("benchling",),
        "Check the app's permissions. The code ends with the HTTP status; the run's log says what "
        "was requested.",
        "Benchling refused something that Registry Sync needs.",
    ),
    Cause(
        "endless_task",
        "task that Benchling does not finish",
        ("benchling",),
        "Ask Benchling's support about the task. The next run sends its records again.",
    ),
    Cause(
        "deactivated",
        "app deactivated in Benchling",
        ("benchling",),
        "Activate the app again. The next run continues where the last good one ended.",
        "Registry Sync is switched off in Benchling, where an admin can switch it on again.",
    ),
    Cause(
        "plan_unfit",
        "plan that cannot be applied",
        ("mapping",),
        "Make a new plan and let a second person sign it.",
        "Changes wait for a second person to sign them.",
    ),
    Cause(
        "cancelled",
        "run cancelled",
        (),
        "The run's page says who cancelled it and why. The next run continues where the last "
        "good one ended.",
    ),
    Cause(
        "counts",
        "counts that do not add up",
        ("operator",),
        "Report it to the maintainers of Registry Sync, with the run's log.",
        "Not every record could be accounted for.",
    ),
    Cause(
        "internal",
        "internal error",
        ("operator",),
        "Find the traceback in the service's log, and report it to the maintainers of Registry "
        "Sync.",
        "Registry Sync stopped because of an internal error. Nothing was lost.",
    ),
    Cause(
        "failed",
        "other failure",
        ("operator",),
        "Read the run's message and its log.",
    ),
)
