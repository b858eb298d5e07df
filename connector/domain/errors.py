"""What the program must decide. What an admin must fix is an Issue (`issues.py`), never one of these."""


class ConnectorError(Exception):
    """Everything we raise on purpose."""


class ConfigError(ConnectorError):
    """Do not start: the configuration, a mapping file or the environment is wrong. The text says what to change."""


class RetryableError(ConnectorError):
    """The outside is busy or away; the retry policy may try again with the same idempotency key."""

    def __init__(self, message: str, *, after: float | None = None, away: bool = False, paced: bool = False) -> None:
        super().__init__(message)
        self.after = after  # seconds the vendor asked us to wait
        self.paced = (
            paced  # too many calls, and the limiter has slowed down since: the next one comes when there is room
        )
        self.away = away  # not reached or failing as a whole; not: this object is locked, or too many calls


class RejectedError(ConnectorError):
    """A vendor says no for good; the shell turns it into an Issue of the contract."""

    def __init__(
        self,
        message: str,
        *,
        vendor: str,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.vendor = vendor
        self.code = code
        self.param = param
        self.request_id = request_id
        self.status = status


class UnsafePlanError(ConnectorError):
    """A plan is over a safety limit, or was approved in another state than the present one."""


class NotConvergedError(ConnectorError):
    """After applying, a new plan is not empty: stop and alarm, something we do not understand is going on."""


class UnknownCurrencyError(ConnectorError):
    """A currency code that Stripe does not bill in."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"{currency!r} is not a currency that Stripe bills in")
        self.currency = currency
