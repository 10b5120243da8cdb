"""What may have changed in Benchling since this slice read its setup."""

from __future__ import annotations

from registry_sync.benchling.bulk_upsert import access_lost
from registry_sync.benchling.entity_types import ENTITY_TYPES
from registry_sync.benchling.errors import Refused, Wait, retry_time
from registry_sync.core.waits import CONFIGURATION_CHANGED
from registry_sync.sync.context import RunContext
from registry_sync.sync.setup import Setup, configure

ENTITIES = tuple({kind.id_prefix for kind in ENTITY_TYPES.values()})
"""How Benchling's ids of entities begin."""


def has_new_key(ctx: RunContext) -> bool:
    """Return whether API Key was changed in Benchling since this slice began."""
    return _read_setup(ctx).config.api_key != ctx.setup.config.api_key


def recheck_access(ctx: RunContext, refused: Refused | None) -> None:
    """Look, after a failed batch, for a cause that holds for the whole run.

    Raise SyncError if the app has lost its access, and Wait if the configuration changed, so
    that the next slice goes on with the new one. A refusal that names one entity, which someone
    has moved out of the app's reach, is that entity's alone.
    """
    setup = _read_setup(ctx)  # raises ConfigError with the item that is out of reach, if one is
    if setup.mapping.fingerprint != ctx.setup.mapping.fingerprint or (
        setup.summary() != ctx.setup.summary()
    ):
        raise Wait(retry_time(0), CONFIGURATION_CHANGED)
    if refused is not None and refused.status in (401, 403, 404) and not _names_entity(refused):
        raise access_lost(refused, f"the schema {ctx.setup.schema.name} and its folder")


def _names_entity(refused: Refused) -> bool:
    return refused.invalid_id.startswith(ENTITIES)


def _read_setup(ctx: RunContext) -> Setup:
    element = ctx.setup.config.element
    return configure(ctx.client, private_key=ctx.terms.private_key, element=element)
