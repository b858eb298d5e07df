"""Alerts: whatever is wrong is told once, told again while it lasts, and told when it is over.

`alert_round` is run every minute: it looks at the journal, opens and closes incidents there, and hands out their
notices. A channel that cannot be reached delays its notices and nothing else.
"""

from connector.alerts.audit import check_audit
from connector.alerts.channels import Channel, Mail, Webhook, channels_of
from connector.alerts.kinds import KINDS, Kind
from connector.alerts.rounds import alert_round, send_test

__all__ = ["KINDS", "Channel", "Kind", "Mail", "Webhook", "alert_round", "channels_of", "check_audit", "send_test"]
