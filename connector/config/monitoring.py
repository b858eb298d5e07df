"""The tables [monitor] and [alerts]: where the process tells how it is, and whom it calls."""

import re
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from connector.config.rules import fault
from connector.config.tables import Settings
from connector.config.types import Secret

_MAIL = re.compile(r"[^@\s,]+@[^@\s,]+")


class MonitorConfig(Settings):
    """A page for monitoring: /metrics, /healthz, /readyz and /status."""

    enabled: bool = False
    """Serve the page while the scheduled jobs run."""
    address: str = Field(default="127.0.0.1", pattern=r"^[0-9A-Fa-f.:]+$")
    """The address to listen on. The page asks for no login: another one than 127.0.0.1 only behind a fence."""
    port: int = Field(default=9464, ge=0, le=65_535)
    """The port to listen on; 0 takes any that is free, and the log says which."""
    late_after_slots: int = Field(default=5, ge=1, le=1_000)
    """After how many slots without a sync /readyz says no."""


class AlertsConfig(Settings):
    """Who is told when something is wrong, and from when on it is."""

    webhook: Secret | None = None
    """Reference to the address of a webhook that takes {"text": ...}, as Slack's and Mattermost's do."""
    smtp_host: str | None = None
    """The mail server; left out, no mail is sent."""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    """The mail server's port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to the mail server is kept secret; none is for a server on this machine."""
    smtp_user: str | None = None
    """The user at the mail server, where it asks for one; written out, it is no secret."""
    smtp_password: Secret | None = None
    """Reference to the password of smtp_user."""
    mail_from: str | None = Field(default=None, validate_default=True)
    """The sender of the mails."""
    mail_to: str | None = Field(default=None, validate_default=True)
    """Who gets the mails; several addresses with commas between them."""
    runbook: str = "docs/operations.md"
    """Where the page with what to do is kept: an address or a path. Alerts link to its sections."""
    remind_every_hours: float = Field(default=24, gt=0, le=8_760)
    """Hours after which an alert is told again while nothing has changed."""
    close_after_minutes: float = Field(default=10, ge=0, le=1_440)
    """Minutes for which something must be well before its alert is closed."""
    lag_minutes: float = Field(default=30, gt=0, le=525_600)
    """Minutes without a sync of a connection that alarm."""
    failure_hours: float = Field(default=24, gt=0, le=8_760)
    """Hours for which a contract may be failed, refused or waiting."""
    intent_hours: float = Field(default=1, gt=0, le=8_760)
    """Hours for which a write to Stripe may be without an answer."""
    breaker_minutes: float = Field(default=10, gt=0, le=10_080)
    """Minutes for which a vendor may be away."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Return the addresses of mail_to."""
        return tuple(part.strip() for part in (self.mail_to or "").split(",") if part.strip())

    @field_validator("mail_from", "mail_to")
    @classmethod
    def _check_mail(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("smtp_host"):
            raise fault("CFG-009", "with smtp_host", f"{info.field_name} is needed")
        parts = [part.strip() for part in (value or "").split(",")] if value is not None else []
        if any(not _MAIL.fullmatch(part) for part in parts) or (info.field_name == "mail_from" and len(parts) > 1):
            raise fault("CFG-005", f"{info.field_name} is no mail address", "Write ops@acme.example.")
        return value

    @field_validator("smtp_security")
    @classmethod
    def _check_security(cls, value: str, info: ValidationInfo) -> str:
        if value == "none" and info.data.get("smtp_host") not in {None, "localhost", "127.0.0.1", "::1"}:
            raise fault("CFG-010", "mail to another machine must be secret", 'Write smtp_security = "starttls".')
        return value
