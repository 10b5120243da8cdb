"""DNA and AA sequences: what people draw on them is theirs."""

from registry_sync.benchling.entity_types.base import EntityType, register
from registry_sync.benchling.entity_types.parts import Circular, Sequence


@register
class DnaSequence(EntityType):
    """https://benchling.com/api/reference (bulkUpsertDnaSequences)"""

    name = "dna_sequence"
    label = "DNA sequences"
    endpoint = "dna-sequences"
    key = "dnaSequences"
    ids_key = "dnaSequenceIds"
    id_prefix = "seq_"
    parts = (Sequence("bases"), Circular())
    part_required = True
    alphabet = "dna"
    empty_on_create = ("annotations", "primers")
    drawings = ("annotations", "primers", "parts", "translations")
    on_create = {"circular": False}


@register
class AaSequence(EntityType):
    """https://benchling.com/api/reference (bulkUpsertAaSequences)"""

    name = "aa_sequence"
    label = "AA sequences"
    endpoint = "aa-sequences"
    key = "aaSequences"
    ids_key = "aaSequenceIds"
    id_prefix = "prtn_"
    parts = (Sequence("aminoAcids"),)
    part_required = True
    alphabet = "aa"
    empty_on_create = ("annotations",)
    drawings = ("annotations",)
