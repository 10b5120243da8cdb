"""Cards for what holds for every lane: settings, workers, alerts, deliveries, results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Coalesce

from registry_sync.canvas import drawing
from registry_sync.canvas.refused import INTERNAL
from registry_sync.core.text import number_of
from registry_sync.desk.worklist.base import (
    CardKind,
    Gravity,
    Overview,
    WorkCard,
    link,
    press,
)
from registry_sync.models import (
    Alert,
    AlertMessage,
    Canvas,
    HistoryResult,
    Lane,
    SyncRun,
    WebhookDelivery,
)
from registry_sync.models.app_scope import app_key
from registry_sync.monitoring.health import HealthState

State = HistoryResult.State
NAMED = 3
"""Canvases that a card names."""
LOOKED_BACK = timedelta(days=7)
"""How old a failed delivery may be to have a card."""


class ServiceFindings(CardKind):
    """Settings, installation, schedule, and queues without a worker."""

    name = "service"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each finding that holds for all lanes."""
        for finding in overview.service.findings:
            title, _, text = finding.text.partition(". ")
            yield WorkCard(
                title=title.rstrip("."),
                gravity=Gravity.STOPPED if finding.state is HealthState.BAD else Gravity.BEHIND,
                actors=(finding.actor,),
                text=text,
                presses=(press("Check the setup", link("checkup_changelist"), "add_checkup"),),
            )


class OpenAlerts(CardKind):
    """Alerts that began and have not ended."""

    name = "alerts"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each lane with its last alert."""
        rows = Alert.objects.of_app().filter(ended_at__isnull=True)
        by_lane: dict[Lane | None, list[Alert]] = {}
        for alert in rows.select_related("lane").order_by("-began_at", "-pk")[:100]:
            by_lane.setdefault(alert.lane, []).append(alert)
        sent = _sent_or_due(rows) if by_lane else set()
        for lane, found in by_lane.items():
            unsent = sent.isdisjoint(alert.together_id or alert.pk for alert in found)
            yield self._card(overview, lane, found, ", sent to no one" if unsent else "")

    def _card(
        self, overview: Overview, lane: Lane | None, found: Sequence[Alert], unsent: str
    ) -> WorkCard:
        return WorkCard(
            title=f"open alert{unsent}",
            gravity=Gravity.NOTE,
            actors=("mapping",),
            text=f"The last one: {found[0].text}",
            lane=lane,
            count=len(found),
            since=found[-1].began_at,
            new=sum(alert.began_at >= overview.new_since for alert in found),
            address=link("alert_changelist"),
        )


def _sent_or_due(alerts: QuerySet[Alert]) -> set[int | None]:
    """Return the alerts with a message that reached its recipient, or that may still do so."""
    leads = Coalesce("together", "pk")
    messages = AlertMessage.objects.filter(alert__in=alerts.order_by().values_list(leads))
    reached = messages.filter(Q(sent_at__isnull=False) | Q(next_try_at__isnull=False))
    return set(reached.values_list("alert", flat=True))


class NobodyNotified(CardKind):
    """No one hears of it when the sync stops."""

    name = "notified"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card unless someone is notified."""
        notified = overview.notified
        if notified.anyone:
            return
        title, _, text = notified.text.partition(". " if ". " in notified.text else ": ")
        yield WorkCard(
            title=title.rstrip("."),
            gravity=Gravity.NOTE,
            actors=("operator",) if "EMAIL_URL" in notified.text else ("mapping",),
            text=text,
            address=(address := link("alertsettings_changelist")),
            presses=(press("Set up alerts", address, "change_alertsettings"),),
        )


