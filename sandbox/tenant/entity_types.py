"""The tenant's entity types, as one table: what the API calls each, and its own parts.

https://benchling.com/api/reference (Molecules, DNA Sequences, AA Sequences, DNA and RNA Oligos)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .molecules import Structure
from .parts import PLAIN, Parts
from .sequences import AminoAcids, DnaBases, OligoBases

Json = dict[str, Any]


@dataclass(frozen=True)
class EntityType:
    """One type of entity: its names in the API and its limits."""

    name: str
    """The `type` of its schemas."""
    label: str
    path: str
    """The path of its operations below /api/v2."""
    key: str
    """The key of its lists."""
    ids: str
    """The key of lists of its ids."""
    model: str
    """The name of its schema in the OpenAPI document."""
    prefix: str
    """How its ids begin."""
    parts: Parts = PLAIN
    most: int = 1000
    """The most rows of one bulk request."""
    bulk_get: bool = True
    has_url: bool = True
    writes: bool = True
    """Whether the API has an upsert of it."""

    def bulk_model(self, verb: str) -> str:
        """Return the name of a bulk request's schema in the document; `verb` is "upsert"."""
        return f"{self.key[0].upper()}{self.key[1:]}Bulk{verb.capitalize()}Request"


TYPES: dict[str, EntityType] = {
    each.name: each
    for each in (
        EntityType("custom_entity", "custom entities", "custom-entities", "customEntities",
                   "customEntityIds", "CustomEntity", "bfi", most=2500),
        EntityType("molecule", "molecules", "molecules", "molecules", "moleculeIds", "Molecule",
                   "mol", Structure(), bulk_get=False, has_url=False),
        EntityType("dna_sequence", "DNA sequences", "dna-sequences", "dnaSequences",
                   "dnaSequenceIds", "DnaSequence", "seq", DnaBases()),
        EntityType("aa_sequence", "AA sequences", "aa-sequences", "aaSequences", "aaSequenceIds",
                   "AaSequence", "prtn", AminoAcids()),
        EntityType("dna_oligo", "DNA oligos", "dna-oligos", "dnaOligos", "dnaOligoIds", "DnaOligo",
                   "seq", OligoBases("DNA"), bulk_get=False, has_url=False),
        EntityType("rna_oligo", "RNA oligos", "rna-oligos", "rnaOligos", "rnaOligoIds", "RnaOligo",
                   "seq", OligoBases("RNA"), bulk_get=False, has_url=False),
        EntityType("rna_sequence", "RNA sequences", "rna-sequences", "rnaSequences",
                   "rnaSequenceIds", "RnaSequence", "seq", OligoBases("RNA"), bulk_get=False,
                   writes=False),
        EntityType("mixture", "mixtures", "mixtures", "mixtures", "mixtureIds", "Mixture", "mxtr",
                   bulk_get=False, writes=False),
    )
}  # fmt: skip
"""The entity types, by the `type` of their schemas."""
WRITTEN = {name: kind for name, kind in TYPES.items() if kind.writes}
"""The types with an upsert."""
