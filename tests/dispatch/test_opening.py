"""Which engine the configuration names, and what is said when it cannot work here."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from connector.cli.main import app
from connector.cli.playground import Playground
from connector.config import Config, load_config
from connector.dispatch import open_dispatcher, upgrade_dispatcher
from connector.dispatch.lease_table import LeaseTableDispatcher
from connector.dispatch.procrastinate import ProcrastinateDispatcher
from connector.domain.errors import ConfigError
from connector.journal import open_journal
from tests.dispatch.engines import now
from tests.wiring import TODAY

Configure = Callable[..., Config]


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """A configuration for an engine and a database; no emulator runs."""

    def load(dispatcher: str, database: str | None = None) -> Config:
        with Playground(TODAY) as playground:
            path = playground.write_config(tmp_path / "config.toml")
        monkeypatch.setenv("CONNECTOR_JOBS__DISPATCHER", dispatcher)
        if database is not None:
            monkeypatch.setenv("CONNECTOR_DATABASE", database.replace("+psycopg", ""))
        return load_config(path, os.environ)

    return load


def test_the_default_needs_nothing(configured: Configure):
    config = configured("embedded")
    assert upgrade_dispatcher(config) is None
    with open_journal("sqlite://", upgrade=True) as journal:
        assert isinstance(open_dispatcher(config, journal, now), LeaseTableDispatcher)


def test_sqlite_cannot_be_shared_by_machines(configured: Configure):
    config = configured("procrastinate")
    with open_journal("sqlite://", upgrade=True) as journal:
        for refused in (lambda: open_dispatcher(config, journal, now), lambda: upgrade_dispatcher(config)):
            with pytest.raises(ConfigError, match=r"works on PostgreSQL only.*Set database to a postgresql:// URL"):
                refused()


def test_what_is_not_installed_is_named(configured: Configure, monkeypatch: pytest.MonkeyPatch):
    config = configured("procrastinate", "postgresql://u@nowhere/d")
    for name in [
        name for name in sys.modules if name.startswith(("procrastinate", "connector.dispatch.procrastinate"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    with open_journal("sqlite://", upgrade=True) as journal:
        for refused in (lambda: open_dispatcher(config, journal, now), lambda: upgrade_dispatcher(config)):
            with pytest.raises(ConfigError, match=r"pip install 'connector\[distributed\]'"):
                refused()


def test_no_start_of_the_program_loads_what_is_optional():
    code = "import sys, connector.dispatch, connector.cli.main; sys.exit('procrastinate' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.postgres
def test_its_tables_are_made_by_the_upgrade_and_missed_without(configured: Configure, postgres_url: str):
    config = configured("procrastinate", postgres_url)
    with open_journal(postgres_url, upgrade=True) as journal:
        with pytest.raises(ConfigError, match=r"no tables .*; run: connector db upgrade"):
            open_dispatcher(config, journal, now)
        assert upgrade_dispatcher(config) == "The tables of procrastinate were created"
        assert upgrade_dispatcher(config) == "The tables of procrastinate are there already"
        dispatcher = open_dispatcher(config, journal, now)
        assert isinstance(dispatcher, ProcrastinateDispatcher)
        dispatcher.close()


@pytest.mark.postgres
def test_the_command_makes_them_only_when_they_are_configured(configured: Configure, postgres_url: str, tmp_path: Path):
    for engine, there in (("embedded", False), ("procrastinate", True)):
        configured(engine, postgres_url)
        done = CliRunner().invoke(app, ["db", "upgrade", "--config", str(tmp_path / "config.toml")])
        assert done.exit_code == 0, done.output
        with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
            row = connection.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL").fetchone()
            assert row == (there,)
