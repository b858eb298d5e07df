"""What is said about wrong files and variables: all of it, exactly, and nothing secret."""

import re
import zoneinfo
from pathlib import Path

import pytest

from connector.config import load_config
from connector.domain.errors import ConfigError
from tests.config.wrong_files import CRM, GOOD, WRONG


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(text: str, env: dict[str, str] | None = None) -> ConfigError:
    Path("config.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(None, env or {})
    return caught.value


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file(text: str, message: str) -> None:
    error = refusal(text)
    assert re.sub(r"(?<=Europe/Berlin, )[^?]+", "…", str(error)) == message  # the rest is the machine's zone list
    assert "hunter2" not in f"{error!r}{error.__cause__!r}{error.__context__!r}"


def test_all_faults_at_once_by_line_then_the_environment() -> None:
    text = (
        'mdoe = "live"\n[stripe]\napi_key = "sk_live_hunter2hunter2"\nmode = "live"\n[crm.prod]\nkind = "pipedrive"\n'
        'auth = "jwt"\n[crm.dev]\nkind = "salesforce"\nmapping = "x"\nauth = "session"\n[saftey]\n[jobs]\n'
        "sync_every_seconds = 0\n"
    )
    env = {"CONNECTOR_MOED": "live", "CONNECTOR_LOG__LEVEL": "loud", "CONNECTOR_STRIPE_API_KEY": "hunter2"}
    lines = str(refusal(text, env)).splitlines()
    assert [line.partition(" ")[0] + " " + line.split()[1] for line in lines] == [
        "config.toml:1 CFG-003",
        "config.toml:3 CFG-006",
        "config.toml:4 CFG-003",
        "config.toml:5 CFG-004",
        "config.toml:5 CFG-009",
        "config.toml:6 CFG-008",
        "config.toml:8 CFG-009",
        "config.toml:12 CFG-003",
        "config.toml:14 CFG-005",
        "CONNECTOR_LOG__LEVEL CFG-005",
        "CONNECTOR_MOED CFG-003",
        "CONNECTOR_STRIPE_API_KEY CFG-003",
    ]
    assert "hunter2" not in "".join(lines)


def test_every_sandbox_of_a_live_file_is_named() -> None:
    other = CRM.replace("crm.sf", "crm.uat") + "sandbox = true\n"
    text = 'mode = "live"\n' + GOOD + 'domain = "acme--uat.sandbox.my"\n' + other
    assert [line.split()[0] for line in str(refusal(text)).splitlines()] == ["config.toml:10", "config.toml:17"]


VARIABLES = {
    "typing error": (
        {"CONNECTOR_MOED": "live"},
        "CONNECTOR_MOED  CFG-003 this variable is no setting  Did you mean: CONNECTOR_MODE?",
    ),
    "one underscore": (
        {"CONNECTOR_STRIPE_API_KEY": "hunter2"},
        "CONNECTOR_STRIPE_API_KEY  CFG-003 this variable is no setting  Did you mean: CONNECTOR_STRIPE__API_KEY?",
    ),
    "unknown table": (
        {"CONNECTOR_PAYMENTS__KEY": "hunter2"},
        (
            "CONNECTOR_PAYMENTS__KEY  CFG-003 this variable is no setting  "
            "Variables begin with CONNECTOR_ and the name of a table."
        ),
    ),
    "unknown key": (
        {"CONNECTOR_STRIPE__API_KYE": "hunter2"},
        'CONNECTOR_STRIPE__API_KYE  CFG-003 unknown key "api_kye" in [stripe]  Did you mean: api_key?',
    ),
    "wrong value": (
        {"CONNECTOR_JOBS__SYNC_EVERY_SECONDS": "many"},
        'CONNECTOR_JOBS__SYNC_EVERY_SECONDS  CFG-005 sync_every_seconds is "many", expected a number  Or write "off".',
    ),
    "key for a mode": (
        {"CONNECTOR_MODE": "sk_live_hunter2hunter2"},
        'CONNECTOR_MODE  CFG-005 mode is "(secret)", expected test or live',
    ),
    "no JSON": (
        {"CONNECTOR_STRIPE": "hunter2"},
        (
            "CONNECTOR_STRIPE  CFG-005 a table in one variable must be JSON  "
            'Write {"key": "value"}, or one variable for each key.'
        ),
    ),
    "JSON where none is read": (
        {"CONNECTOR_CRM__SF": '{"password": "hunter2"}'},
        "CONNECTOR_CRM__SF  CFG-005 sf is text, expected a table",
    ),
    "secret inside JSON": (
        {"CONNECTOR_STRIPE": '{"api_key": "hunter2"}'},
        (
            "CONNECTOR_STRIPE  CFG-006 api_key is no reference, and a secret must not stand in the file  "
            "Write env:NAME, file:PATH or keyring:SERVICE/USER."
        ),
    ),
}


@pytest.mark.parametrize(("env", "message"), VARIABLES.values(), ids=VARIABLES)
def test_a_wrong_variable(env: dict[str, str], message: str) -> None:
    assert str(refusal(GOOD, env)) == message


def test_no_time_zones_on_this_machine() -> None:
    zoneinfo.reset_tzpath(to=[])
    try:
        if not zoneinfo.available_timezones():  # else the tzdata package is installed
            assert str(refusal('time_zone = "UTC"\n' + GOOD)) == (
                "config.toml:1  CFG-005 this machine has no list of time zones  Run pip install tzdata."
            )
    finally:
        zoneinfo.reset_tzpath()


def test_no_file() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {})
    assert str(caught.value) == (
        "config.toml  CFG-001 there is no configuration file  Copy config.example.toml to config.toml and edit it."
    )


def test_a_folder_or_other_bytes_instead_of_a_file() -> None:
    Path("folder").mkdir()
    Path("latin.toml").write_bytes(b"mode = '\xe4'")
    for name, text in {"folder": "cannot be read", "latin.toml": "is not UTF-8 text"}.items():
        with pytest.raises(ConfigError, match=f"^{name}  CFG-001 {text}"):
            load_config(Path(name), {})
