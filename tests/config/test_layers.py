"""Which layer wins, and what comes out: values, sources, hash, nothing secret."""

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from connector.config import Config, SalesforceConnection, StripeConfig, explain_config, load_config
from connector.config.secrets import SecretRef
from connector.plan.safety import Limits

FILE = """mode = "test"
time_zone = "Europe/Berlin"
[stripe]
api_key = "env:KEY"
[crm.prod]
kind = "salesforce"
mapping = "maps/cpq.yaml"
auth = "password"
domain = "acme.my"
client_id = "env:ID"
client_secret = "file:secret.txt"
username = "robot@acme.example"
password = "env:PASSWORD"
[safety]
max_contract_amount = { USD = 250_000.50, "*" = 100 }
max_changed_share = 0.5
[jobs]
housekeeping_every_hours = 4
"""


def salesforce(config: Config) -> SalesforceConnection:
    connection = config.crm["prod"]
    assert isinstance(connection, SalesforceConnection)
    return connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_environment_over_file_over_default(path: Path) -> None:
    config = load_config(
        path,
        {"CONNECTOR_JOBS__HOUSEKEEPING_EVERY_HOURS": "16", "CONNECTOR_TIME_ZONE": "", "connector_log__level": "debug"},
    )
    assert config.jobs.housekeeping_every_hours == 16  # environment over file
    assert config.time_zone == "Europe/Berlin"  # an empty variable is not set
    assert config.zone == ZoneInfo("Europe/Berlin")
    assert config.jobs.sync_every_seconds == 60  # default
    assert config.log.level == "debug"


def test_variables_reach_every_depth(path: Path) -> None:
    env = {
        "CONNECTOR_CRM__PROD__API_VERSION": "63.0",
        "CONNECTOR_CRM__PROD__SANDBOX": "true",
        "CONNECTOR_SAFETY__MAX_CONTRACT_AMOUNT": '{"eur": 7.5}',
        "CONNECTOR_SAFETY__MAX_CONTRACT_AMOUNT__GBP": "8",
        "CONNECTOR_STRIPE": '{"requests_per_second": 90}',
    }
    config = load_config(path, env)
    connection = config.crm["prod"]
    assert isinstance(connection, SalesforceConnection)
    assert connection.api_version == "63.0"
    assert connection.sandbox is True
    amounts = {"usd": Decimal("250000.50"), "*": Decimal(100), "eur": Decimal("7.5"), "gbp": Decimal(8)}
    assert config.safety.max_contract_amount == amounts
    assert config.stripe.requests_per_second == 90
    assert config.stripe.api_key.reference == "env:KEY"  # tables are joined


def test_a_secret_in_its_variable_becomes_a_reference(path: Path) -> None:
    env = {
        "CONNECTOR_STRIPE__API_KEY": "sk_test_hunter2hunter2",
        "CONNECTOR_CRM__PROD__PASSWORD": "12345",
        "CONNECTOR_CRM__PROD__CLIENT_ID": "env:OTHER",
        "CONNECTOR_DATABASE": "postgresql://u:hunter2@db/x",
        "OTHER": "consumer",
    }
    config = load_config(path, env)
    assert config.stripe.api_key.reference == "env:CONNECTOR_STRIPE__API_KEY"
    assert config.stripe.api_key.resolve() == "sk_test_hunter2hunter2"
    connection = salesforce(config)
    assert connection.password is not None
    assert connection.password.resolve() == "12345"
    assert connection.client_id is not None
    assert connection.client_id.resolve() == "consumer"
    assert config.database == "env:CONNECTOR_DATABASE"
    assert config.database_url() == "postgresql://u:hunter2@db/x"


def test_nothing_secret_shows(path: Path) -> None:
    env = {
        "KEY": "sk_test_hunter2hunter2",
        "PASSWORD": "hunter2",
        "CONNECTOR_DATABASE": "postgresql://u:hunter2@db/x",
        "CONNECTOR_CRM__PROD__CLIENT_SECRET": "hunter2",
    }
    config = load_config(path, env)
    secrets = (config.stripe.api_key, salesforce(config).password, salesforce(config).client_secret)
    shown = (config, config.model_dump(), config.model_dump_json(), explain_config(config), *secrets, vars(config))
    for value in shown:
        assert "hunter2" not in f"{value}{value!r}"
    assert "hunter2" not in repr(config.__pydantic_private__)


