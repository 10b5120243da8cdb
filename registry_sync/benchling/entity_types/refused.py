"""Schemas whose entities cannot be synced: why, and what to do instead."""

from __future__ import annotations

from registry_sync.benchling.entity_types.base import ENTITY_TYPES, EntityType

LOTS = "Sync lots as custom entities with a link to what they are lots of"
REFUSED = {
    "rna_sequence": "Benchling has no upsert for RNA sequences. Choose a schema of RNA oligos, or "
    "one of custom entities with the bases in a text field",
    "mixture": "Benchling has no upsert for mixtures. Choose a schema of custom entities, with "
    "links to the ingredients",
    "container": "containers have no registry id and Benchling has no upsert for them. " + LOTS,
    "plate": "plates have no registry id and Benchling has no upsert for them. " + LOTS,
    "batch": "Benchling's API has no batches. " + LOTS,
}
"""By the `type` of a schema, why Benchling takes no upserts of it. It completes “…: ”.

https://benchling.com/api/reference
"""


class RnaSequence(EntityType):
    """https://benchling.com/api/reference (listRNASequences)"""

    name = "rna_sequence"
    label = "RNA sequences"
    endpoint = "rna-sequences"
    key = "rnaSequences"
    ids_key = "rnaSequenceIds"
    id_prefix = "seq_"


class Mixture(EntityType):
    """https://benchling.com/api/reference (listMixtures)"""

    name = "mixture"
    label = "mixtures"
    endpoint = "mixtures"
    key = "mixtures"
    ids_key = "mixtureIds"
    id_prefix = "mxtr_"


ONLY_READ: tuple[type[EntityType], ...] = (RnaSequence, Mixture)
"""Types that no record can become, but whose entities have names that are taken."""


def why_refused(type_: str) -> str:
    """Return why entities of a type cannot be synced; "" if they can."""
    if type_ in ENTITY_TYPES:
        return ""
    *most, last = (kind.label for kind in ENTITY_TYPES.values())
    return REFUSED.get(type_) or f"only {', '.join(most)} and {last} can be synced"
