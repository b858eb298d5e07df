"""Where a secret is kept, never the secret itself: `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`.

A reference is read when it is used, so a rotated secret needs no restart of what reads it again. Nothing here prints or
logs what was read; it is only remembered as something to be masked in every line of the log (`connector.masking`).
`hide_secrets` masks what looks like a secret in text that came from outside.
"""

import importlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connector.domain.errors import ConfigError
from connector.masking import SECRET, remember_secret

HOW = "Write env:NAME, file:PATH or keyring:SERVICE/USER."
REFERENCE_PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keyring:.+/.+)$"

_REFERENCE = re.compile(REFERENCE_PATTERN)
_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A reference; relative files start at `folder`, names of variables are looked up in `env`."""

    reference: str
    folder: Path = field(default=Path(), repr=False)
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_reference(self.reference):
            raise ConfigError(f"CFG-006 a secret must not stand in the configuration  {HOW}")

    def __str__(self) -> str:
        return self.reference

    def resolve(self) -> str:
        """Read the secret. Raises ConfigError, with what to do, when it is not there or not kept safely."""
        value = self._read()
        remember_secret(value)
        return value

    def _read(self) -> str:
        scheme, _, place = self.reference.partition(":")
        match scheme:
            case "env":
                return self._variable(place)
            case "file":
                return self._file(self.folder / Path(place).expanduser())
            case _:
                return self._keyring(*place.rsplit("/", 1))

    def _variable(self, name: str) -> str:
        value = self.env.get(name, "")
        if not value:
            raise self._fault(f"the environment variable {name} is not set", f"Set {name} where the program runs.")
        return value

    def _file(self, path: Path) -> str:
        try:
            status = path.stat()
            content = path.read_bytes() if path.is_file() and status.st_size <= _MAX_BYTES else None
        except OSError as error:
            raise self._fault(f"{path} cannot be read ({error.strerror})", "Check the path and its owner.") from None
        if content is None:
            raise self._fault(f"{path} is not a file of at most {_MAX_BYTES} bytes", "Check the path.")
        if os.name == "posix" and status.st_mode & 0o007:
            raise self._fault(
                f"{path} is open to every user of this machine (mode {status.st_mode & 0o777:04o})",
                f"Run chmod 600 {path}, or set defaultMode: 0400 where a container mounts it.",
            )
        text = content.decode("utf-8", errors="replace").removeprefix("\ufeff").rstrip("\r\n")
        if not text or "\ufffd" in text:
            raise self._fault(f"{path} is {'not UTF-8 text' if text else 'empty'}", "Write the secret into it.")
        return text

    def _keyring(self, service: str, user: str) -> str:
        try:
            keyring = importlib.import_module("keyring")
        except ImportError:
            raise self._fault(
                "the keyring package is not installed", "Run pip install keyring, or use env:NAME or file:PATH."
            ) from None
        try:
            value = keyring.get_password(service, user)
        except keyring.errors.KeyringError as error:
            raise self._fault(
                f"the keyring does not open ({type(error).__name__})", "Unlock it and try again."
            ) from None
        if not value:
            raise self._fault(
                f"the keyring knows no user {user} of {service}",
                f"Run keyring set {service} {user} and paste the secret.",
            )
        return str(value)

    def _fault(self, text: str, remedy: str) -> ConfigError:
        return ConfigError(f"{self.reference}  CFG-013 {text}  {remedy}")


def is_reference(text: str) -> bool:
    """Tell whether the text has the form of a reference."""
    return _REFERENCE.fullmatch(text) is not None


def holds_secret(text: str) -> bool:
    """Tell whether something in the text looks like a Stripe key, a signing secret or a private key."""
    return SECRET.search(text) is not None


def hide_secrets(text: str) -> str:
    """Return the text with what looks like a secret masked."""
    return SECRET.sub("(secret)", text)
