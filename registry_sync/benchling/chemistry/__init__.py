"""Chemical structures: whether they can be read, and which of them are the same.

Benchling canonicalises a structure with RDKit and keeps its largest fragment.
https://help.benchling.com/hc/en-us/articles/14964897279373
"""

from registry_sync.benchling.chemistry.structures import (
    Parsed,
    StructureFault,
    StructureUnread,
    available,
    is_held,
    is_molfile,
    is_same,
    parse,
)

__all__ = [
    "Parsed",
    "StructureFault",
    "StructureUnread",
    "available",
    "is_held",
    "is_molfile",
    "is_same",
    "parse",
]
