"""Secrets by their form and by their value, addresses of people, and what must stay readable."""

import json
import logging
import uuid
from pathlib import Path

import pytest

from connector.config.secrets import SecretRef
from connector.masking import masked, remember_secret

STRIPE = "sk_" + "test_51H8xYzAbCdEf"
WEBHOOK = "wh" + "sec_abcdefgh12345"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"No such key: {STRIPE}", STRIPE),
        (f"signed with {WEBHOOK}", WEBHOOK),
        ("Authorization: Bearer 00D8Z!AQEAQabcdefghijklmnop", "AQEAQabcdefghijklmnop"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz"),
        ("authorization=abc123", "abc123"),
        ("sent Bearer abcdef.ghijklm-123", "abcdef.ghijklm-123"),
        ("grant_type=password&password=hunter2&username=x", "hunter2"),
        ('{"client_secret": "s3cr3t", "a": 1}', "s3cr3t"),
        ("refresh_token=5Aep861", "5Aep861"),
        ("security_token: Xyz12", "Xyz12"),
        ("postgresql://app:swordfish@db.acme.example/connector", "swordfish"),
        ("token pat-na1-" + "11111111-aaaa-bbbb-cccc-222222222222", "aaaa-bbbb"),
        ("session 00D8Z00000012Ab!" + "ARoAQJ.kxN3wcFUBQ0o8ldkfj", "ARoAQJ"),
        ("posting to https://hooks.slack.com/services/T0/B0/abcdefXYZ", "abcdefXYZ"),
        ("jwt eyJhbGciOiJSUzI1.eyJpc3MiOiIzTVZHOQ.sig-nature", "eyJpc3MiOiIzTVZHOQ"),
        ("-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEowIBAAKCAQEA\nabcd\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, secret: str):
    assert secret in text
    assert secret not in masked(text)
    assert "(secret)" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "order 8018Z0000000001QAA: quantity 2.5 is not whole",
        "stripe.api_key  CFG-011 this is no secret or restricted Stripe key",
        'Write api_key = "env:STRIPE_API_KEY"',
        "https://dashboard.stripe.com/test/subscription_schedules/sub_sched_1A2b3C",
        "The token of the private app is missing",
        "postgresql://app@db.acme.example/connector",
        "fingerprint 7f3a9c0012ab",
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert masked(text) == text


def test_addresses_of_people_keep_what_tells_them_apart():
    assert masked("mail of ada.lovelace@acme.example bounced") == "mail of a…@acme.example bounced"
    assert masked("mail of ada@acme.example bounced", mail=False) == "mail of ada@acme.example bounced"


def test_a_secret_that_was_read_is_masked_whatever_it_looks_like(tmp_path: Path):
    secret = f"correct horse/{uuid.uuid4().hex}"
    (tmp_path / "secret").write_text(secret)
    (tmp_path / "secret").chmod(0o600)
    assert secret in masked(f"login with {secret}")
    assert SecretRef("file:secret", tmp_path, {}).resolve() == secret
    quoted = secret.replace(" ", "%20").replace("/", "%2F")
    for text in (f"login with {secret}", f"?p={quoted}", json.dumps({"p": secret})):
        assert secret not in masked(text)
        assert quoted not in masked(text)


def test_short_values_are_not_masked_everywhere():
    remember_secret("a")
    assert masked("a cat") == "a cat"


def test_masking_is_quick_enough_for_every_line(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    line = "x" * 20_000 + " password" * 500
    assert len(masked(line)) > 1_000
