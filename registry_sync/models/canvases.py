"""The canvases that scientists see in Benchling."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from registry_sync.models.app_scope import AppQuerySet
from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class CanvasQuerySet(AppQuerySet["Canvas"]):
    """Canvases, and which of them no longer say how the lanes stand."""

    def outdate(self) -> int:
        """Let the reconciler draw this app's recent canvases again. Return how many.

        Call it where a decision changes what they say and no run follows, which would draw them.
        """
        recent = self.of_app().order_by("-used_at").values_list("pk", flat=True)[: Canvas.RECENT]
        return self.filter(pk__in=list(recent)).update(outdated_at=timezone.now())


class Canvas(models.Model):
    """A canvas in Benchling: what was requested in it, and what was drawn last."""

    RECENT = 20
    """Canvases used last, which are kept up to date although no one pressed a button in them."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    canvas_id = models.CharField(max_length=64, unique=True)
    feature_id = models.CharField(max_length=64, blank=True)
    resource_id = models.CharField(max_length=64, blank=True)
    lane = models.ForeignKey(
        Lane, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The lane that was chosen in it; empty: all.",
    )  # fmt: skip
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="canvases",
        help_text="The run that was started or joined from it.",
    )  # fmt: skip
    preview = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    wanted = models.JSONField(
        default=list, db_default=[], blank=True,
        help_text="The records that were asked to be synced in it: lane and external id.",
    )  # fmt: skip
    wanted_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)
    asked = models.CharField(max_length=255, blank=True)
    standing = models.TextField(blank=True)
    chip = models.CharField(max_length=64, blank=True)
    notice = models.TextField(blank=True, help_text="What was drawn about who is missing.")
    used_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True, blank=True)
    outdated_at = models.DateTimeField(
        null=True, blank=True, help_text="When something was decided that it does not show yet."
    )
    refusal = models.TextField(
        blank=True, db_default="", help_text="What Benchling said when it last refused to draw it."
    )
    refusals = models.IntegerField(
        default=0, db_default=0, help_text="How often in a row Benchling refused to draw it."
    )
    rests_until = models.DateTimeField(
        null=True, blank=True, help_text="When Benchling is asked again after a refusal."
    )
    drawn_run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    drawn_status = models.CharField(max_length=24, blank=True)

    objects = models.Manager.from_queryset(CanvasQuerySet)()

    class Meta:
        verbose_name_plural = "canvases"
        indexes = (models.Index(fields=["tenant", "app_id", "-used_at"], name="canvas_used"),)

    def __str__(self) -> str:
        return self.canvas_id

    @property
    def is_drawn(self) -> bool:
        """Return whether it was drawn since someone used it, so that its buttons are enabled."""
        return self.drawn_at is not None and self.drawn_at >= self.used_at

    @property
    def is_only_outdated(self) -> bool:
        """Return whether it must be redrawn although no one pressed a button since it was drawn."""
        return self.is_drawn and self.outdated_at is not None
