"""The OpenID Connect provider that people sign in with: where its keys are, and the keys themselves.

OpenID Connect Discovery 1.0, RFC 7517. Only the configured issuer is ever asked, at the addresses it names itself.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import jwt

log = logging.getLogger("kurz.graph")

TIMEOUT_S: Final = 5.0
KEYS_FRESH_S: Final = 600.0
# A token with an unknown key id makes us look again, but not more often than this: anybody can send such tokens.
LOOK_AGAIN_AFTER_S: Final = 10.0
LEAST_RSA_BITS: Final = 2_048  # RFC 7518, 3.3
LARGEST_ANSWER: Final = 1_000_000
# No answer, one that cannot be used, or an address that is none.
_FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError)


class ProviderAway(Exception):  # noqa: N818 - it names what happened, not a fault
    """The provider could not be asked, and what it said before does not help."""


@dataclass(slots=True)
class _Known:
    """What the provider said last: its key set by key id, and where it tells about people."""

    keys: Mapping[str | None, jwt.PyJWK] = field(default_factory=dict)
    userinfo_url: str | None = None
    asked_at: float = float("-inf")
    read_at: float = float("-inf")


class IdentityProvider:
    """One provider's keys, read when first needed and again when they are old or a new one is met.

    Answers from what it knows while the provider is away. `clock` counts seconds.
    """

    def __init__(self, issuer: str, *, client: httpx.AsyncClient, clock: Callable[[], float]) -> None:
        self.issuer = issuer
        self._client = client
        self._clock = clock
        self._known = _Known()
        self._reading = asyncio.Lock()

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The provider's key with this id, None when it has none; raises ProviderAway when none was ever read.

        Without an id: its only key, if it has no more than one.
        """
        is_old = self._clock() - self._known.read_at > KEYS_FRESH_S
        # Whose key is known waits for nobody else's asking: the provider may take its time.
        if self._find(key_id) is None or (is_old and not self._reading.locked()):
            await self._look_again()
        return self._find(key_id)

    async def email_of(self, token: str, *, subject: str) -> str | None:
        """The verified e-mail that the provider tells about the holder of a valid access token; None without one."""
        if self._known.userinfo_url is None:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                claims = await self._get(self._known.userinfo_url, token=token)
        except _FAILURES as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (401, 403):
                return None  # it tells nothing for this token, which was issued without the scope `openid`, say
            raise ProviderAway(str(error)) from error
        # OpenID Connect Core 1.0, 5.3.2: an answer about somebody else must not be used.
        return verified_email(claims) if claims.get("sub") == subject else None

    def _find(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None and len(self._known.keys) == 1:
            return next(iter(self._known.keys.values()))
        return self._known.keys.get(key_id)

    async def _look_again(self) -> None:
        async with self._reading:
            if self._clock() - self._known.asked_at < LOOK_AGAIN_AFTER_S:
                if not self._known.keys:
                    raise ProviderAway("no keys yet")
                return
            self._known.asked_at = self._clock()
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self._read()
            except _FAILURES as error:
                log.warning("the identity provider cannot be asked: %r", error)
                if not self._known.keys:
                    raise ProviderAway(str(error)) from error

    async def _read(self) -> None:
        about = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != self.issuer:  # OpenID Connect Discovery 1.0, 4.3
            raise ValueError(f"the provider calls itself {about.get('issuer')!r}")
        keys = await self._get(str(about.get("jwks_uri")))
        found = _usable(keys.get("keys"))
        if not found:
            raise ValueError("the provider has no key for signatures")
        userinfo = about.get("userinfo_endpoint")
        self._known = _Known(found, userinfo if isinstance(userinfo, str) else None, self._clock(), self._clock())

    async def _get(self, url: str, *, token: str | None = None) -> dict[str, Any]:
        if self.issuer.startswith("https:") and not url.startswith("https:"):
            raise ValueError(f"the provider names an address without TLS, {url!r}")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = await self._client.get(url, headers=headers, timeout=TIMEOUT_S, follow_redirects=False)
        answer.raise_for_status()
        if len(answer.content) > LARGEST_ANSWER:
            raise ValueError("the provider's answer is too large")
        body = answer.json()
        if not isinstance(body, dict):
            raise ValueError("the provider's answer is no JSON object")
        return body


def verified_email(claims: Mapping[str, Any]) -> str | None:
    """The e-mail of these claims, unless the provider has not verified it."""
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return None
    return email if email.isprintable() else None  # PostgreSQL cannot even be asked for all the rest


def _usable(keys: object) -> dict[str | None, jwt.PyJWK]:
    """The keys for signatures, by id; what cannot be read is passed over (RFC 7517, section 5)."""
    found: dict[str | None, jwt.PyJWK] = {}
    for one in keys if isinstance(keys, list) else []:
        if isinstance(one, dict) and one.get("use", "sig") == "sig" and one.get("kty") in ("RSA", "EC", "OKP"):
            try:
                key = jwt.PyJWK(one)
            except (jwt.PyJWKError, jwt.InvalidKeyError, ValueError, TypeError):
                continue
            if one["kty"] != "RSA" or key.key.key_size >= LEAST_RSA_BITS:
                found[one.get("kid")] = key
    return found
