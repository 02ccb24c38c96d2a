"""The KURZ_* variables about what is recorded: how visits are, and how long clicks and the audit log are kept."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from models.retention import CLICK_DAYS
from recording.geo import countries_from
from recording.spool import Sync

SPOOL_BYTES = 2 * 1024**3
AUDIT_DAYS = 400


class ClickSettings(BaseSettings):
    """Part of the settings; `server/settings.py` has the rest and says where values come from."""

    spool_sync: Sync = Field(
        default=Sync.INTERVAL,
        description="When visits are forced to the disk: interval (100 ms), always (before each answer) or never.",
        json_schema_extra={"expected": "interval, always or never"},
    )
    spool_max_bytes: int = Field(
        default=SPOOL_BYTES,
        ge=1024**2,
        description="How many bytes of visits may wait for the database; further ones are dropped and counted.",
        json_schema_extra={"expected": "a whole number of bytes, 1048576 or more"},
    )
    geoip_database: Path | None = Field(
        default=None,
        description="An MMDB file that knows the country of an address, instead of the table that comes with Kurz.",
        json_schema_extra={"expected": "an MMDB file"},
    )
    heed_privacy_signals: bool = Field(
        default=True,
        description="Keeps visitor hash and referrer out of visits that send Sec-GPC: 1 or DNT: 1.",
        json_schema_extra={"expected": "on or off"},
    )
    click_retention_days: int = Field(
        default=CLICK_DAYS,
        ge=1,
        le=36_500,
        description="After how many days single clicks are deleted, by whole months; sums stay.",
        json_schema_extra={"expected": "a whole number of days from 1 to 36500"},
    )

    audit_retention_days: int = Field(
        default=AUDIT_DAYS,
        ge=0,
        le=36_500,
        description="After how many days entries of the audit log are deleted; 0 keeps them for good.",
        json_schema_extra={"expected": "a whole number of days from 0 to 36500"},
    )

    @field_validator("geoip_database")
    @classmethod
    def _is_mmdb(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        path = value.expanduser()
        try:
            countries_from(path)
        except OSError as error:
            raise ValueError("not readable") from error  # the only kind that pydantic turns into a message
        return path
