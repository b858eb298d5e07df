"""`config`, `db`, `version`, usage errors, and what every command prints where."""

import re

import pytest

from connector import __version__
from connector.journal.schema import head
from tests.cli.conftest import Shop

ANSI = re.compile(r"\x1b\[")


def test_config_show_names_every_source_and_no_secret(new_shop: Shop):
    ran = new_shop.run("config", "show")
    assert (ran.code, ran.err) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert rows["mode"] == f"test  ({new_shop.config}:2)"
    assert rows["time_zone"] == "UTC  (default)"
    assert rows["stripe.api_key"].startswith("file:")
    assert "sk_test_" not in ran.out
    assert new_shop.salesforce.connected_app.consumer_secret not in ran.out


def test_config_show_names_variables(new_shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONNECTOR_TIME_ZONE", "Europe/Berlin")
    rows = {row["key"]: row for row in new_shop.run("config", "show", "--json").document["settings"]}
    assert (rows["time_zone"]["value"], rows["time_zone"]["place"]) == ("Europe/Berlin", "CONNECTOR_TIME_ZONE")


def test_a_wrong_configuration_is_said_with_its_line(new_shop: Shop):
    new_shop.configure(('mode = "test"', 'mod = "test"'))
    ran = new_shop.run("plan")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"{new_shop.config}:2")
    assert "mode" in ran.err


def test_no_configuration(new_shop: Shop):
    ran = new_shop.bare("plan", "--config", "/nowhere.toml")
    assert (ran.code, ran.out) == (3, "")
    assert "there is no configuration file  Copy config.example.toml to /nowhere.toml and edit it." in ran.err


def test_without_option_the_file_in_this_folder_counts(new_shop: Shop):
    assert new_shop.bare("config", "show").code == 0


@pytest.mark.parametrize("command", [["plan"], ["sync"], ["status"], ["doctor"], ["apply"]])
def test_without_a_journal_the_remedy_is_a_command(new_shop: Shop, command: list[str]):
    ran = new_shop.run(*command)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith("; run: connector db upgrade\n")


def test_the_journal_is_made_once(new_shop: Shop):
    assert new_shop.run("db", "current").out == f"database empty, program {head()}\n"
    assert new_shop.run("db", "upgrade").err == f"The journal is at version {head()} (was empty).\n"
    assert new_shop.run("db", "upgrade").err == f"The journal is at version {head()} already.\n"
    assert new_shop.run("db", "current").out == f"database {head()}, program {head()}\n"


def test_an_unknown_connection_names_those_there_are(shop: Shop):
    ran = shop.run("plan", "--connection", "hubspot")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "there is no connection 'hubspot'. Use --connection NAME; configured: salesforce.\n"


def test_version(new_shop: Shop):
    assert new_shop.bare("version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["plan", "--bogus"], "No such option: --bogus"),
        (["approve", "abc"], "Missing option '--by'"),
        (["explain"], "Missing argument"),
        (["approve", "abc", "--by", "a", "--reason", "b", "--hours", "many"], "Invalid value for '--hours'"),
        (["db", "bogus"], "No such command 'bogus'"),
    ],
)
def test_usage_errors_are_64(new_shop: Shop, arguments: list[str], words: str):
    ran = new_shop.bare(*arguments)
    assert (ran.code, ran.out) == (64, "")
    assert words in ran.err
    assert "Usage: connector" in ran.err


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["db", "--help"], ["sandbox", "--help"]])
def test_help(new_shop: Shop, arguments: list[str]):
    ran = new_shop.bare(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert "Usage: connector" in ran.out


def test_json_is_alone_on_stdout_and_nothing_is_coloured(shop: Shop):
    order = shop.orders["ramp"]
    for command in (
        ["plan", order],
        ["explain", order],
        ["sync", order, shop.orders["gap"]],
        ["apply", order, "--yes"],
        ["status"],
        ["doctor"],
        ["config", "show"],
    ):
        ran = shop.run(*command, "--json")
        assert ran.document["schema_version"] == 1
        plain = shop.run(*command)
        assert not ANSI.search(ran.out + ran.err + plain.out + plain.err)


def test_a_bug_says_so_and_is_code_1(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr("connector.cli.plan.print_plan")
    ran = shop.run("plan", shop.orders["ramp"])
    assert ran.code == 1
    assert "This is a bug in the connector." in ran.err
    assert "NameError" in ran.err
