import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import responses

from connector.crm.protocol import ContractRef
from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.login import TokenSource
from connector.crm.salesforce.settings import (
    Auth,
    ClientCredentials,
    JwtBearer,
    OpenSession,
    SalesforceSettings,
    UsernamePassword,
)
from connector.crm.salesforce.transport import SalesforceTransport
from connector.domain.errors import ConfigError, RetryableError
from connector.retry import retry_policy
from connector.sandbox.salesforce import ConnectedApp, make_key_pair
from tests.crm.builders import PATHS, Tables, deal
from tests.crm.conftest import StartOrg, crm_for, settings_for

CREDENTIALS = ClientCredentials("key", "secret")
SOQL = "SELECT Id FROM Order WHERE Id != null ORDER BY Id"


def logins(org: Any) -> int:
    return int(org.counters.get(("POST", "/services/oauth2/token"), 0))


def test_every_flow_logs_in(start_org: StartOrg):
    private, public = make_key_pair()
    app = ConnectedApp(password="pass-wordTOKEN", public_key=public)
    org = start_org({}, connected_app=app)
    flows: list[tuple[str, Auth]] = [
        ("login", JwtBearer(app.username, app.consumer_key, private)),
        ("test.salesforce.com", JwtBearer(app.username, app.consumer_key, private)),
        ("https://acme.my.salesforce.com/", ClientCredentials(app.consumer_key, app.consumer_secret)),
        ("login", UsernamePassword(app.username, "pass-word", app.consumer_key, app.consumer_secret, "TOKEN")),
    ]
    for domain, auth in flows:
        client = SalesforceClient(settings_for(org, auth, domain=domain))
        assert list(client.rows(SOQL)) == []
        token = client.tokens.current()
    session = SalesforceClient(settings_for(org, OpenSession(token.value, token.instance)))
    assert list(session.rows(SOQL)) == []
    assert logins(org) == len(flows)


def test_nothing_happens_before_the_first_call(start_org: StartOrg):
    org = start_org({})
    crm_for(org)
    assert org.log == []


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        (ClientCredentials("wrong", "secret"), "invalid_client_id.*check the consumer key"),
        (ClientCredentials("sandbox-consumer-key", "wrong"), "invalid_client: .*check the consumer secret"),
        (UsernamePassword("a@b.c", "x", "sandbox-consumer-key", "sandbox-consumer-secret"), "invalid_grant.*pre-auth"),
        (JwtBearer("a@b.c", "sandbox-consumer-key", "no key"), "not a PEM key"),
    ],
)
def test_a_refused_login_says_what_to_do(start_org: StartOrg, auth: Auth, says: str):
    client = SalesforceClient(settings_for(start_org({}), auth))
    with pytest.raises(ConfigError, match=says):
        list(client.rows(SOQL))


def test_a_login_server_that_is_away_is_tried_again(start_org: StartOrg):
    org = start_org({})
    org.inject({"route": "oauth2", "status": 503, "body": "<html>", "times": 2})
    client = SalesforceClient(settings_for(org), policy=retry_policy(sleep=lambda _: None))
    assert list(client.rows(SOQL)) == []
    assert logins(org) == 3


def test_an_unreadable_answer_is_not_our_fault(start_org: StartOrg):
    org = start_org({})
    org.inject({"route": "oauth2", "status": 400, "body": [], "times": None})
    client = SalesforceClient(settings_for(org), policy=retry_policy(attempts=1))
    with pytest.raises(RetryableError, match="unreadable answer"):
        list(client.rows(SOQL))


# --- expired sessions -------------------------------------------------------------------------------


def test_an_expired_session_is_renewed_and_the_call_repeated(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables)
    org = start_org(tables)
    crm = crm_for(org)
    refs = [ContractRef("salesforce", key)]
    assert len(list(crm.fetch(refs, PATHS))) == 1
    org.expire_tokens()
    assert len(list(crm.fetch(refs, PATHS))) == 1
    assert logins(org) == 2