@pytest.mark.parametrize("name", ["CONNECTOR_KEY", "CONNECTOR_STRIPE_API_KEY", "CONNECTOR_X__Y"])
def test_a_variable_that_a_reference_names_is_no_setting(path: Path, name: str) -> None:
    path.write_text(FILE.replace("env:KEY", f"env:{name}"), encoding="utf-8")
    assert load_config(path, {name: "rk_test_1"}).stripe.api_key.resolve() == "rk_test_1"


def test_variables_of_others_are_left_alone(path: Path) -> None:
    assert load_config(path, {"CONNECTOR_TEST_POSTGRES_URL": "x", "PATH": "y", "CONNECTOR_CONFIG": "z"})


def test_paths_start_at_the_file(path: Path) -> None:
    config = load_config(path, {})
    assert config.crm["prod"].mapping == path.parent / "maps/cpq.yaml"
    assert config.database_url() == f"sqlite:///{path.parent}/connector.db"
    (path.parent / "secret.txt").write_text("s3\n", encoding="utf-8")
    (path.parent / "secret.txt").chmod(0o600)
    connection = salesforce(config)
    assert connection.client_secret is not None
    assert connection.client_secret.resolve() == "s3"


@pytest.mark.parametrize(
    ("database", "url"),
    [
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:////var/lib/journal.db", "sqlite:////var/lib/journal.db"),
        ("postgresql://connector@db/journal", "postgresql://connector@db/journal"),
    ],
)
def test_other_databases(path: Path, database: str, url: str) -> None:
    assert load_config(path, {"CONNECTOR_DATABASE": database}).database_url() == url


def test_explained(path: Path) -> None:
    rows = {
        row.key: row for row in explain_config(load_config(path, {"CONNECTOR_JOBS__HOUSEKEEPING_EVERY_HOURS": "16"}))
    }
    shown = {key: (row.value, row.layer, row.place) for key, row in rows.items()}
    assert shown["jobs.housekeeping_every_hours"] == ("16", "env", "CONNECTOR_JOBS__HOUSEKEEPING_EVERY_HOURS")
    assert shown["stripe.api_key"] == ("env:KEY", "file", f"{path}:4")
    assert shown["safety.max_contract_amount.usd"] == ("250000.50", "file", f"{path}:15")
    assert shown["stripe.allow_remote_base_url"] == ("false", "default", "")
    assert shown["crm.prod.sandbox"] == ("", "default", "")


def test_the_hash_is_of_the_content(path: Path, tmp_path: Path) -> None:
    first = load_config(path, {"KEY": "a"})
    moved = tmp_path / "elsewhere" / "other.toml"
    moved.parent.mkdir()
    moved.write_text("# the same\n" + FILE, encoding="utf-8")
    assert len(first.hash) == 64
    assert load_config(moved, {"KEY": "b"}).hash == first.hash
    assert load_config(path, {"CONNECTOR_JOBS__HOUSEKEEPING_EVERY_HOURS": "5"}).hash != first.hash
    assert load_config(path, {"CONNECTOR_JOBS__HOUSEKEEPING_EVERY_HOURS": "4"}).hash == first.hash


def test_the_limits_of_the_plan(path: Path) -> None:
    limits = load_config(path, {}).safety.limits()
    assert limits == Limits(
        max_contract_amount={"usd": Decimal("250000.50"), "*": Decimal(100)}, max_changed_share=Decimal("0.5")
    )
    path.write_text(FILE.partition("[safety]")[0], encoding="utf-8")
    assert load_config(path, {}).safety.limits() == Limits()


def test_settings_do_not_change(path: Path) -> None:
    config = load_config(path, {})
    with pytest.raises(ValidationError):
        config.mode = "live"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.crm["other"] = config.crm["prod"]  # type: ignore[index]


def test_made_in_code() -> None:
    config = Config(
        stripe=StripeConfig(api_key=SecretRef("env:KEY")),
        crm={
            "sf": SalesforceConnection.model_validate(
                {
                    "kind": "salesforce",
                    "mapping": "m.yaml",
                    "auth": "session",
                    "session_id": "env:SID",
                    "instance_url": "https://acme.my.salesforce.com",
                }
            )
        },
    )
    assert config.database_url() == "sqlite:///connector.db"
    assert config.sources == {}
    assert config.hash
    with pytest.raises(ValidationError) as caught:
        StripeConfig.model_validate({"api_key": "hunter2"})
    assert "hunter2" not in str(caught.value)
