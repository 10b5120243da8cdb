"""What Django and RQ import by a dotted path: every such string stands here, and nowhere else.

Queued RQ jobs hold the first four. After a rename, a worker cannot import the jobs that were
queued before it: they fail in RQ, and the reconciler queues their runs, previews, comparisons and
deliveries again.
"""

from __future__ import annotations

RUN_SYNC = "registry_sync.jobs.tasks.run_sync"
RUN_PREVIEW = "registry_sync.jobs.tasks.run_preview"
RUN_RECONCILIATION = "registry_sync.jobs.tasks.run_reconciliation"
WORK_DELIVERY = "registry_sync.webhooks.handlers.work_deliveries"
RQ_SERIALIZER = "rq.serializers.JSONSerializer"
WORKER_CLASS = "registry_sync.jobs.worker.QuickWorker"
ADMIN_SITE = "registry_sync.desk.site.Desk"
ADMIN_APP = "registry_sync.apps.DeskConfig"
OUTDATED_FORM = "registry_sync.desk.error_pages.outdated_form"
LOG_FORMATTERS = {
    "text": "registry_sync.reporting.log_lines.SecretFreeFormatter",
    "json": "registry_sync.reporting.log_lines.JsonFormatter",
}
