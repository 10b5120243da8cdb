"""The channels by which alerts reach people.

To add one, write a class in a module of its own, name it in `AlertMessage.Channel`, and add it to
CHANNELS.
"""

from __future__ import annotations

from registry_sync.models import AlertMessage
from registry_sync.monitoring.channels.base import Channel, Unsent
from registry_sync.monitoring.channels.mail import Mail
from registry_sync.monitoring.channels.slack import Slack
from registry_sync.monitoring.channels.teams import Teams
from registry_sync.monitoring.channels.webhook import Webhook

__all__ = ["CHANNELS", "Channel", "Unsent"]

CHANNELS: dict[str, Channel] = {
    AlertMessage.Channel.EMAIL: Mail(),
    AlertMessage.Channel.WEBHOOK: Webhook(),
    AlertMessage.Channel.SLACK: Slack(),
    AlertMessage.Channel.TEAMS: Teams(),
}
"""By `AlertMessage.channel`."""
