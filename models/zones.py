"""Time zones: their names, and the way between instants and a local clock.

All of it is Python's. PostgreSQL brings zone rules of its own, and the two seldom have the same edition of them: here
they disagreed on 13 zones in the year to come. So no statement converts times into a zone.
"""

import re
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
# right/ counts leap seconds and posix/ repeats everything; the others are files that lie beside the zones.
_NOT_ZONES = re.compile(r"(right|posix)/.*|localtime|posixrules|Factory")
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")


class UnknownZone(ValueError):  # noqa: N818 - it names what happened, not a fault
    """No zone of the tz database has this name."""


@lru_cache(maxsize=1_000)
def zone(name: str) -> ZoneInfo:
    """The zone of this IANA name; UnknownZone if there is none."""
    if not _NAME.fullmatch(name) or _NOT_ZONES.fullmatch(name):
        raise UnknownZone(name)
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:  # a folder, a file of something else, nothing
        raise UnknownZone(name) from error


def zone_names() -> frozenset[str]:
    """Every name that `zone` takes, read from disk."""
    return frozenset(name for name in zoneinfo.available_timezones() if not _NOT_ZONES.fullmatch(name))


def wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the local clock shows at the instant, without a zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=10_000)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The quarter of an hour (UTC) with which the local day begins."""
    return first_instant(datetime.combine(day, time()), zone)


def first_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first quarter of an hour (UTC) at which the local clock has reached `local`.

    A local time that occurs twice means its first occurrence, one that is left out the end of what was left out.
    """
    instant = floor_quarter(local.replace(tzinfo=zone, fold=0).astimezone(UTC))
    while wall(instant - QUARTER, zone) >= local:
        instant -= QUARTER
    while wall(instant, zone) < local:
        instant += QUARTER
    return instant


def floor_quarter(instant: datetime) -> datetime:
    """The quarter of an hour (UTC) the instant lies in."""
    utc = instant.astimezone(UTC)
    return utc.replace(minute=utc.minute - utc.minute % 15, second=0, microsecond=0)


def ceil_quarter(instant: datetime) -> datetime:
    """The first quarter of an hour (UTC) that is not before the instant."""
    floor = floor_quarter(instant)
    return floor if floor == instant else floor + QUARTER
