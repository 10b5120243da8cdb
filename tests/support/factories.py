"""Rows as tests want them: each factory fills what a test does not care about.

`SyncRunFactory(status="RUNNING")` saves a row; `SyncRunFactory.build(…)` does not.
"""

from __future__ import annotations

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from registry_sync import models
from registry_sync.models.app_scope import tenant_host
from tests.support.worlds import APP


class AppRowFactory(DjangoModelFactory):
    """A row that belongs to the app of the tests."""

    class Meta:
        abstract = True

    tenant = factory.LazyFunction(tenant_host)
    app_id = APP


class LaneFactory(AppRowFactory):
    class Meta:
        model = models.Lane

    registry_id = "src_1"
    schema_id = factory.Sequence(lambda n: f"ts_{n}")
    collection = "https://registry.example.com/compounds"
    position = 0


class SyncRunFactory(AppRowFactory):
    """A run of the schedule that succeeded; an app has one active run at most."""

    class Meta:
        model = models.SyncRun

    trigger = "schedule"
    status = models.SyncRun.Status.SUCCEEDED


class EntityErrorFactory(DjangoModelFactory):
    class Meta:
        model = models.EntityError

    lane = factory.SubFactory(LaneFactory)
    run = factory.SubFactory(SyncRunFactory, lane=factory.SelfAttribute("..lane"))
    external_id = factory.Sequence(lambda n: f"C-{n}")
    kind = "source"
    code = "refused"
    message = "It was refused."
    remedy = "Correct the record."
    first_seen = last_seen = factory.LazyFunction(timezone.now)


class AllowanceFactory(DjangoModelFactory):
    class Meta:
        model = models.Allowance

    lane = factory.SubFactory(LaneFactory)
    what = models.Allowance.What.PATH_GONE
    actor = "mona"
    reason = "Gone for good"


class InstallationFactory(AppRowFactory):
    class Meta:
        model = models.Installation


class CanvasFactory(AppRowFactory):
    class Meta:
        model = models.Canvas

    canvas_id = factory.Sequence(lambda n: f"cnvs_{n}")
    used_at = factory.LazyFunction(timezone.now)


class WebhookDeliveryFactory(DjangoModelFactory):
    class Meta:
        model = models.WebhookDelivery

    webhook_id = factory.Sequence(lambda n: f"msg_made_{n}")
    type = "v2.canvas.userInteracted"
    message = factory.LazyFunction(dict)
    received_at = factory.LazyFunction(timezone.now)


class AlertSettingsFactory(AppRowFactory):
    class Meta:
        model = models.AlertSettings


class AlertMessageFactory(DjangoModelFactory):
    class Meta:
        model = models.AlertMessage

    channel = models.AlertMessage.Channel.WEBHOOK
    receiver = "https://example.com/hook"
    subject = "s"
    body = "b"
    created_at = factory.LazyFunction(timezone.now)


class CheckupFactory(AppRowFactory):
    class Meta:
        model = models.Checkup

    points = factory.LazyFunction(list)
    at = factory.LazyFunction(timezone.now)


class LedgerEntryFactory(DjangoModelFactory):
    """A record that is in Benchling."""

    class Meta:
        model = models.LedgerEntry

    lane = factory.SubFactory(LaneFactory)
    external_id = factory.Sequence(lambda n: f"C-{n}")
    entity_id = factory.Sequence(lambda n: f"bfi_{n}")
    name = factory.LazyAttribute(lambda entry: f"Compound {entry.external_id}")


class BatchFactory(DjangoModelFactory):
    class Meta:
        model = models.Batch

    run = factory.SubFactory(SyncRunFactory)
    number = factory.Sequence(lambda n: n)
    size = 1


class ChangeFactory(DjangoModelFactory):
    """A value that was written; it is not part of the chain, whose digest it lacks."""

    class Meta:
        model = models.Change

    lane = factory.SubFactory(LaneFactory)
    run = factory.SubFactory(SyncRunFactory, lane=factory.SelfAttribute("..lane"))
    external_id = factory.Sequence(lambda n: f"C-{n}")
    field = field_id = "registry id"
    after = "Aspirin"
    created = True
    trigger = "schedule"
    at = factory.LazyFunction(timezone.now)


class ChainHeadFactory(DjangoModelFactory):
    """The head of a chain without links; nothing has written it."""

    class Meta:
        model = models.ChainHead

    lane = factory.SubFactory(LaneFactory)
    digest = "0" * 64


class RetentionFactory(DjangoModelFactory):
    class Meta:
        model = models.Retention

    lane = factory.SubFactory(LaneFactory)
    before = at = factory.LazyFunction(timezone.now)
    rows = 1
    actor = "mona"
    reason = "Ten years old"


class AdoptionFactory(DjangoModelFactory):
    """An entity that was in Benchling before, and waits for a person."""

    class Meta:
        model = models.Adoption

    lane = factory.SubFactory(LaneFactory)
    external_id = factory.Sequence(lambda n: f"C-{n}")
    entity_id = factory.Sequence(lambda n: f"bfi_{n}")
    how = models.Adoption.How.choices[0][0]
    found_at = modified_at = factory.LazyFunction(timezone.now)


class DriftFactory(DjangoModelFactory):
    class Meta:
        model = models.Drift

    lane = factory.SubFactory(LaneFactory)
    run = factory.SubFactory(SyncRunFactory, lane=factory.SelfAttribute("..lane"))
    external_id = factory.Sequence(lambda n: f"C-{n}")
    entity_id = factory.Sequence(lambda n: f"bfi_{n}")
    field = field_id = "name"
    modified_at = found_at = factory.LazyFunction(timezone.now)


