"""Rules between settings, as tables."""

import pytest

from connector.config import SalesforceConnection, check_key_mode, check_sandbox
from connector.config.rules import has_password, is_base_url, is_loopback, is_salesforce_url
from connector.domain.errors import ConfigError


@pytest.mark.parametrize("kind", ["sk", "rk"])
@pytest.mark.parametrize("mode", ["test", "live"])
def test_a_key_of_the_same_mode(kind: str, mode: str) -> None:
    check_key_mode(f"{kind}_{mode}_abc", mode)


@pytest.mark.parametrize(("key", "mode", "other"), [("rk_live_x", "test", "live"), ("sk_test_x", "live", "test")])
def test_a_key_of_the_other_mode(key: str, mode: str, other: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_key_mode(key, mode)
    assert str(caught.value) == (
        f'stripe.api_key  CFG-011 a {other} key does not go with mode = "{mode}"  '
        f'Use a {mode} key, or set mode = "{other}" if that is what you mean.'
    )


@pytest.mark.parametrize(
    "key", ["", "hunter2", "pk_live_hunter2", "sk_hunter2", "sk_test_hunter2 ", "Bearer sk_test_hunter2"]
)
def test_no_key(key: str) -> None:
    with pytest.raises(ConfigError, match="CFG-011 this is no secret or restricted Stripe key") as caught:
        check_key_mode(key, "test")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("mode", "sandbox"), [("test", True), ("test", False), ("live", False), ("live", None)])
def test_pairs_that_may_be(mode: str, *, sandbox: bool | None) -> None:
    check_sandbox(mode, "prod", sandbox=sandbox)


def test_a_sandbox_must_not_bill() -> None:
    with pytest.raises(ConfigError) as caught:
        check_sandbox("live", "uat", sandbox=True)
    assert str(caught.value) == (
        'crm.uat  CFG-012 a CRM sandbox must not bill live customers (mode = "live")  '
        'Connect the production org, or set mode = "test".'
    )


@pytest.mark.parametrize(
    ("domain", "said", "known"),
    [
        ("login", None, None),
        ("acme.my", None, None),
        ("acme.my", True, True),
        ("acme.my", False, False),
        ("test", None, True),
        ("test", False, True),
        ("acme--uat.sandbox.my", None, True),
        ("acme--uat.sandbox.my.salesforce.com", False, True),
    ],
)
def test_what_is_known_of_an_org(domain: str, *, said: bool | None, known: bool | None) -> None:
    connection = SalesforceConnection.model_validate(
        {
            "kind": "salesforce",
            "mapping": "m",
            "auth": "jwt",
            "client_id": "env:A",
            "username": "u",
            "private_key": "file:k",
            "domain": domain,
            "sandbox": said,
        }
    )
    assert connection.known_sandbox is known


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://localhost", "http://[::1]:80/", "http://127.9.9.9"])
def test_this_machine(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:80",
        "ftp://localhost",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://evil.example#localhost",
        "http://user@localhost",
        "http://localhost/path",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://[::1",
        "http://localhost:port",
        "http://",
    ],
)
def test_not_this_machine(url: str) -> None:
    assert not is_loopback(url)


def test_a_base_url_is_host_and_port() -> None:
    assert is_base_url("https://mock.example:8443")
    assert not is_base_url("https://mock.example/v1")


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://acme.my.salesforce.com", True),
        ("https://acme--uat.sandbox.my.salesforce.com/", True),
        ("http://acme.my.salesforce.com", False),
        ("https://salesforce.com.evil.example", False),
        ("https://evilsalesforce.com", False),
        ("https://acme.my.salesforce.com@evil.example", False),
        ("acme.my.salesforce.com", False),
    ],
)
def test_an_address_of_salesforce(url: str, *, ours: bool) -> None:
    assert is_salesforce_url(url) is ours


@pytest.mark.parametrize(
    ("url", "has"),
    [
        ("sqlite:///x", False),
        ("postgresql://u@h/d", False),
        ("postgresql://u:p@h/d", True),
        ("postgresql://h/d?password=p", True),
        ("no url: p", True),
    ],
)
def test_a_password_in_a_url(url: str, *, has: bool) -> None:
    assert has_password(url) is has
