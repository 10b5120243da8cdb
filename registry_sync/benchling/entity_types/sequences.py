"""DNA and AA sequences: what people draw on them is theirs."""

from registry_sync.benchling.entity_types.base import EntityType, register


@register
class DnaSequence(EntityType):
    """https://benchling.com/api/reference (bulkUpsertDnaSequences)"""

    name = "dna_sequence"
    label = "DNA sequences"
    endpoint = "dna-sequences"
    key = "dnaSequences"
    ids_key = "dnaSequenceIds"
    id_prefix = "seq_"
    part = "sequence"


@register
class AaSequence(EntityType):
    """https://benchling.com/api/reference (bulkUpsertAaSequences)"""

    name = "aa_sequence"
    label = "AA sequences"
    endpoint = "aa-sequences"
    key = "aaSequences"
    ids_key = "aaSequenceIds"
    id_prefix = "prtn_"
    part = "sequence"
