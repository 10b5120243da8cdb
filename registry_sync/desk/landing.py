"""The homes of Records, Mapping and Settings: how things stand, and the tables behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry_sync import runs
from registry_sync.desk import lanes, run_display
from registry_sync.desk.navigation import allowed
from registry_sync.desk.times import time_html
from registry_sync.drafts import draft as drafts
from registry_sync.models import Checkup, Lane, MappingDraft, MappingVersion, WebhookDelivery
from registry_sync.monitoring.alert_recipients import who_is_notified


@dataclass(frozen=True, slots=True)
class PageLink:
    """A way to a page, and what is there."""

    title: str
    address: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One subject: facts as pairs of a word and HTML, and links that the user may follow."""

    title: str
    facts: list[tuple[str, SafeString | str]] = field(default_factory=list)
    links: list[PageLink] = field(default_factory=list)


Cards = Callable[[HttpRequest], list[Card]]
"""What a section's home shows to whoever asks."""

RECORDS = (
    ("What needs a decision", (
        ("plan", "Plans", "What would be written, for a second person to sign"),
        ("proposal", "Proposals", "What one person proposed and a second one confirms"),
        ("entityerror", "Errors", "Records that Benchling refused, by cause"),
        ("adoption", "Adoptions", "Records that met an entity that was in Benchling before"),
        ("drift", "Drift", "Values that someone changed in Benchling"),
        ("withdrawal", "Withdrawals", "Records that left the registry"),
        ("merge", "Merges", "Entities that someone merged into others"),
    )),
    ("What is known", (
        ("ledgerentry", "Ledger", "Every record that was read, and its entity"),
        ("change", "Changes", "Every value that was written, before and after"),
        ("pin", "Accepted differences", "Values of Benchling that runs leave as they are"),
        ("substance", "Shared structures", "Records that have the same structure"),
        ("reconciliation", "Comparisons", "Both sides compared, field by field"),
    )),
)  # fmt: skip


def record_cards(request: HttpRequest) -> list[Card]:
    """Return the tables of records."""
    return [Card(title, links=tables(request, rows)) for title, rows in RECORDS]


def mapping_cards(request: HttpRequest) -> list[Card]:
    """Return each lane's mapping: what is published and what is prepared."""
    names = lanes.lanes_and_names(request)
    cards = [_mapping_of(request, lane, names) for lane in lanes.fed_lanes(request, names)]
    start = [PageLink("Start a draft", reverse("admin:registry_sync_mappingdraft_add"),
                  "Prepare a new mapping without changing the one in use")]  # fmt: skip
    more = tables(request, (
        ("mappingdraft", "Drafts", "Mappings that are being prepared, and published ones"),
        ("mappingversion", "Versions", "What was published, by whom and why; roll back here"),
    ))  # fmt: skip
    may_add = allowed(request, "add_mappingdraft")
    return [*cards, Card("Drafts and versions", links=[*(start if may_add else []), *more])]


def _mapping_of(request: HttpRequest, lane: Lane, names: runs.LaneNames) -> Card:
    """Return what is published and prepared for one lane."""
    published = list(runs.versions_of(lane).defer("rows", "before", "connector")[:2])
    published_as: SafeString | str = "Nothing from the desk yet: runs use the app’s configuration"
    if published:
        published_as = _version_link(published[0])
    facts = [("Published", published_as), ("Being prepared", _open_drafts(lane)), *_in_use(lane)]
    if len(published) > 1:  # the way back, if the last one was a mistake
        facts.insert(1, ("Before that", _version_link(published[1])))
    linked = [
        other for other in names.lanes if other != lane and other.schema_id in (lane.links_to or ())
    ]
    if linked:
        facts.append(("Links to", _lane_links(linked, names)))
    title = f"Mapping of {names.of(lane)}" if names.several else "The mapping in use"
    key = urlencode({"schema": lane.schema_id}) if names.several else ""
    history = tables(request, (("mappingversion", "All versions", ""),), key)
    return Card(title, facts, history)


def _in_use(lane: Lane) -> list[tuple[str, SafeString | str]]:
    """Return which path feeds which field, as the newest run that read its mapping had it."""
    run = lane.runs.exclude(mapping={}).order_by("-id").first()
    if run is None:
        return []
    fields = format_html_join(
        "", "<li>{} ← {} ({})</li>",
        ((row["field"], row["path"] or "no path", row["rule"])
         for row in run_display.mapping_used(run)),
    )  # fmt: skip
    address = reverse("admin:registry_sync_syncrun_change", args=[run.pk])
    shown = '<ul>{}</ul><a href="{}">As run {} used them</a>'
    return [("Fields", format_html(shown, fields, address, run.pk))]


def _version_link(version: MappingVersion) -> SafeString:
    address = reverse("admin:registry_sync_mappingversion_change", args=[version.pk])
    return format_html(
        '<a href="{}">{}</a>, {}, by {}: {}',
        address, version, time_html(version.at, ago=True), version.actor, version.reason,
    )  # fmt: skip


