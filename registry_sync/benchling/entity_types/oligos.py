"""DNA and RNA oligos: their bases may come from a record."""

from registry_sync.benchling.entity_types.base import EntityType, register
from registry_sync.benchling.entity_types.parts import Sequence


@register
class DnaOligo(EntityType):
    """https://benchling.com/api/reference (bulkUpsertDnaOligos)"""

    name = "dna_oligo"
    label = "DNA oligos"
    endpoint = "dna-oligos"
    key = "dnaOligos"
    ids_key = "dnaOligoIds"
    id_prefix = "seq_"
    parts = (Sequence("bases"),)
    alphabet = "dna"


@register
class RnaOligo(EntityType):
    """https://benchling.com/api/reference (bulkUpsertRnaOligos)"""

    name = "rna_oligo"
    label = "RNA oligos"
    endpoint = "rna-oligos"
    key = "rnaOligos"
    ids_key = "rnaOligoIds"
    id_prefix = "seq_"
    parts = (Sequence("bases"),)
    alphabet = "rna"
