"""Checks of how the registry gives what changed: its filter, and the times of its records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from registry_sync.core.epochs import IN_WORDS, UNITS, other_unit
from registry_sync.core.text import number_of
from registry_sync.monitoring.doctor.check_result import (
    CheckResult,
    Skipped,
    bad,
    ok,
    register,
    warning,
)
from registry_sync.monitoring.doctor.visit import RegistryVisit
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.completeness.next_page_settings import written_incremental
from registry_sync.source.connector import SINCE, Connector, Incremental
from registry_sync.source.cursor_evidence import (
    are_whole_days,
    cursor_paths,
    format_of,
    has_no_offset,
    zone_behind,
    zone_of,
)
from registry_sync.source.filter_probe import FilterFound, probe_filter
from registry_sync.source.filter_trial import Sample, try_filter
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.source.timestamps import read_time
from registry_sync.source.watermark import GRANULARITIES

CHANGE_CHECKS: dict[str, Callable[[RegistryVisit], CheckResult]] = {}
OWNER = "The integration owner must"
FORMAT = (
    f"{OWNER} check Modified Since Parameter and the time's format in Connector Settings with the "
    "registry's owner."
)


@register(CHANGE_CHECKS, "Modified-since filter")
def check_since_filter(visit: RegistryVisit) -> CheckResult:
    """Request changes since a time in ten years, long ago, and in between."""
    visit.first()
    _, connector = visit.tenant.configured()
    if connector.incremental is None or SINCE not in f"{connector.params}{connector.json}":
        return warning(
            "None is configured: each run reads everything.",
            f"{OWNER} set Modified Since Parameter, if the registry has one.",
        )
    sample = visit.sample()
    found = probe_filter(visit.source, sample.records, connector.incremental)
    if found.of_future:
        return bad(
            "For changes since a time in ten years, the registry returned "
            f"{number_of(found.of_future, 'record')}: it ignores the filter, and each run reads "
            "everything.",
            FORMAT,
        )
    if found.of_old == 0 and sample.records:
        return bad(
            "For changes since 1971, the registry returned nothing, but the list has "
            f"{number_of(len(sample.records), 'record')}: it does not understand the time, and "
            "changes are missed.",
            FORMAT,
        )
    if found.refused:
        return bad(f"The registry refused a time of long ago: {found.refused}", FORMAT)
    return _unit_fault(found, connector.incremental) or _left_out(visit)


def _unit_fault(found: FilterFound, terms: Incremental) -> CheckResult | None:
    """Judge how the registry compares times."""
    if found.unit and terms.granularity < GRANULARITIES[found.unit]:
        return bad(
            f"The registry compares whole {found.unit}s: for changes since a time, it left out "
            f"records that changed later in that {found.unit}.",
            f"{OWNER} set {written_incremental({'granularity': found.unit})} in Connector "
            "Settings.",
        )
    if found.exclusive and terms.overlap < timedelta(seconds=1):
        return bad(
            "The registry leaves out records of the very time that it is asked for, and nothing "
            "overlaps: a record of the same second is missed.",
            f"{OWNER} set {written_incremental({'comparison': 'gt', 'lag': '5 min'})} in Connector "
            "Settings.",
        )
    return None


def _left_out(visit: RegistryVisit) -> CheckResult:
    """Request what changed since the middle of the sample: everything later must come."""
    sample, first = visit.sample(), visit.first().records
    timed = [(sample.source.identify(r) or "", sample.source.cursor_of(r)) for r in sample.records]
    times = {name: when for name, when in timed if when is not None}
    half = Sample(times, tuple(when for _, when in timed[: len(first)] if when), len(first))
    if sample.ended and half.first and half.moment:
        tried = try_filter(visit.source(), sample.source.cursor_of, half)
        if tried.outcome == "short":
            return bad(
                f"The filter leaves out changes. {tried.seen}: it may compare another time.",
                f"{OWNER} set a parameter that compares the time at cursor_path; the registry's "
                "owner knows its name.",
            )
    return ok("The registry applies it: a time in the future returns no records.")


@register(CHANGE_CHECKS, "Modification times")
def check_times(visit: RegistryVisit) -> CheckResult:
    """Compare the times of records with the settings and with the registry's clock."""
    sample = visit.sample()
    _, connector = visit.tenant.configured()
    terms = connector.incremental
    if terms is None or not sample.records:
        raise Skipped("no changes are requested" if terms is None else "there is no record")
    likely = cursor_paths(sample.records)
    path = terms.cursor_path or next(iter(likely), "")
    if not path:
        raise Skipped("no record has a modification time")
    values = [compile_path(path)(record) for record in sample.records]
    if all(value in (ABSENT, None, "") for value in values):
        return _misspelt(path, likely)
    when = [visit.sample().source.cursor_of(record) for record in sample.records]
    times = [time for time in (when if terms.cursor_path else _read(values)) if time is not None]
    example = as_sent(next(value for value in values if value not in (ABSENT, None, "")))
    if unit := _other_unit(values, terms):
        return bad(
            f"The times at {path} count {IN_WORDS[unit]}, not "
            f"{IN_WORDS[terms.datetime_format]}: {example}.",
            f"{OWNER} set {written_incremental({'datetime_format': unit})} in Connector Settings.",
        )
    if not times:
        form = format_of(values)
        right = written_incremental({"datetime_format": form}) if form else "datetime_format"
        return bad(
            f"The times at {path} cannot be read: {example}.",
            f"{OWNER} set {right} in {'' if form else 'endpoint.incremental of '}Connector "
            "Settings.",
        )
    clock = visit.first().server_date or timezone.now()
    return _zone_fault(path, values, times, clock, connector) or _day_fault(path, times, terms)