def _open_drafts(lane: Lane) -> SafeString | str:
    found = drafts.drafts_of_this_app().filter(
        state__in=(MappingDraft.State.OPEN, MappingDraft.State.WAITING)
    )
    rows = found.filter(schema_id__in=("", lane.schema_id)).values_list("pk", "title")[:5]
    links = (
        (reverse("admin:registry_sync_mappingdraft_change", args=[pk]), title) for pk, title in rows
    )
    return format_html_join(", ", '<a href="{}">{}</a>', links) or "Nothing"


def settings(request: HttpRequest) -> list[Card]:
    """Return how the service is set up, subject by subject."""
    return [
        Card("Connection and check-ups", _checked(request), [*_connect(request), *tables(request, (
            ("checkup", "Check-ups", "The whole setup, checked point by point"),
        ))]),
        Card("Alerts", _notified(request), tables(request, (
            ("alertsettings", "Alert settings", "Who is notified, and from which limits on"),
            ("alert", "Alerts", "Conditions that were reported"),
            ("alertmessage", "Alert messages", "Each message, and whether it was sent"),
        ))),
        Card("Lanes", _lanes(request), tables(request, (
            ("lane", "All lanes", "What each lane does about drift and withdrawals"),
        ))),
        Card("Exceptions", links=tables(request, (
            ("pin", "Accepted differences", "Values of Benchling that runs leave as they are"),
            ("allowance", "Overrides", "Stops that someone allowed once, and why"),
        ))),
        Card("Webhooks", _failed_deliveries(request), tables(request, (
            ("webhookdelivery", "Webhook deliveries", "What Benchling sent, and what became of it"),
            ("webhookrefusal", "Webhook refusals", "What was not accepted, and why"),
            ("canvas", "Canvases", "The app’s canvases in notebook entries"),
            ("installation", "Installations", "Where the app is installed"),
        ))),
        Card("Users", links=[*tables(request, (
            ("user", "Users", "Who may log in"),
            ("group", "Groups", "What viewers and owners may do"),
        ), app="auth"), PageLink("Change your password", reverse("admin:password_change"))]),
    ]  # fmt: skip


def tables(
    request: HttpRequest, rows: Iterable[tuple[str, str, str]], query: str = "",
    app: str = "registry_sync",
) -> list[PageLink]:  # fmt: skip
    """Return links to the tables (model, title, sentence) that the user may see."""
    found = []
    for model, title, about in rows:
        if allowed(request, f"{app}.view_{model}"):
            address = reverse(f"admin:{app}_{model}_changelist")
            found.append(PageLink(title, f"{address}?{query}" if query else address, about))
    return found


def _connect(request: HttpRequest) -> list[PageLink]:
    about = "From its address and key to a first dry run, step by step"
    address = reverse("admin:registry_sync_connect")
    return [PageLink("Connect a registry", address, about)] * allowed(request, "add_mappingdraft")


def _checked(request: HttpRequest) -> list[tuple[str, SafeString | str]]:
    if not allowed(request, "view_checkup"):
        return []
    last = Checkup.objects.of_app().first()
    if last is None:
        return [("Last check-up", "None yet")]
    fails = sum(point["state"] == "bad" for point in last.points)
    warns = sum(point["state"] == "warning" for point in last.points)
    result = format_html(
        '<a href="{}">{}</a>: {} of {} checks fail, {} warn',
        reverse("admin:registry_sync_checkup_change", args=[last.pk]),
        time_html(last.at, ago=True), fails, len(last.points), warns,
    )  # fmt: skip
    return [("Last check-up", result)]


def _notified(request: HttpRequest) -> list[tuple[str, SafeString | str]]:
    may = allowed(request, "view_alertsettings")
    return [("Notified", who_is_notified().text)] if may else []


def _lanes(request: HttpRequest) -> list[tuple[str, SafeString | str]]:
    names = lanes.lanes_and_names(request)
    if not names.lanes or not allowed(request, "view_lane"):
        return []
    return [("Synced now", _lane_links(names.lanes, names))]


def _lane_links(shown: Iterable[Lane], names: runs.LaneNames) -> SafeString:
    address = "admin:registry_sync_lane_change"
    links = ((reverse(address, args=[lane.pk]), names.of(lane)) for lane in shown)
    return format_html_join(", ", '<a href="{}">{}</a>', links)


def _failed_deliveries(request: HttpRequest) -> list[tuple[str, SafeString | str]]:
    if not allowed(request, "view_webhookdelivery"):
        return []
    state = WebhookDelivery.State.FAILED
    count = WebhookDelivery.objects.filter(state=state)[:1000].count()
    address = reverse("admin:registry_sync_webhookdelivery_changelist")
    link = format_html('<a href="{}?state__exact={}">{}</a>', address, state, f"{count:,}")
    return [("Failed", link if count else "None")]
