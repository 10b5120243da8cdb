"""Why a record is not in Benchling: one entry for each code of a `Problem`."""

from __future__ import annotations

from registry_sync.reporting.catalogue.entry import Cause

RECORD_CAUSES = (
    Cause(
        "name_taken",
        "name already used in this Benchling registry",
        ("source", "benchling"),
        "Rename one of the two records in the registry, or add the id to every name with "
        "External Name Field, for example `{name} [{id}]`. A Benchling admin renames an entity "
        "that this app did not make, or whose record has left the registry: it keeps its name, "
        "also when it is archived.",
        waits_for="name",
    ),
    Cause(
        "not_unique",
        "value already used in Benchling",
        ("source", "benchling"),
        "Change the record's value in the registry, or change the entity that has it.",
        waits_for="benchling name",
    ),
    Cause(
        "not_ours",
        "entity already in Benchling",
        ("mapping",),
        "If both are the same, take the entity over under Adoptions or with `manage.py adopt`. "
        "Otherwise give the registry's ids a prefix.",
        waits_for="name",
    ),
    Cause(
        "archived",
        "archived in Benchling",
        ("benchling", "source"),
        "Unarchive the entity in Benchling, or withdraw the record from the registry.",
        waits_for="unarchived",
    ),
    Cause(
        "merged_away",
        "merged into another entity in Benchling",
        ("mapping", "benchling"),
        "Decide under Merges: follow the survivor, or make the entity again once the survivor no "
        "longer has its id and name as aliases.",
        waits_for="merge",
    ),
    Cause(
        "moved",
        "moved here from another lane",
        ("mapping", "benchling"),
        "Archive the old entity in Benchling or under Withdrawals, or decide under Withdrawals to "
        "keep both. The record then syncs automatically.",
        waits_for="other lane",
    ),
    Cause(
        "permission",
        "permission missing in Benchling",
        ("benchling",),
        "Give the app the permission that Benchling names. The next run tries again.",
        waits_for="permission",
    ),
    Cause(
        "author_unknown",
        "author who is not a Benchling user",
        ("benchling",),
        "Add the user in Benchling or give the app access to them, or correct the authors in the "
        "registry. The next run tries again.",
        waits_for="author",
    ),
    Cause(
        "refused",
        "refused by Benchling",
        ("source", "mapping"),
        "Correct the record as Benchling's message says, or map the field another way.",
    ),
    Cause(
        "set_aside",
        "postponed to the next run",
        ("transient",),
        "Too many records of one batch were refused. Fix the other causes first; the next run "
        "tries these records again.",
    ),
    Cause(
        "link_missing",
        "linked record not in Benchling yet",
        ("source", "benchling", "mapping"),
        "Check the reference in the registry. The record syncs automatically once the record it "
        "links to is in Benchling. The error says if that record is archived, was merged, or has a "
        "schema that the field does not link to.",
        waits_for="link",
    ),
    Cause(
        "link_waits",
        "waits for a record of another lane",
        ("transient",),
        "Nothing to do: the record links to one of another lane that is not in Benchling yet. It "
        "syncs automatically once that lane has synced the other one.",
        waits_for="link",
    ),
    Cause(
        "dropdown_option_missing",
        "option missing in a Benchling dropdown",
        ("benchling", "source"),
        "Add the option to the dropdown, or correct the value in the registry. The record then "
        "syncs automatically.",
        waits_for="option",
    ),
    Cause(
        "dropdown_ambiguous",
        "several matching options in a dropdown",
        ("benchling", "mapping"),
        "Rename or archive all but one of the options, or map the value with a label table.",
    ),
    Cause(
        "required_missing",
        "required value missing",
        ("source", "mapping"),
        "Enter the value in the registry, or give the field a default in Mapping Rules.",
    ),
    Cause(
        "several_values",
        "several values for a single-value field",
        ("source", "mapping"),
        "Leave one value in the registry, or allow several values in the Benchling field.",
    ),
    Cause(
        "wrong_type",
        "value of the wrong type",
        ("source", "mapping"),
        "Correct the value in the registry, or map it with a rule that reads its format.",
    ),
    Cause(
        "out_of_range",
        "value out of range",
        ("source", "mapping"),
        "Correct the value in the registry, or widen the field's limits in Benchling.",
    ),
    Cause(
        "unreadable_text",
        "text that cannot be stored",
        ("source", "mapping"),
        "Remove the unreadable character from the record in the registry.",
    ),
    Cause(
        "invalid_structure",
        "invalid chemical structure",
        ("source", "mapping"),
        "Correct the structure in the registry. The error names the atom or the position.",
    ),
    Cause(
        "structure_unread",
        "structure that could not be read this time",
        ("transient",),
        "RDKit was stopped, or took longer than ten seconds. The next run tries again. If the "
        "problem persists, correct the structure, or give the service more memory.",
    ),
    Cause(
        "invalid_sequence",
        "invalid letter in a sequence",
        ("source", "mapping"),
        "Correct the sequence in the registry. The error names the position.",
    ),
    Cause(
        "structure_taken",
        "structure or sequence already in Benchling",
        ("source", "benchling"),
        "Merge the two records in the registry or correct one of them, or remove the "
        "schema's uniqueness constraint in Benchling.",
        waits_for="substance",
    ),
    Cause(
        "drawings_lost",
        "new sequence does not fit its annotations",
        ("mapping",),
        "Move or remove what no longer fits in Benchling, or allow its loss under Overrides or "
        "with `manage.py allow drawings`.",
        waits_for="allowance",
    ),
    Cause(
        "folder_missing",
        "folder that the app cannot see",
        ("source", "mapping", "benchling"),
        "Correct the value in the registry, add it to the table of `folder` in Mapping Rules, or "
        "give the app access to the folder.",
        waits_for="folder",
    ),
    Cause(
        "folder_ambiguous",
        "several folders with the same name",
        ("mapping", "benchling"),
        "Name the folder by its API id in the table of `folder` in Mapping Rules, or rename the "
        "folders.",
        waits_for="folder",
    ),
    Cause(
        "rule",
        "mapping rule does not fit the value",
        ("mapping",),
        "Change the field's rule so that it accepts the value, or correct the value in the "
        "registry.",
    ),
    Cause(
        "name_missing",
        "record without a name",
        ("source", "mapping"),
        "Name the record in the registry, or correct External Name Field.",
    ),
    Cause(
        "no_id",
        "record without an id",
        ("source", "mapping"),
        "Give the record an id in the registry, or correct External ID Field.",
    ),
    Cause(
        "not_a_record",
        "list item that is not a record",
        ("source",),
        "Remove the text, number or null from the registry's list of records.",
    ),
    Cause(
        "record_in_part",
        "record with an error in place of a value",
        ("source",),
        "Check why the registry returns an error for this record. The next run reads it again.",
    ),
    Cause(
        "unusable_id",
        "id that cannot be a registry id",
        ("source", "mapping"),
        "Correct External ID Field, or shorten the id in the registry.",
    ),
    Cause(
        "no_detail",
        "record detail that could not be read",
        ("source",),
        "Check the record's detail in the registry, and whether API Key may read it. Each run "
        "tries again.",
        waits_for="detail",
    ),
    Cause(
        "id_twice",
        "duplicate id",
        ("source", "mapping"),
        "Give each record a unique id in the registry, or correct External ID Field.",
    ),
    Cause(
        "another_substance",
        "different substance under a known id",
        ("source", "mapping"),
        "Give the new substance its own id, or allow this correction once under Overrides or "
        "with `manage.py allow`.",
        waits_for="allowance",
    ),
)
