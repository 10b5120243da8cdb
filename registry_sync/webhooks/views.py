"""The address that Benchling sends webhooks to."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from registry_sync.webhooks.enqueue import enqueue_deliveries
from registry_sync.webhooks.notices import noticer
from registry_sync.webhooks.receive import HEADERS, LONGEST_BODY, Rejected, receive
from registry_sync.webhooks.refusals import refusals
from registry_sync.webhooks.signing_keys import KeysUnreachable

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Answer a webhook: 200 once it is stored, and an empty 4xx for anything else.

    Benchling sends a webhook again after a 503, the only 5xx. It means that the signing keys or
    the database cannot be reached.
    """
    try:
        if int(request.headers.get("Content-Length") or 0) > LONGEST_BODY:
            raise Rejected(413, "too large")
        if any(not request.headers.get(name) for name in HEADERS):
            raise Rejected(401, "unsigned")
        delivery, is_new = receive(request.headers, request.body)
    except Rejected as rejected:
        refusals.count(rejected.reason)
        return HttpResponse(status=rejected.status)
    except (RequestDataTooBig, UnreadablePostError, ValueError):
        refusals.count("malformed")
        return HttpResponse(status=400)
    except KeysUnreachable as error:
        logger.warning("A webhook was answered 503: no signing keys from %s", error)
        return HttpResponse(status=503)
    except (DatabaseError, InterfaceError) as error:
        logger.error("A webhook was answered 503: the database is unavailable: %s", error)
        return HttpResponse(status=503)
    if is_new:
        noticer.look_after(delivery, queued=bool(enqueue_deliveries([delivery])))
    return HttpResponse(status=200)
