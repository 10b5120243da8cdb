"""Molecules: entities with a chemical structure."""

from registry_sync.benchling.entity_types.base import EntityType, register
from registry_sync.benchling.entity_types.parts import Structure


@register
class Molecule(EntityType):
    """https://benchling.com/api/reference (bulkUpsertMolecules)"""

    name = "molecule"
    label = "molecules"
    endpoint = "molecules"
    key = "molecules"
    ids_key = "moleculeIds"
    id_prefix = "mol_"
    parts = (Structure(),)
    part_required = True
