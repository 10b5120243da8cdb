"""What people do in Benchling by hand."""

from __future__ import annotations

from sandbox.tenant.entities import add_by_hand, edit_by_hand


def hand(w, id_, name, **more):
    return add_by_hand(
        w.tenant,
        {
            "entityRegistryId": id_,
            "name": name,
            "schemaId": w.schema,
            "registryId": w.benchling_registry,
            **more,
        },
    )


def by_hand(w, external_id: str, **values) -> None:
    edit_by_hand(w.tenant, w.tenant.entity(external_id), **values)