def test_many_threads_renew_one_session_once(start_org: StartOrg):
    org = start_org({})
    client = SalesforceClient(settings_for(org))
    assert list(client.rows(SOQL)) == []
    org.expire_tokens()
    gate = threading.Barrier(16)

    def ask(_: int) -> list[Any]:
        gate.wait()
        return list(client.rows(SOQL))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(16))) == [[]] * 16
    assert logins(org) == 2


def test_a_session_refused_twice_is_a_matter_for_an_admin(start_org: StartOrg):
    org = start_org({})
    refusal = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    org.inject({"route": "query", "status": 401, "body": refusal, "times": None})
    client = SalesforceClient(settings_for(org))
    with pytest.raises(ConfigError, match=r"refused twice.*session policies"):
        list(client.rows(SOQL))
    assert len(org.log) == 4  # login, query, login, query


def test_the_librarys_own_refresh_uses_ours(start_org: StartOrg):
    org = start_org({})
    client = SalesforceClient(settings_for(org))
    first = client.tokens.current()
    client._refresh_session()
    assert client.tokens.current().generation == first.generation + 1
    assert logins(org) == 2
    assert list(client.rows(SOQL)) == []


def test_a_late_thread_gets_the_token_that_another_fetched():
    made = iter([("one", "a"), ("two", "a"), ("three", "a")])
    tokens = TokenSource(lambda: next(made))
    old = tokens.current()
    assert tokens.renew(old).value == "two"
    assert tokens.renew(old).value == "two"


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", ["acme.my/evil", "a@evil.com", "a#b", "", "acme..my", "acme.my\n"])
def test_a_domain_that_could_lead_elsewhere_is_refused(domain: str):
    with pytest.raises(ConfigError, match="is not login, test or a My Domain"):
        SalesforceSettings(auth=JwtBearer("a", "b", "c"), domain=domain)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"domain": "login"}, "client credentials only at the org's own address"),
        ({"domain": "acme.my", "api_version": "v62"}, "not of the form 62.0"),
        ({"domain": "acme.my", "batch": 201}, "between 1 and 200"),
    ],
)
def test_settings_are_checked(options: dict[str, Any], says: str):
    with pytest.raises(ConfigError, match=says):
        SalesforceSettings(auth=CREDENTIALS, **options)


def test_secrets_are_never_printed():
    for auth in (
        ClientCredentials("key", "s3cret"),
        JwtBearer("user", "key", "s3cret"),
        UsernamePassword("user", "s3cret", "key", "s3cret", "s3cret"),
        OpenSession("s3cret", "acme.my.salesforce.com"),
    ):
        assert "s3cret" not in repr(SalesforceSettings(auth=auth, domain="acme.my"))


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("http://evil.example", "would send Salesforce credentials to evil.example"),
        ("http://127.0.0.1.evil.example", "would send Salesforce credentials"),
        ("ftp://127.0.0.1", "not of the form"),
        ("http://user@127.0.0.1", "not of the form"),
        ("http://127.0.0.1/services", "not of the form"),
    ],
)
def test_the_emulators_address_is_on_this_machine(base_url: str, says: str):
    with pytest.raises(ConfigError, match=says):
        SalesforceTransport(base_url=base_url)


def test_the_emulators_address_may_be_opened_on_purpose(caplog: pytest.LogCaptureFixture):
    SalesforceTransport(base_url="http://emulator.internal:8101", allow_remote_base_url=True)
    SalesforceTransport(base_url="http://localhost:8101")
    SalesforceTransport(base_url="http://[::1]:8101")
    assert "Salesforce calls go to http://emulator.internal:8101, not to Salesforce" in caplog.text


@responses.activate
def test_a_token_for_a_strange_host_is_refused():
    answer = {"access_token": "t", "instance_url": "https://evil.example/x?"}
    responses.post("https://acme.my.salesforce.com/services/oauth2/token", json=answer)
    client = SalesforceClient(SalesforceSettings(auth=CREDENTIALS, domain="acme.my"))
    with pytest.raises(ConfigError, match="is not the host of a Salesforce org"):
        client.tokens.current()
