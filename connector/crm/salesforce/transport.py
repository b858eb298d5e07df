"""The HTTP session below the Salesforce client; what it does is in `connector/crm/transport.py`."""

from typing import Any

from connector.crm.transport import CrmTransport, RedirectedAdapter, ServerClock

__all__ = ["RedirectedAdapter", "SalesforceTransport", "ServerClock"]


class SalesforceTransport(CrmTransport):
    """A pooled session for many threads; raises RetryableError when no answer comes."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Salesforce", **options)
