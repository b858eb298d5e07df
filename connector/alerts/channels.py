"""The ways out: a webhook that Slack and Mattermost understand, and mail. A channel sends, or raises DeliveryError."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import urlsplit

import requests

from connector.config import AlertsConfig
from connector.config.rules import is_loopback
from connector.config.secrets import SecretRef
from connector.domain.errors import ConfigError
from connector.masking import masked

_TIMEOUT = 10.0


class DeliveryError(Exception):
    """A message did not get through; the text says why, without secrets."""

    def __init__(self, text: str) -> None:
        super().__init__(masked(text))


@dataclass(frozen=True, slots=True)
class Message:
    """What is said: a line, and the text below it."""

    subject: str
    text: str


class Channel(Protocol):
    """A way out; `name` is webhook or mail."""

    @property
    def name(self) -> str:
        """Return what the channel is called in the journal."""
        ...

    def send(self, message: Message) -> None:
        """Send a message. Raises DeliveryError, or ConfigError when a secret is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that takes {"text": ...}. Its address is a secret, read at every use."""

    address: SecretRef
    name: str = "webhook"

    def send(self, message: Message) -> None:
        """Post it. A redirect is refused: it would carry the message elsewhere."""
        url = self.address.resolve()
        if urlsplit(url).scheme != "https" and not _on_this_machine(url):
            raise ConfigError("alerts.webhook  CFG-010 the webhook must begin with https://  Check the secret.")
        text = f"*{_plain(message.subject)}*\n{_plain(message.text)}"
        try:
            answer = requests.post(url, json={"text": text}, timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            raise DeliveryError(f"the webhook did not answer ({type(error).__name__})") from None
        if not answer.ok or answer.is_redirect:
            raise DeliveryError(f"the webhook answered {answer.status_code}: {answer.text[:200]}")


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail by way of a server that takes it."""

    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: SecretRef | None = None
    name: str = "mail"
    context: Callable[[], ssl.SSLContext] = field(default=ssl.create_default_context, repr=False)

    def send(self, message: Message) -> None:
        """Send it to all recipients in one mail."""
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.subject, self.sender, ", ".join(self.recipients)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=self.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{message.text}\n")
        password = self.password.resolve() if self.password else ""
        try:
            with self._connected() as server:
                if self.security == "starttls":
                    server.starttls(context=self.context())
                if self.user:
                    server.login(self.user, password)
                server.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"the mail server {self.host} did not take it: {error}") from None

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT, context=self.context())
        return smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT)


def channels_of(config: AlertsConfig) -> tuple[Channel, ...]:
    """Return the channels that are configured."""
    found: list[Channel] = []
    if config.webhook is not None:
        found.append(Webhook(config.webhook))
    if config.smtp_host is not None:
        found.append(
            Mail(
                host=config.smtp_host,
                port=config.smtp_port,
                security=config.smtp_security,
                sender=config.mail_from or "",
                recipients=config.recipients,
                user=config.smtp_user,
                password=config.smtp_password,
            )
        )
    return tuple(found)


def _on_this_machine(url: str) -> bool:
    parts = urlsplit(url)
    return is_loopback(f"{parts.scheme}://{parts.netloc}")


def _plain(text: str) -> str:
    """Return text as Slack shows it: these three signs begin its own markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
