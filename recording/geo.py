"""From an address to a country: a built-in table by registration, or any MMDB file."""

from pathlib import Path
from typing import Protocol

import iptocc
import maxminddb

CODE_LETTERS = 2  # ISO 3166-1 alpha-2


class Countries(Protocol):
    """Looks up countries; the answer may change after `reload` said so."""

    def country(self, address: str) -> str | None:
        """The ISO 3166-1 code in capitals; None for an unknown, private or unreadable address."""

    def reload(self) -> bool:
        """Takes up new data, if there is some; tells whether there was."""


class Registrations:
    """The country in which a network is registered, out of the table that comes with the package."""

    def country(self, address: str) -> str | None:
        return iptocc.country_code(address)

    def reload(self) -> bool:
        return False  # the table changes with the package


class MmdbFile:
    """The country that an MMDB file names; the file may be replaced (renamed over, not overwritten) at any time."""

    def __init__(self, path: Path) -> None:
        """OSError or ValueError for a file that cannot be used."""
        self._path = path
        self._version = _version(path)
        self._reader = _opened(path)

    def country(self, address: str) -> str | None:
        try:
            record = self._reader.get(address)
        except ValueError:  # no address at all, or an IPv6 address and a table of IPv4
            return None
        return _code(record)

    def reload(self) -> bool:
        try:
            version = _version(self._path)
            if version == self._version:
                return False
            self._reader = _opened(self._path)  # the old one is closed when the last look-up in it is over
        except (OSError, ValueError):
            return False  # half-way through being replaced: the old data serves until the next look
        self._version = version
        return True


def countries_from(path: Path | None) -> Countries:
    """The countries in the MMDB file, or by registration without one; OSError or ValueError for an unusable file."""
    return Registrations() if path is None else MmdbFile(path)


def _version(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _opened(path: Path) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path)
    except maxminddb.InvalidDatabaseError as error:
        raise ValueError(f"{path} is no MMDB file: {error}") from error


def _code(record: object) -> str | None:
    """The code where GeoIP2 and DB-IP (`country.iso_code`), IPinfo (`country_code`) and others (`country`) have it."""
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    nested = country.get("iso_code") if isinstance(country, dict) else country
    codes = (record.get("country_code"), nested)
    return next((code.upper() for code in codes if isinstance(code, str) and len(code) == CODE_LETTERS), None)