class UnsentAlerts(CardKind):
    """Messages about alerts that did not reach their recipients."""

    name = "unsent"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return one card with the last fault."""
        rows = AlertMessage.objects.filter(
            Q(alert__isnull=True)
            | Q(**{f"alert__{key}": value for key, value in app_key().items()}),
            sent_at__isnull=True,
            created_at__gte=overview.now - LOOKED_BACK,
        ).exclude(error="")
        found = list(rows.order_by("-created_at")[:100])
        if found:
            yield WorkCard(
                title="undelivered alert message",
                gravity=Gravity.BEHIND,
                actors=("operator",),
                text=f"The last one: {found[0].error}",
                count=len(found),
                since=found[-1].created_at,
                new=sum(message.created_at >= overview.new_since for message in found),
                address=link("alert_changelist"),
                presses=(
                    press(
                        "Alert settings", link("alertsettings_changelist"), "change_alertsettings"
                    ),
                ),
            )


class FailedDeliveries(CardKind):
    """Webhooks of Benchling that could not be worked."""

    name = "deliveries"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return one card with their count."""
        failed = WebhookDelivery.objects.filter(
            state=WebhookDelivery.State.FAILED, received_at__gte=overview.now - LOOKED_BACK
        ).order_by()
        new = Count("pk", filter=Q(received_at__gte=overview.new_since))
        found = failed.aggregate(count=Count("pk"), since=Min("received_at"), new=new)
        if found["count"]:
            address = link("webhookdelivery_changelist", query="state__exact=failed")
            yield WorkCard(
                title="failed webhook delivery",
                gravity=Gravity.BEHIND,
                actors=("operator",),
                text="A press on a canvas or a change of the app's configuration was not handled. "
                "Each delivery says why.",
                address=address,
                presses=(press("Try again", address, "change_webhookdelivery"),),
                **found,
            )


class RefusedCanvases(CardKind):
    """Canvases that could not be drawn, so that they are outdated or their buttons disabled."""

    name = "canvases"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return one card with their count; it names the first, and why it was not drawn."""
        found = drawing.refused_canvases()
        first = list(found[:NAMED])
        if not first:
            return
        count = max(len(first), found.count())  # some may have been drawn in between
        more = f" and {count - NAMED:,} more" if count > NAMED else ""
        are_drawn = all(canvas.is_drawn for canvas in first)
        disabled = "" if are_drawn else "The buttons stay disabled. "
        yield WorkCard(
            title="canvas that cannot be drawn",
            gravity=Gravity.BEHIND,
            actors=("operator",) if INTERNAL in first[0].refusal else ("benchling",),
            text=f"The app could not draw {', '.join(map(_named, first))}{more}: "
            f"“{first[0].refusal.rstrip('.')}”. {disabled}If the app lacks access, a Benchling "
            "admin gives it write access to the project. The app tries again at least once an "
            "hour.",
            count=count,
            since=first[0].used_at,
            address=link("canvas_changelist"),
        )


def _named(canvas: Canvas) -> str:
    place = f" in {canvas.resource_id}" if canvas.resource_id else ""
    return f"{canvas.canvas_id}{place}"


class RefusedResults(CardKind):
    """Runs without a certain result in the sync history, since the last that Benchling took."""

    name = "results"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return one card for what was refused and one for what is unknown, each with the last."""
        missing = self._missing()
        for state, title, sentence in (
            (State.REFUSED, "without a result in", "Benchling refused the last one"),
            (
                State.UNKNOWN,
                "that may lack a result in",
                "It is not known whether the last one was written",
            ),
        ):
            if rows := [row for row in missing if row.state == state]:
                yield WorkCard(
                    title=f"{number_of(len(rows), 'run')} {title} Sync History Schema",
                    gravity=Gravity.BEHIND,
                    actors=("benchling",),
                    text=f"{sentence}: {rows[0].note}",
                    since=rows[-1].run.created_at,
                    address=link("syncrun_change", rows[0].run_id),
                )

    def _missing(self) -> list[HistoryResult]:
        """Return what was not, or may not be, written since the last that was, newest first."""
        rows = HistoryResult.objects.exclude(state=State.WAITING)
        newest = list(rows.order_by("-run_id")[:100])  # not by the app: all runs would be joined
        runs_here = (
            SyncRun.objects.of_app().only("created_at").in_bulk([row.run_id for row in newest])
        )
        missing = []
        for row in newest:
            if (run := runs_here.get(row.run_id)) is None:
                continue
            if row.state == State.WRITTEN:
                break
            row.run = run
            missing.append(row)
        return missing
