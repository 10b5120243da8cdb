"""What comes in over HTTP beside the admin: a monitor's question, and Benchling's webhooks."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from registry_sync.webhooks import enqueue as doorbell
from registry_sync.webhooks import receive as webhooks
from registry_sync.webhooks import signing_keys as keys

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Take a webhook of Benchling: 200 once it is stored, a 4xx without a word for all else.

    503, the only 5xx, where the keys to verify it with cannot be had, or the database to store it:
    Benchling sends it again.
    """
    try:
        if int(request.headers.get("Content-Length") or 0) > webhooks.LONGEST_BODY:
            raise webhooks.Rejected(413, "too large")
        if any(not request.headers.get(name) for name in webhooks.HEADERS):
            raise webhooks.Rejected(401, "unsigned")
        delivery, is_new = webhooks.receive(request.headers, request.body)
    except webhooks.Rejected as rejected:
        webhooks.count(rejected)
        return HttpResponse(status=rejected.status)
    except (RequestDataTooBig, UnreadablePostError, ValueError):
        webhooks.count(webhooks.Rejected(400, "malformed"))
        return HttpResponse(status=400)
    except keys.KeysUnreachable as error:
        logger.warning("A webhook was answered 503: no keys to verify it, from %s", error)
        return HttpResponse(status=503)
    except DatabaseError as error:
        logger.error("A webhook was answered 503: the database cannot be used: %s", error)
        return HttpResponse(status=503)
    if is_new:
        doorbell.ring([delivery])
    return HttpResponse(status=200)
