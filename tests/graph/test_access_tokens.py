"""Access tokens: verified by a real provider's keys, and refused for every trick of RFC 8725's list."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from graph.access_tokens import AccessTokens, TokenRefused, looks_like_token
from graph.identity_provider import IdentityProvider, ProviderAway
from models.users import Identity
from tests.graph.provider import AUDIENCE, Provider, SigningKey, running_provider

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@dataclass
class Judge:
    """What stands at the door, with a clock that tests set."""

    tokens: AccessTokens
    seconds: list[float]

    async def identity(self, token: str) -> Identity:
        return (await self.tokens.identity(token, now=NOW))[0]

    def wait(self, seconds: float) -> None:
        self.seconds[0] += seconds


@pytest.fixture
async def judge(provider: Provider) -> AsyncIterator[Judge]:
    seconds = [0.0]
    async with httpx.AsyncClient(trust_env=False) as client:
        known = IdentityProvider(provider.issuer, client=client, clock=lambda: seconds[0])
        yield Judge(AccessTokens(known, audience=AUDIENCE), seconds)


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"])
async def test_who_holds_a_valid_token_is_known(provider: Provider, judge: Judge, algorithm: str) -> None:
    provider.keys = [SigningKey.make("k1", algorithm)]
    token = provider.token(NOW, email="ann@example.com", email_verified=True, name="Ann", aud=["x", AUDIENCE])
    assert await judge.identity(token) == Identity(provider.issuer, "ann-1", "ann@example.com", "Ann")


@pytest.mark.parametrize("verified", [False, None, "true", 1])
async def test_an_email_nobody_verified_is_none(provider: Provider, judge: Judge, verified: object) -> None:
    token = provider.token(NOW, email="ann@example.com", email_verified=verified)
    assert (await judge.identity(token)).email is None


REFUSED: list[dict[str, Any]] = [
    {"aud": "https://elsewhere.example"},
    {"aud": None},
    {"aud": []},
    {"iss": "https://evil.example"},
    {"iss": None},
    {"sub": None},
    {"sub": ""},
    {"sub": "x" * 256},
    {"sub": "a\x00b"},
    {"exp": None},
    {"exp": NOW - timedelta(seconds=61)},
    {"exp": "tomorrow"},
    {"exp": True},
    {"exp": 1e300},
    {"exp": float("nan")},
    {"exp": 253_402_300_799},
    {"nbf": -62_135_596_800},
    {"nbf": NOW + timedelta(seconds=61)},
    {"iat": NOW + timedelta(seconds=61)},
    {"headers": {"crit": ["b64"], "b64": False}},
    {"headers": {"typ": "logout+jwt"}},
    {"headers": {"typ": "dpop+jwt"}},
    {"headers": {"kid": "unknown"}},
]


@pytest.mark.parametrize("claims", REFUSED, ids=str)
async def test_what_is_not_for_us_or_not_for_now_is_refused(
    provider: Provider, judge: Judge, claims: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused):
        await judge.identity(provider.token(NOW, **claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - timedelta(seconds=59)},
        {"nbf": NOW + timedelta(seconds=59), "iat": NOW + timedelta(seconds=59)},
        {"headers": {"typ": "at+jwt"}},
    ],
    ids=str,
)
async def test_a_minute_of_difference_between_clocks_is_allowed(
    provider: Provider, judge: Judge, claims: dict[str, Any]
) -> None:
    assert (await judge.identity(provider.token(NOW, **claims))).subject == "ann-1"


def _forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_no_token_chooses_how_it_is_verified(provider: Provider, judge: Judge) -> None:
    provider.keys = [SigningKey.make("k1", "RS256")]
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "ann-1", "exp": NOW.timestamp() + 300}
    public = provider.keys[0].private.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    thief = SigningKey.make("k1")
    tricks = [
        _forged({"alg": "none", "kid": "k1"}, claims),
        _forged({"alg": "None"}, claims),
        _forged({"alg": ["RS256"], "kid": "k1"}, claims, b"x"),
        # The public key taken for a shared secret (RFC 8725, 2.1); made by hand, since no library signs like this.
        _forged({"alg": "HS256", "kid": "k1"}, claims, pem),
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "k1"}),
        # A key that comes with the token, or an address where one is.
        provider.token(NOW, key=thief, headers={"jwk": thief.public}),
        provider.token(NOW, key=thief, headers={"jku": "http://127.0.0.1:9/keys"}),
        provider.token(NOW, key=thief, headers={"x5u": "http://127.0.0.1:9/keys", "x5c": ["AAAA"]}),
        provider.token(NOW, key=thief),
        # The right key with an algorithm it is not for.
        provider.token(NOW, key=SigningKey("k1", "PS256", provider.keys[0].private)),
        provider.token(NOW)[:-4] + "AAAA",
        provider.token(NOW) + ".x",
        "a.b.c",
        "..",
        "é.é.é",
        "x" * 9_000 + ".y.z",
        _forged({"alg": "RS256", "kid": "k1"}, claims, b"x" * 256),
        _forged({"alg": "RS256", "kid": {"a": 1}}, claims, b"x" * 256),
    ]
    for token in tricks:
        with pytest.raises(TokenRefused):
            await judge.identity(token)


async def test_a_signature_of_nothing_but_zeros_is_none(provider: Provider, judge: Judge) -> None:
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "ann-1", "exp": NOW.timestamp() + 300}
    for signature in (bytes(64), b"", bytes(63) + b"\x01", b"\x00" * 31 + b"\x01" + b"\x00" * 31 + b"\x01"):
        with pytest.raises(TokenRefused):
            await judge.identity(_forged({"alg": "ES256", "kid": "k1"}, claims, signature))


async def test_a_token_within_a_token_and_an_encrypted_one_are_refused(provider: Provider, judge: Judge) -> None:
    inner, signer = provider.token(NOW), provider.keys[0]
    whole = jwt.PyJWS().encode(inner.encode(), signer.private, "ES256", headers={"kid": signer.id, "cty": "JWT"})
    with pytest.raises(TokenRefused):
        await judge.identity(whole)
    assert not looks_like_token("e30.e30.e30.e30.e30"), "the five parts of what is encrypted (RFC 7516)"
    with pytest.raises(TokenRefused):
        await judge.identity("e30.e30.e30.e30.e30")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # of the one who signs
async def test_a_short_key_of_the_provider_is_passed_over(provider: Provider, judge: Judge) -> None:
    provider.keys = [SigningKey.make("k1", "RS256", bits=1024), SigningKey.make("k2", "RS256")]
    with pytest.raises(TokenRefused):
        await judge.identity(provider.token(NOW))
    assert (await judge.identity(provider.token(NOW, key=provider.keys[1]))).subject == "ann-1"


async def test_new_keys_are_read_and_old_ones_forgotten(provider: Provider, judge: Judge) -> None:
    old = provider.keys[0]
    await judge.identity(provider.token(NOW))
    provider.rotate()
    judge.wait(11)
    await judge.identity(provider.token(NOW))
    with pytest.raises(TokenRefused):
        await judge.identity(provider.token(NOW, key=old))


async def test_unknown_keys_do_not_make_us_ask_again_and_again(provider: Provider, judge: Judge) -> None:
    for _ in range(20):
        with pytest.raises(TokenRefused):
            await judge.identity(provider.token(NOW, headers={"kid": "unknown"}))
    assert provider.key_reads == 1


async def test_a_provider_that_is_away_is_done_without(provider: Provider, judge: Judge) -> None:
    token = provider.token(NOW)
    provider.is_away = True
    with pytest.raises(ProviderAway):  # nothing is known yet
        await judge.identity(token)
    provider.is_away = False
    judge.wait(11)
    await judge.identity(token)
    provider.is_away = True
    judge.wait(3_600)
    await judge.identity(token)  # by the keys of before


async def test_a_provider_that_calls_itself_something_else_is_not_believed(provider: Provider, judge: Judge) -> None:
    provider.claimed_issuer = "https://evil.example"
    with pytest.raises(ProviderAway):
        await judge.identity(provider.token(NOW))


async def test_an_email_is_asked_for_where_the_token_has_none(provider: Provider, judge: Judge) -> None:
    token = provider.token(NOW)
    await judge.identity(token)
    provider.people["ann-1"] = {"email": "ann@example.com", "email_verified": True}
    assert await judge.tokens.email_of(token, subject="ann-1") == "ann@example.com"
    provider.people["ann-1"] = {"email": "ann@example.com", "email_verified": True, "sub": "ben-1"}
    assert await judge.tokens.email_of(token, subject="ann-1") is None


async def test_a_token_that_the_provider_tells_nothing_for_has_no_email(provider: Provider, judge: Judge) -> None:
    token = provider.token(NOW)
    await judge.identity(token)
    provider.tells_nothing = True
    assert await judge.tokens.email_of(token, subject="ann-1") is None


async def test_a_provider_with_tls_names_no_address_without() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"issuer": "https://id.example", "jwks_uri": "http://id.example/keys"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(ProviderAway):
            await IdentityProvider("https://id.example", client=client, clock=lambda: 0.0).key("k1")
    assert asked == ["https://id.example/.well-known/openid-configuration"]
