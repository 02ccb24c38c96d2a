"""Access tokens of people: signed by the configured provider, for this server, and valid now.

The rules are those of RFC 8725 (JSON Web Token best current practices) and RFC 9068 (JWT profile for access tokens).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from jwt.types import Options

from graph.identity_provider import IdentityProvider, verified_email
from models.users import IDENTITY_LIMIT, Identity

LONGEST_TOKEN: Final = 8_192
CLOCK_SKEW: Final = timedelta(seconds=60)
# Pinned: a token never chooses how it is verified. No symmetric algorithm, for which a public key would be the secret.
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
# What a key can be used for, so that a key of one kind is never tried with an algorithm of another.
_OF_KIND: Final = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("Ed",)}
# Times are judged below, by the server's own clock, which is passed in.
_OPTIONS: Final[Options] = {
    "require": ["exp", "sub", "iss", "aud"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class TokenRefused(Exception):  # noqa: N818 - it names what happened, not a fault
    """The token opens nothing; why is for the log, not for its sender."""


def looks_like_token(secret: str) -> bool:
    """Whether a bearer secret is a JWT rather than one of our keys."""
    return secret.count(".") == 2


class AccessTokens:
    """Judges tokens for one audience."""

    def __init__(self, provider: IdentityProvider, *, audience: str) -> None:
        self._provider = provider
        self._audience = audience

    async def identity(self, token: str, *, now: datetime) -> tuple[Identity, datetime]:
        """Who holds the token, and until when it is valid; raises TokenRefused, or ProviderAway without keys."""
        claims = await self._claims(token, now=now)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= IDENTITY_LIMIT or not _is_plain(subject):
            raise TokenRefused("the subject cannot be used")
        name = claims.get("name")
        shown = name if isinstance(name, str) else None
        identity = Identity(self._provider.issuer, subject, verified_email(claims), shown)
        return identity, _instant(claims["exp"], now=now)

    async def email_of(self, token: str, *, subject: str) -> str | None:
        """The verified e-mail that the provider tells for a token which has none in itself."""
        return await self._provider.email_of(token, subject=subject)

    async def _claims(self, token: str, *, now: datetime) -> Mapping[str, Any]:
        header = _header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise TokenRefused(f"the algorithm {algorithm!r} is not accepted")
        if "crit" in header or str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise TokenRefused("the header asks for what is not understood")
        key = await self._provider.key(key_id if isinstance(key_id, str) else None)
        if key is None or not _fits(key, algorithm):
            raise TokenRefused("no key of the provider fits")
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._provider.issuer,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise TokenRefused(str(error)) from error
        _check_times(claims, now=now)
        return claims


def _is_plain(subject: str) -> bool:
    return subject.isascii() and subject.isprintable()  # OpenID Connect Core 1.0, section 2


def _header(token: str) -> Mapping[str, Any]:
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise TokenRefused("the token is too long, or not ASCII")
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused(str(error)) from error


def _fits(key: jwt.PyJWK, algorithm: str) -> bool:
    named = key._jwk_data.get("alg")  # PyJWT guesses one where the provider names none
    return algorithm.startswith(_OF_KIND.get(key.key_type or "", ())) and named in (None, algorithm)


def _check_times(claims: Mapping[str, Any], *, now: datetime) -> None:
    if _instant(claims["exp"], now=now) + CLOCK_SKEW <= now:
        raise TokenRefused("the token has expired")
    for name in ("nbf", "iat"):
        if claims.get(name) is not None and _instant(claims[name], now=now) - CLOCK_SKEW > now:
            raise TokenRefused("the token is not valid yet")


def _instant(seconds: object, *, now: datetime) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TokenRefused("a time is no number")
    try:
        moment = datetime.fromtimestamp(seconds, tz=now.tzinfo)
        _ = moment - CLOCK_SKEW, moment + CLOCK_SKEW  # also at both ends of the calendar
        return moment
    except (OverflowError, ValueError, OSError) as error:
        raise TokenRefused("a time is out of range") from error