def _other_unit(values: list[object], terms: Incremental) -> str:
    """Return the unit that times count in fact, if it is another than the settings say."""
    if terms.datetime_format not in UNITS:
        return ""
    return next(filter(None, (other_unit(value, terms.datetime_format) for value in values)), "")


def _read(values: list[object]) -> list[datetime | None]:
    terms = Incremental(datetime_format=format_of(values) or "iso")
    return [read_time(value, terms) for value in values]


def _misspelt(path: str, likely: list[str]) -> CheckResult:
    instead = f" {likely[0]} looks like one." if likely else ""
    right = written_incremental({"cursor_path": likely[0]}) if likely else "cursor_path"
    return bad(
        f"No record has a modification time at “{path}”.{instead}",
        f"{OWNER} set {right} in Connector Settings.",
    )


def _zone_fault(
    path: str, values: list[object], times: list[datetime], clock: datetime, connector: Connector
) -> CheckResult | None:
    newest = max(times)
    zone = zone_of(newest, clock) if has_no_offset(values) else ""
    if zone:
        hours = (newest - clock) / timedelta(hours=1)
        terms = {"timezone": zone} if connector.incremental else {}
        return bad(
            f"The newest time at {path} ({newest.astimezone(UTC):%Y-%m-%d %H:%M}) is {hours:.1f} h "
            "ahead of the registry's clock and has no offset: it is probably local time.",
            f"{OWNER} set {written_incremental(terms)} in Connector Settings, or better the name "
            "of the zone.",
        )
    behind, zone = zone_behind(newest, clock) if has_no_offset(values) else (0, "")
    if behind and connector.incremental and connector.incremental.timezone == "UTC":
        right = written_incremental({"timezone": zone})
        return warning(
            f"The newest time at {path} ({newest:%Y-%m-%d %H:%M}) has no offset and is {behind:g} "
            "h behind the registry's clock, to the minute. If that record was edited just now, it "
            "is local time, and later changes are missed.",
            f"{OWNER} edit a record and run doctor again. If it says the same, set {right} in "
            "Connector Settings, or better the name of the zone.",
        )
    if newest > clock + timedelta(minutes=5):
        return warning(
            f"The newest time at {path} ({newest:%Y-%m-%d %H:%M} UTC) is ahead of the registry's "
            "clock.",
            "The registry's owner must correct the record's time or the clock.",
        )
    return None


def _day_fault(path: str, times: list[datetime], terms: Incremental) -> CheckResult:
    if are_whole_days(times) and terms.granularity < timedelta(days=1):
        return warning(
            f"All times at {path} are whole days.",
            f"{OWNER} set {written_incremental({'granularity': 'day'})} in Connector Settings.",
        )
    return ok(f"{number_of(len(times), 'record')} have a time at {path}.")