class PinFactory(DjangoModelFactory):
    """An accepted difference that stands."""

    class Meta:
        model = models.Pin

    lane = factory.SubFactory(LaneFactory)
    external_id = factory.Sequence(lambda n: f"C-{n}")
    entity_id = factory.Sequence(lambda n: f"bfi_{n}")
    field = field_id = "name"
    theirs, source = "Aspirin", "Acetylsalicylic acid"
    actor = "mona"
    reason = "The lab's name"
    created_at = factory.LazyFunction(timezone.now)


class PlanFactory(DjangoModelFactory):
    """A plan of the schedule that waits for a signature."""

    class Meta:
        model = models.Plan

    lane = factory.SubFactory(LaneFactory)
    run = factory.SubFactory(SyncRunFactory, lane=factory.SelfAttribute("..lane"))
    state = models.Plan.State.OPEN
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))


class ProposalFactory(DjangoModelFactory):
    """A stop that someone proposes to allow."""

    class Meta:
        model = models.Proposal

    lane = factory.SubFactory(LaneFactory)
    what = models.Proposal.What.ALLOW
    subject = factory.LazyFunction(lambda: {"what": "path-gone", "external_id": "", "run": None})
    text = "Override “path gone” once."
    proposed_by, reason = "mona", "The registry renamed it"


class WithdrawalFactory(DjangoModelFactory):
    """A record that left the registry and whose entity waits for a decision."""

    class Meta:
        model = models.Withdrawal

    lane = factory.SubFactory(LaneFactory)
    external_id = factory.Sequence(lambda n: f"C-{n}")
    entity_id = factory.Sequence(lambda n: f"bfi_{n}")
    entity_registry_id = name = factory.SelfAttribute("external_id")
    how = models.Withdrawal.How.FLAG
    state = models.Withdrawal.State.STAGED
    found_run = factory.SubFactory(SyncRunFactory, lane=factory.SelfAttribute("..lane"))
    found_at = factory.LazyFunction(timezone.now)


class MergeFactory(DjangoModelFactory):
    """An entity that was merged away and waits for a decision."""

    class Meta:
        model = models.Merge

    lane = factory.SubFactory(LaneFactory)
    external_id = factory.Sequence(lambda n: f"C-{n}")
    entity_id = factory.Sequence(lambda n: f"bfi_{n}")
    entity_registry_id = name = factory.SelfAttribute("external_id")
    survivor_id, survivor_registry_id, survivor_name = "bfi_s", "S-1", "Survivor"
    found_run = factory.SubFactory(SyncRunFactory, lane=factory.SelfAttribute("..lane"))
    found_at = factory.LazyFunction(timezone.now)


class SharedSubstanceFactory(DjangoModelFactory):
    """A structure that two records share; the first is returned."""

    class Meta:
        model = models.Substance
        skip_postgeneration_save = True  # the other one is a row of its own

    lane = factory.SubFactory(LaneFactory)
    external_id = factory.Sequence(lambda n: f"C-{n}")
    key = canonical = "CCO"

    @factory.post_generation
    def other(self, create, extracted, **more):
        models.Substance.objects.create(lane=self.lane, external_id="other", key=self.key)


class ReconciliationFactory(DjangoModelFactory):
    """A comparison that found both sides equal."""

    class Meta:
        model = models.Reconciliation

    lane = factory.SubFactory(LaneFactory)
    actor = "mona"
    started_at = finished_at = factory.LazyFunction(timezone.now)


class ReconciledRecordFactory(DjangoModelFactory):
    """A record that differs in its name."""

    class Meta:
        model = models.ReconciledRecord

    lane = factory.SubFactory(LaneFactory)
    reconciliation = factory.SubFactory(ReconciliationFactory, lane=factory.SelfAttribute("..lane"))
    state = "differing"
    external_id = factory.Sequence(lambda n: f"C-{n}")
    differences = factory.LazyFunction(lambda: [["name", "name", "Aspirin", "ASA", ""]])


class MappingDraftFactory(AppRowFactory):
    """A draft of an empty mapping, as it was read from a tenant and a registry."""

    class Meta:
        model = models.MappingDraft

    title = "Mapping of today"
    created_by = "mona"
    schema = factory.LazyFunction(
        lambda: {
            "schema": {"id": "ts_1", "name": "Compound", "fieldDefinitions": []},
            "dropdowns": {},
        }
    )
    base = factory.LazyFunction(
        lambda: {
            "config": {
                "api_url": "https://registry.example.com/compounds",
                "schema_id": "ts_1",
                "registry_id": "src_1",
            },
            "rows": [],
            "rules": {},
            "items": [],
        }
    )


class MappingVersionFactory(AppRowFactory):
    class Meta:
        model = models.MappingVersion

    number = factory.Sequence(lambda n: n + 1)
    actor = "mona"
    reason = "First mapping"
    at = factory.LazyFunction(timezone.now)


class AlertFactory(AppRowFactory):
    class Meta:
        model = models.Alert

    what = models.Alert.What.choices[0][0]
    text = "No good run for a day."
    began_at = factory.LazyFunction(timezone.now)


class WebhookRefusalFactory(DjangoModelFactory):
    class Meta:
        model = models.WebhookRefusal

    day = factory.LazyFunction(lambda: timezone.now().date())
    reason = "signature"


class RunLogFactory(DjangoModelFactory):
    class Meta:
        model = models.RunLog

    run = factory.SubFactory(SyncRunFactory)
    at = factory.LazyFunction(timezone.now)
    level = "INFO"
    text = "Everything is read."
