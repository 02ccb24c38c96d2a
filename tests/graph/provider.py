"""A small OpenID Connect provider that really runs: it has keys, rotates them, signs tokens, and can go away."""

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graph.access_tokens import AccessTokens
from graph.identity_provider import IdentityProvider

AUDIENCE = "https://sho.rt/graphql"
_CURVES: dict[str, Any] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@dataclass
class SigningKey:
    """A private key with its id."""

    id: str
    algorithm: str
    private: Any

    @classmethod
    def make(cls, key_id: str, algorithm: str = "ES256", *, bits: int = 2048) -> "SigningKey":
        private: Any
        if algorithm in _CURVES:
            private = ec.generate_private_key(_CURVES[algorithm]())
        elif algorithm == "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
        else:
            private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        return cls(key_id, algorithm, private)

    @property
    def public(self) -> dict[str, Any]:
        """As a JWK."""
        maker = jwt.get_algorithm_by_name(self.algorithm)
        shown = maker.to_jwk(self.private.public_key())
        return {**json.loads(shown), "kid": self.id, "use": "sig", "alg": self.algorithm}


@dataclass
class Provider:
    """What the provider says now, and how often it was asked for its keys."""

    issuer: str = ""
    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.make("k1")])
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    tells_nothing: bool = False
    is_away: bool = False
    key_reads: int = 0
    claimed_issuer: str | None = None

    def rotate(self) -> SigningKey:
        """A new key takes the place of all others."""
        self.keys = [SigningKey.make(f"k{time.monotonic_ns()}")]
        return self.keys[0]

    def token(self, now: datetime, *, key: SigningKey | None = None, headers: Any = None, **claims: Any) -> str:
        """A token that is valid for five minutes, but for what is given; a claim of None is left out."""
        signer = key or self.keys[0]
        whole = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ann-1", "iat": now, "exp": now + timedelta(minutes=5)}
        kept = {name: value for name, value in {**whole, **claims}.items() if value is not None}
        head = {"kid": signer.id, **(headers or {})}
        return jwt.encode(kept, signer.private, algorithm=signer.algorithm, headers=head)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._about),
                Route("/keys", self._keys),
                Route("/userinfo", self._person),
            ]
        )

    def _about(self, _request: Request) -> Response:
        if self.is_away:
            return Response(status_code=503)
        return JSONResponse(
            {
                "issuer": self.claimed_issuer or self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }
        )

    def _keys(self, _request: Request) -> Response:
        if self.is_away:
            return Response(status_code=503)
        self.key_reads += 1
        return JSONResponse({"keys": [key.public for key in self.keys] + [{"kty": "odd"}, "junk"]})

    def _person(self, request: Request) -> Response:
        if self.is_away:
            return Response(status_code=503)
        if self.tells_nothing:
            return Response(status_code=403)
        token = request.headers["authorization"].removeprefix("Bearer ")
        subject = jwt.decode(token, options={"verify_signature": False})["sub"]
        return JSONResponse({"sub": subject, **self.people.get(subject, {})})


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider on a port of its own, until the block ends."""
    provider = Provider()
    server = uvicorn.Server(uvicorn.Config(provider.app(), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        provider.issuer = f"http://127.0.0.1:{port}"
        yield provider
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@asynccontextmanager
async def tokens_of(provider: Provider, *, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[AccessTokens]:
    """What judges the provider's tokens."""
    # Without TLS, whose certificates take longer to read than a test does.
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(verify=False)) as client:
        yield AccessTokens(IdentityProvider(provider.issuer, client=client, clock=clock), audience=AUDIENCE)
