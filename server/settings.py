"""Every KURZ_* variable: its default, its meaning, and what a value must look like."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self

import ada_url
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import NoDecode, SettingsConfigDict

from models.database import asyncpg_dsn
from server.api_settings import ApiSettings
from server.redirect_settings import RedirectSettings
from server.start_error import UsageError

PREFIX = "KURZ_"
LONGEST_SHOWN = 80
SECRETS = ("database_url", "direct_database_url")
DATABASE_ADDRESS = "a PostgreSQL address such as postgresql://user:password@host:5432/kurz"


class SettingsError(UsageError):
    """A variable or option has a value that cannot be used; the text has one line for each."""


def _split(value: object) -> object:
    return [part for part in re.split(r"[\s,]+", value) if part] if isinstance(value, str) else value


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(ApiSettings, RedirectSettings):
    """The settings of one start: command line options beat the environment, which beats the file `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url_file: Path | None = Field(
        default=None,
        description="A file that holds the value of DATABASE_URL.",
        json_schema_extra={"expected": "the path of a file"},
    )
    database_url: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="PostgreSQL's address. Without it Kurz runs its own PostgreSQL in the data folder.",
        json_schema_extra={"expected": DATABASE_ADDRESS},
    )
    direct_database_url_file: Path | None = Field(
        default=None,
        description="A file that holds the value of DIRECT_DATABASE_URL.",
        json_schema_extra={"expected": "the path of a file"},
    )
    direct_database_url: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="An address that leads to PostgreSQL without a pooler between, for LISTEN and migrations.",
        json_schema_extra={"expected": DATABASE_ADDRESS},
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="The folder for everything Kurz keeps on disk.",
        json_schema_extra={"expected": "a folder"},
    )
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on.",
        json_schema_extra={"expected": "a host name or address"},
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        description="The port to listen on; 0 takes a free one.",
        json_schema_extra={"expected": "a whole number from 0 to 65535"},
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many processes answer requests.",
        json_schema_extra={"expected": "a whole number from 1 to 64"},
    )
    base_url: str = Field(
        default="",
        validate_default=True,
        description="Where short links begin, as visitors see it.",
        json_schema_extra={"expected": "an http or https address without a path, such as https://go.example.com"},
    )
    pool_size: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Database connections per worker, for the API and for the redirect each.",
        json_schema_extra={"expected": "a whole number from 1 to 100"},
    )
    trusted_proxies: Listed = Field(
        default=(),
        description="Proxies whose X-Forwarded-For is believed.",
        json_schema_extra={"expected": "addresses or networks such as 10.0.0.0/8, separated by commas; never *"},
    )
    allowed_origins: Listed = Field(
        default=(),
        description="Web pages that may call the API (CORS).",
        json_schema_extra={"expected": "origins such as https://app.example.com, separated by commas, or *"},
    )
    allow_private_targets: bool = Field(
        default=False,
        description="Allows links to private, loopback and link-local addresses.",
        json_schema_extra={"expected": "on or off"},
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto",
        description="How log lines look; auto is console on a terminal, else json.",
        json_schema_extra={"expected": "auto, json or console"},
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="The least severe lines that are logged.",
        json_schema_extra={"expected": "debug, info, warning or error"},
    )
    postgres_bin: Path | None = Field(
        default=None,
        description="The folder of PostgreSQL's programs for Kurz's own PostgreSQL.",
        json_schema_extra={"expected": "a folder that holds initdb and postgres"},
    )

    @field_validator("data_dir", "postgres_bin", "database_url_file", "direct_database_url_file")
    @classmethod
    def _find_home(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value else None

    @field_validator("database_url", "direct_database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        file: Path | None = info.data.get(f"{info.field_name}_file")
        if file and value:
            raise ValueError("given twice")
        secret = _secret_in(file) if file else value
        if secret is not None:
            asyncpg_dsn(secret.get_secret_value())
        return secret

    @field_validator("log_format", "log_level", "spool_sync", "trusted_documents", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(entry, strict=False)) for entry in value)

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(entry if entry == "*" else _origin(entry) for entry in value)

    @field_validator("base_url")
    @classmethod
    def _is_origin(cls, value: str, info: ValidationInfo) -> str:
        return _origin(value) if value else _local_url(info.data.get("port", 0))

    @property
    def has_own_postgres(self) -> bool:
        """Whether Kurz runs PostgreSQL itself."""
        return self.database_url is None

    @property
    def hostname(self) -> str:
        """The host of the base URL, without its port, as a URL parser serialises it."""
        return ada_url.URL(self.base_url).hostname

    def listening_on(self, port: int) -> Self:
        """The same settings once a free port was taken for port 0."""
        base_url = _local_url(port) if self.base_url == _local_url(self.port) else self.base_url
        return self.model_copy(update={"port": port, "base_url": base_url})

    def using(self, database_url: str) -> Self:
        """The same settings with the address of the embedded PostgreSQL."""
        return self.model_copy(update={"database_url": SecretStr(database_url)})

    @property
    def database_address(self) -> str:
        """The database's address in plain text, once it is known."""
        return self.database_url.get_secret_value() if self.database_url else ""

    @property
    def direct_database_address(self) -> str:
        """The address for LISTEN and migrations, past a pooler."""
        return self.direct_database_url.get_secret_value() if self.direct_database_url else self.database_address


def read_settings(**options: object) -> Settings:
    """The settings from the environment and `.env`, with the options that are not None on top; raises SettingsError."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("\n".join(_line(entry) for entry in error.errors())) from None


def _line(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    extra = Settings.model_fields[name].json_schema_extra
    expected = extra["expected"] if isinstance(extra, dict) else ""
    variable = f"{PREFIX}{name.upper()}"
    if name in SECRETS:  # never the value itself
        return f"{variable}: expected {expected}, in this variable or in the file that {variable}_FILE names"
    value = repr(error["input"])[:LONGEST_SHOWN]
    return f"{variable}={value}: expected {expected}"


def _secret_in(file: Path) -> SecretStr:
    try:
        return SecretStr(file.read_text().strip())
    except OSError as error:
        raise ValueError("not readable") from error  # the only kind that pydantic turns into a message


def _local_url(port: int) -> str:
    return f"http://localhost:{port}"


def _origin(value: str) -> str:
    """The value as an origin in the form browsers send it; ValueError when it holds anything more."""
    url = ada_url.URL(value)
    is_bare = url.pathname == "/" and not (url.search or url.hash or url.username or url.password)
    if url.protocol not in {"http:", "https:"} or not is_bare:
        raise ValueError("not an origin")
    return url.origin
