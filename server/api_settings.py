"""The KURZ_* variables about the API: how long an operation may take, how much it may read, who asks, and for what."""

import re
from pathlib import Path
from typing import Literal

import ada_url
from pydantic import Field, ValidationInfo, field_validator

from graph.api_config import DEADLINE_S, MAX_QUERY_COST
from graph.rate import RateLimit
from models.click_reads import MAX_CLICKS_READ
from server.click_settings import ClickSettings

MOST_POINTS = 1_000_000_000
LONGEST_AUDIENCE = 500
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})


class ApiSettings(ClickSettings):
    """Part of the settings; `server/settings.py` has the rest and says where values come from."""

    api_deadline: float = Field(
        default=DEADLINE_S,
        gt=0,
        le=600,
        allow_inf_nan=False,
        description="After how many seconds an operation is given up; clicks get four fifths of that.",
        json_schema_extra={"expected": "a number of seconds, more than 0 and at most 600"},
    )
    max_clicks_read: int = Field(
        default=MAX_CLICKS_READ,
        ge=1,
        description="How many clicks one statement of analytics reads at most; what would need more is refused.",
        json_schema_extra={"expected": "a whole number, 1 or more"},
    )
    max_query_cost: int = Field(
        default=MAX_QUERY_COST,
        ge=100,
        description="How many points one operation may cost.",
        json_schema_extra={"expected": "a whole number, 100 or more"},
    )
    rate_limit: str = Field(
        default="4000/200",
        description="How many points each API key, or address without a key, holds and gets back per second; or off.",
        json_schema_extra={"expected": "off, or whole numbers as in 4000/200, each from 1 to 1000000000"},
    )
    introspection: bool = Field(
        default=True,
        description="Answers introspection, and suggests names in errors.",
        json_schema_extra={"expected": "on or off"},
    )
    fast_executor: bool = Field(
        default=True,
        description="Executes operations by plans that are kept with their documents; the answers are the same.",
        json_schema_extra={"expected": "on or off"},
    )
    trusted_documents_dir: Path | None = Field(
        default=None,
        description="A folder of documents that clients may ask for by the SHA-256 of their text.",
        json_schema_extra={"expected": "a folder"},
    )
    trusted_documents: Literal["off", "only"] = Field(
        default="off",
        description="Whether nothing but the documents of that folder is run.",
        json_schema_extra={"expected": "off, or only together with KURZ_TRUSTED_DOCUMENTS_DIR"},
    )
    graphiql: bool = Field(
        default=True,
        validate_default=True,
        description="Shows GraphiQL to browsers that open /graphql; never with trusted documents only.",
        json_schema_extra={"expected": "on or off"},
    )

    live_connections: int = Field(
        default=2_000,
        ge=0,
        le=100_000,
        description="How many WebSockets and event streams one worker holds open.",
        json_schema_extra={"expected": "a whole number from 0 to 100000"},
    )
    live_connections_per_key: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="How many of these one API key holds, or one address without a key, in each worker.",
        json_schema_extra={"expected": "a whole number from 1 to 100000"},
    )

    oidc_issuer: str | None = Field(
        default=None,
        description="The OpenID Connect provider whose access tokens sign people in.",
        json_schema_extra={"expected": "an https address as the provider calls itself; http only on this machine"},
    )
    oidc_audience: str | None = Field(
        default=None,
        validate_default=True,
        max_length=LONGEST_AUDIENCE,
        description="What the provider's tokens for this server name as their audience.",
        json_schema_extra={"expected": "a text, together with KURZ_OIDC_ISSUER, and not without it"},
    )

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        value = value.lower()
        if value != "off":
            rate_in(value)
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is not None:
            url = ada_url.URL(value)
            # Over plain http anybody on the way could give us keys of their own.
            is_private = url.protocol == "https:" or (url.protocol == "http:" and url.hostname in THIS_MACHINE)
            if not is_private or url.search or url.hash or url.username or url.password:
                raise ValueError("not an issuer")  # OpenID Connect Discovery 1.0, section 3
        return value

    @field_validator("oidc_audience")
    @classmethod
    def _has_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("oidc_issuer") is None) and "oidc_issuer" in info.data:
            raise ValueError("one without the other")
        return value

    @property
    def rate(self) -> RateLimit | None:
        """The limit of each credential; None: there is none."""
        return None if self.rate_limit == "off" else rate_in(self.rate_limit)

    @field_validator("trusted_documents_dir")
    @classmethod
    def _is_folder(cls, value: Path | None) -> Path | None:
        folder = value.expanduser() if value else None
        if folder and not folder.is_dir():
            raise ValueError("no folder")
        return folder

    @field_validator("trusted_documents")
    @classmethod
    def _has_documents(cls, value: str, info: ValidationInfo) -> str:
        if value == "only" and info.data.get("trusted_documents_dir") is None:
            raise ValueError("no documents")
        return value

    @field_validator("graphiql")
    @classmethod
    def _can_ask(cls, value: bool, info: ValidationInfo) -> bool:
        return value and info.data.get("trusted_documents") != "only"  # its introspection would be refused


def rate_in(text: str) -> RateLimit:
    """The limit written as capacity/per second; ValueError for any other text."""
    written = re.fullmatch(r"([1-9][0-9]{0,9})/([1-9][0-9]{0,9})", text)
    if written is None or max(capacity := int(written[1]), per_second := int(written[2])) > MOST_POINTS:
        raise ValueError("not a rate")
    return RateLimit(capacity, per_second)
