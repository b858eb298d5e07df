from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from connector.sandbox.salesforce import ConnectedApp, SalesforceSandbox, make_key_pair
from tests.sandbox.salesforce_org import connect, session_for

PRIVATE, PUBLIC = make_key_pair()
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def org():
    with SalesforceSandbox(connected_app=ConnectedApp(public_key=PUBLIC), now=NOW) as running:
        yield running


def token(org, **form):
    return requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=5)


def assertion(org, **changes):
    claims = {"iss": org.connected_app.consumer_key, "sub": org.connected_app.username}
    claims |= {"aud": "https://login.salesforce.com", "exp": int(time.time()) + 120}
    return jwt.encode({**claims, **changes}, changes.pop("key", PRIVATE), algorithm="RS256")


def with_jwt(org, signed):
    return token(org, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=signed)


def test_client_credentials(org):
    assert connect(org).query("SELECT Id FROM Organization")["totalSize"] == 1


def test_client_credentials_in_the_body(org):
    app = org.connected_app
    answer = token(
        org, grant_type="client_credentials", client_id=app.consumer_key, client_secret=app.consumer_secret
    ).json()
    assert answer["token_type"] == "Bearer"
    assert answer["instance_url"] == org.url
    assert answer["id"].startswith("https://login.salesforce.com/id/00D")
    assert answer["issued_at"] == str(int(NOW.timestamp() * 1000))


def test_jwt_bearer(org):
    app = org.connected_app
    client = Salesforce(
        username=app.username, consumer_key=app.consumer_key, privatekey=PRIVATE, session=session_for(org)
    )
    assert client.query("SELECT Id FROM User")["totalSize"] == 1


def test_password(org):
    app = org.connected_app
    form = {"client_id": app.consumer_key, "client_secret": app.consumer_secret, "username": app.username}
    assert token(org, grant_type="password", password=app.password, **form).status_code == 200
    wrong = token(org, grant_type="password", password="guess", **form)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://elsewhere.example.com"}, "invalid_grant"),
        ({"exp": int(time.time()) - 60}, "invalid_grant"),
        ({"exp": int(time.time()) + 3600}, "invalid_grant"),
        ({"iss": "another-app"}, "invalid_client_id"),
        ({"sub": "stranger@example.com"}, "invalid_grant"),
    ],
)
def test_jwt_claims_are_checked(org, changes, error):
    answer = with_jwt(org, assertion(org, **changes))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_foreign_signature_is_refused(org):
    claims = {"iss": org.connected_app.consumer_key, "sub": org.connected_app.username}
    claims |= {"aud": "https://login.salesforce.com", "exp": int(time.time()) + 120}
    answer = with_jwt(org, jwt.encode(claims, make_key_pair()[0], algorithm="RS256"))
    assert answer.json() == {"error": "invalid_grant", "error_description": "invalid assertion"}


def test_wrong_secret_and_unknown_app(org):
    with pytest.raises(SalesforceAuthenticationFailed) as secret:
        connect(org, consumer_secret="guess")
    assert secret.value.code == "invalid_client"
    with pytest.raises(SalesforceAuthenticationFailed) as key:
        connect(org, consumer_key="unknown")
    assert key.value.code == "invalid_client_id"
    assert token(org, grant_type="magic").json()["error"] == "unsupported_grant_type"


def test_a_session_dies_on_the_orgs_clock(org):
    client = connect(org)
    direct = Salesforce(session_id=client.session_id, instance="emulated.my", session=session_for(org))
    assert direct.query("SELECT COUNT() FROM User")["totalSize"] == 1
    org.clock.advance(timedelta(hours=3))
    with pytest.raises(SalesforceExpiredSession) as caught:
        direct.query("SELECT COUNT() FROM User")
    assert "INVALID_SESSION_ID" in str(caught.value.content)


def test_the_client_logs_in_again(org):
    client = connect(org)
    before = client.session_id
    org.expire_tokens()
    assert client.query("SELECT COUNT() FROM User")["totalSize"] == 1
    assert client.session_id != before


def test_revoke(org):
    client = connect(org)
    requests.post(f"{org.url}/services/oauth2/revoke", data={"token": client.session_id}, timeout=5)
    headers = {"Authorization": f"Bearer {client.session_id}"}
    assert requests.get(f"{org.url}/services/data/v59.0/limits", headers=headers, timeout=5).status_code == 401
    assert requests.get(f"{org.url}/services/data", timeout=5).json()[-1]["version"] == "68.0"
