"""A canvas that no one presses shows what was decided elsewhere, and no run follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DataError, OperationalError
from django.db.models import F
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from registry_sync.benchling.errors import Refused
from registry_sync.canvas import drawing
from registry_sync.canvas.lane_choice import read_inputs
from registry_sync.core.problems import SyncError
from registry_sync.core.stopping import Stopping
from registry_sync.desk import error_decisions as decisions
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Canvas, EntityError, Lane, Plan, SyncRun
from registry_sync.sync.plans import lifecycle
from registry_sync.webhooks import handlers
from tests.support.canvas import Page, work
from tests.support.drafting import as_posted
from tests.support.factories import CanvasFactory, SyncRunFactory, WebhookDeliveryFactory

pytestmark = pytest.mark.once
MINUTE = timedelta(minutes=1)


def test_what_was_decided_is_drawn_without_a_press_or_a_run(w, desk):
    w.tenant.refuse["C-000003"] = "The SMILES is not valid."
    page = Page(w)
    page.press("manual_sync")
    work()
    Canvas.objects.update(used_at=F("used_at") - MINUTE, drawn_at=F("drawn_at") - MINUTE)
    errors = EntityError.objects.all()
    assert "Ask the registry's owner to look at it." in page.text

    decisions.assign(errors, "mapping", actor="olivia", reason="ours")
    reconcile()
    assert "Ask the registry's owner" not in page.text and "Ask your" in page.text
    assert "Your sync has started" not in page.text
    decisions.dismiss(errors, actor="olivia", reason="a test record")
    reconcile()
    assert "None of them is refused any more" in page.text
    assert "retry_failed" not in page.buttons
    decisions.bring_back(errors)
    reconcile()
    assert "retry_failed" in page.buttons

    draft = desk.start("live")
    desk.do(draft, "save", **(as_posted(draft) | {"name_field": "{name} [{id}]"}))
    desk.do(draft, "sample", at="preview")
    assert "Published as version" in desk.publish(draft)
    reconcile()
    assert "**The mapping was changed** on" in page.text and page.canvas["enabled"]

    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    w.sync(kind=SyncRun.Kind.PLAN)
    assert "A plan waits" in page.text
    lifecycle.void_plan(Plan.objects.get(), actor="olivia", reason="not now")
    reconcile()
    assert "A plan waits" not in page.text

    decisions.dismiss(errors.none(), actor="olivia", reason="none of them")
    assert Canvas.objects.get().drawn_at is not None, "nothing was decided"


def test_what_is_decided_while_a_canvas_is_drawn_is_drawn_the_next_time(db):
    used_at = timezone.now() - MINUTE
    ways = {"pressed": {}, "runs": {"drawn_status": "RUNNING"}, "drawn": {"drawn_at": used_at}}
    for name, way in ways.items():
        values = {"used_at": used_at, "note": "Your press", **way}
        canvas = CanvasFactory(canvas_id=name, **values)
        client = FakeClient([Canvas.objects.outdate])
        drawing.redraw([canvas], client, pressed=True)
        assert drawing.outdated_canvases().get(canvas_id=name) == canvas
        drawing.redraw(drawing.outdated_canvases(), client, pressed=True)
        assert not drawing.outdated_canvases().exists()
        assert ["Your press" in text for text in client.drawn] == [True, False], name
        canvas.delete()

    late = {"used_at": used_at - MINUTE, "drawn_at": used_at}
    for n in range(Canvas.RECENT):
        CanvasFactory(canvas_id=f"late {n}", **late)
    assert Canvas.objects.outdate() == Canvas.RECENT == drawing.outdated_canvases().count()


@pytest.mark.parametrize("status", [403, 404])
def test_a_decision_asks_once_for_a_canvas_that_benchling_refuses(db, status):
    then = timezone.now() - MINUTE
    CanvasFactory(canvas_id="refused", used_at=then, drawn_at=then)

    def refuse() -> None:
        raise Refused(status, "It is not yours.")

    Canvas.objects.outdate()
    assert drawing.redraw(drawing.outdated_canvases(), FakeClient([refuse])) == 1
    assert not drawing.outdated_canvases().exists()
    assert Canvas.objects.outdate() == drawing.outdated_canvases().count() == (status == 403)

    def decide() -> None:
        Canvas.objects.outdate()
        refuse()

    drawing.redraw(drawing.outdated_canvases(), FakeClient([decide]))
    assert drawing.outdated_canvases().exists() == (status == 403), "it was decided during the call"


@pytest.mark.parametrize("run_ended", [False, True])
def test_a_refused_canvas_is_asked_for_less_often_until_it_is_drawn(db, run_ended):
    then = timezone.now() - MINUTE
    shows = {"drawn_at": then, "drawn_status": "RUNNING"} if run_ended else {}
    canvas, run = CanvasFactory(used_at=then, **shows), SyncRunFactory()

    def refuse() -> None:
        raise Refused(403, "The app may not edit this entry.")

    rests = []
    for _ in range(9):
        client = FakeClient([refuse])
        assert drawing.redraw(drawing.outdated_canvases(), client) == len(client.drawn) == 1
        assert not drawing.outdated_canvases().exists() and not drawing.canvases_showing(run)
        canvas.refresh_from_db()
        rests.append(round((canvas.rests_until - timezone.now()) / MINUTE))
        Canvas.objects.update(rests_until=timezone.now())
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert drawing.refused_canvases().get().refusal == "The app may not edit this entry."
    assert drawing.redraw(drawing.outdated_canvases(), FakeClient([])) == 1
    assert not drawing.refused_canvases().exists() and not drawing.outdated_canvases().exists()
    assert Canvas.objects.get().refusals == 0


def refuse() -> None:
    raise Refused(403, "The entry is locked.")


def test_a_canvas_that_no_one_used_for_days_is_asked_for_once_a_day(db):
    canvas = CanvasFactory(used_at=timezone.now() - timedelta(days=8), refusals=6)
    drawing.redraw(drawing.outdated_canvases(), FakeClient([refuse]))
    canvas.refresh_from_db()
    assert canvas.rests_until > timezone.now() + timedelta(hours=23)
    assert not drawing.refused_canvases().exists()
    Canvas.objects.update(used_at=timezone.now())
    assert drawing.refused_canvases().exists()


def test_a_canvas_that_was_drawn_in_the_meantime_need_not_rest(db):
    CanvasFactory(used_at=timezone.now() - MINUTE)

    def draw_elsewhere() -> None:
        Canvas.objects.update(drawn_at=timezone.now())
        refuse()

    drawing.redraw(drawing.outdated_canvases(), FakeClient([draw_elsewhere]))
    assert Canvas.objects.filter(rests_until=None, refusals=0).exists()


@pytest.mark.invariant(4)
def test_a_canvas_with_an_unexpected_error_costs_no_other_canvas(db):
    used_at = timezone.now() - MINUTE
    other, odd = CanvasFactory(used_at=used_at - MINUTE), CanvasFactory(used_at=used_at)

    def fail() -> None:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    client = FakeClient([fail])
    assert drawing.redraw(drawing.outdated_canvases(), client) == len(client.drawn) == 2
    for canvas in (other, odd):
        canvas.refresh_from_db()
    assert other.drawn_at and not odd.drawn_at and odd.rests_until > timezone.now()
    assert odd.refusal == "An internal error (DataError); the service's log has more."


@pytest.mark.parametrize("error", [Stopping, OperationalError, JobTimeoutException])
def test_what_ends_the_job_ends_its_drawing(db, error):
    CanvasFactory(used_at=timezone.now() - MINUTE)

    def fail() -> None:
        raise error

    with pytest.raises(error):
        drawing.redraw(drawing.outdated_canvases(), FakeClient([fail]))
    assert Canvas.objects.filter(rests_until=None).exists()


def test_what_is_typed_can_be_stored_and_sent(db):
    client = FakeClient([])
    client.blocks = [{"id": "record", "value": " C-\ud83d1\x00 "}]
    assert read_inputs(CanvasFactory(), client) == "C-?1\ufffd"


@pytest.mark.invariant(4)
def test_a_press_ends_the_rest_of_its_canvas(db):
    def fail() -> None:
        raise SyncError("Benchling is unavailable.", remedy="", kind="transient", code="away")

    rests = {"rests_until": timezone.now() + MINUTE, "refusals": 3}
    canvas = CanvasFactory(**rests)
    message = {"canvasId": canvas.canvas_id, "buttonId": "of another version"}
    handlers.work_delivery(WebhookDeliveryFactory(message=message).pk, FakeClient([fail]))
    assert Canvas.objects.get().rests_until is None
    Canvas.objects.update(**rests)
    drawing.owe_drawing(canvas.canvas_id, "A note.")
    assert Canvas.objects.filter(rests_until=None, refusals=3).exists()


def test_an_app_that_is_activated_again_draws_what_was_refused_meanwhile(db):
    CanvasFactory(used_at=timezone.now() - MINUTE, rests_until=timezone.now() + MINUTE, refusals=3)
    delivery = WebhookDeliveryFactory(type="v2.app.activateRequested", message={})
    handlers.work_delivery(delivery.pk, FakeClient([]))
    assert drawing.outdated_canvases().exists()


class FakeClient:
    """Stands for Benchling, where something is decided while it is asked to draw."""

    def __init__(self, decisions: list[Callable[[], object]]) -> None:
        self.decisions, self.drawn = decisions, list[str]()
        self.blocks: list[dict[str, str]] = []

    def canvas(self, _: str) -> object:
        return {"blocks": self.blocks}

    def update_canvas(self, _: str, body: object) -> None:
        self.drawn.append(str(body))
        while self.decisions:
            self.decisions.pop()()
