"""Chemical structures: whether they can be read, and which of them are the same.

Benchling canonicalises a structure with RDKit and keeps its largest fragment.
https://help.benchling.com/hc/en-us/articles/14964897279373
"""

from registry_sync.benchling.chemistry.structures import (
    Parsed,
    StructureFault,
    StructureUnread,
    available,
    holds_structure,
    is_molfile,
    is_same_structure,
    parse_structure,
)

__all__ = [
    "Parsed",
    "StructureFault",
    "StructureUnread",
    "available",
    "holds_structure",
    "is_molfile",
    "is_same_structure",
    "parse_structure",
]
