"""References to secrets: read when used, refused when kept carelessly, never shown."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from connector.config.secrets import SecretRef, hide_secrets, holds_secret
from connector.domain.errors import ConfigError


def refusal(reference: str, folder: Path = Path(), env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        SecretRef(reference, folder, env or {}).resolve()
    return str(caught.value)


@pytest.fixture
def secret_file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes = b"hunter2\n", mode: int = 0o600) -> Path:
        path = tmp_path / "secret"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


@pytest.mark.parametrize(
    "text", ["hunter2", "sk_test_hunter2", "env:", "env:A B", "file:", "keyring:x", "vault:x", "env:A\n", ""]
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SecretRef(text)
    assert str(caught.value) == (
        "CFG-006 a secret must not stand in the configuration  Write env:NAME, file:PATH or keyring:SERVICE/USER."
    )


def test_a_variable_is_read_when_used() -> None:
    env = {"KEY": "one"}
    reference = SecretRef("env:KEY", env=env)
    env["KEY"] = "two"
    assert reference.resolve() == "two"


def test_the_process_environment_unless_another_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "hunter2")
    assert SecretRef("env:KEY").resolve() == "hunter2"


@pytest.mark.parametrize("env", [{}, {"KEY": ""}])
def test_a_variable_that_is_not_set(env: dict[str, str]) -> None:
    assert refusal("env:KEY", env=env) == (
        "env:KEY  CFG-013 the environment variable KEY is not set  Set KEY where the program runs."
    )


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n", b"\xef\xbb\xbfhunter2\n"])
def test_a_file(secret_file: Callable[..., Path], content: bytes) -> None:
    path = secret_file(content)
    assert SecretRef("file:secret", path.parent).resolve() == "hunter2"
    assert SecretRef(f"file:{path}").resolve() == "hunter2"


def test_a_file_of_several_lines(secret_file: Callable[..., Path]) -> None:
    path = secret_file(b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    assert SecretRef("file:secret", path.parent).resolve().count("\n") == 2


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_file_that_is_kept_well(secret_file: Callable[..., Path], mode: int) -> None:
    assert SecretRef("file:secret", secret_file(mode=mode).parent).resolve() == "hunter2"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666])
def test_a_file_that_is_open_to_all(secret_file: Callable[..., Path], mode: int) -> None:
    path = secret_file(mode=mode)
    assert refusal("file:secret", path.parent) == (
        f"file:secret  CFG-013 {path} is open to every user of this machine (mode {mode:04o})  "
        f"Run chmod 600 {path}, or set defaultMode: 0400 where a container mounts it."
    )


def test_a_link_is_judged_by_its_file(secret_file: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(secret_file(mode=0o644))
    assert "mode 0644" in refusal("file:link", tmp_path)


@pytest.mark.parametrize(
    ("content", "text"), [(b"\n", "is empty"), (b"\xff\xfe", "is not UTF-8 text"), (b"x" * 70_000, "is not a file of")]
)
def test_a_file_without_a_secret(secret_file: Callable[..., Path], content: bytes, text: str) -> None:
    assert text in refusal("file:secret", secret_file(content).parent)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory)" in refusal("file:none", tmp_path)
    assert "is not a file of at most" in refusal(f"file:{tmp_path}")


def test_no_keyring_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert refusal("keyring:connector/stripe") == (
        "keyring:connector/stripe  CFG-013 the keyring package is not installed  "
        "Run pip install keyring, or use env:NAME or file:PATH."
    )


class LockedError(Exception):
    """Stands for keyring.errors.KeyringError."""


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    known: dict[tuple[str, str], str] = {}

    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise LockedError
        return known.get((service, user))

    module = ModuleType("keyring")
    vars(module).update(get_password=get_password, errors=SimpleNamespace(KeyringError=LockedError))
    monkeypatch.setitem(sys.modules, "keyring", module)
    return known


def test_a_keyring(keyring: dict[tuple[str, str], str]) -> None:
    keyring["connector/prod", "stripe"] = "hunter2"
    assert SecretRef("keyring:connector/prod/stripe").resolve() == "hunter2"
    assert refusal("keyring:connector/sf").endswith("Run keyring set connector sf and paste the secret.")
    assert "the keyring does not open (LockedError)" in refusal("keyring:locked/x")


def test_a_reference_shows_the_place_only() -> None:
    reference = SecretRef("env:KEY", env={"KEY": "hunter2"})
    assert str(reference) == "env:KEY"
    assert repr(reference) == "SecretRef(reference='env:KEY')"
    assert reference == SecretRef("env:KEY", env={})


@pytest.mark.parametrize(
    "text",
    [
        "sk_test_abcdefgh",
        "rk_live_abcdefgh",
        "whsec_abcdefgh",
        "x=sk_live_12345678;",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret(text: str) -> None:
    assert holds_secret(text)
    assert "(secret)" in hide_secrets(text)


@pytest.mark.parametrize(
    "text", ["sk_test_...", "rk_", "task_something_long", "env:STRIPE_API_KEY", "disk_test_12345678"]
)
def test_what_does_not(text: str) -> None:
    assert not holds_secret(text)
    assert hide_secrets(text) == text
