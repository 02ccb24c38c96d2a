"""The country of an address."""

from pathlib import Path

import pytest

from recording.geo import MmdbFile, Registrations, countries_from
from tests.recording.mmdb import write_mmdb


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("8.8.8.8", "US"),
        ("2001:4860:4860::8888", "US"),
        ("127.0.0.1", None),
        ("10.0.0.1", None),
        ("", None),
        ("x", None),
    ],
)
def test_by_registration(address: str, country: str | None) -> None:
    assert Registrations().country(address) == country


@pytest.mark.parametrize(
    "record",
    [
        {"country": {"iso_code": "NZ"}},
        {"country": "NZ"},
        {"country_code": "nz", "country": "New Zealand"},
    ],
)
def test_by_the_tables_of_several_makers(tmp_path: Path, record: dict[str, object]) -> None:
    table = tmp_path / "country.mmdb"
    write_mmdb(table, {"192.0.2.0/24": record})  # type: ignore[dict-item]
    countries = countries_from(table)
    assert countries.country("192.0.2.7") == "NZ"
    assert [countries.country(address) for address in ("198.51.100.1", "2001:db8::1", "", "x")] == [None] * 4


def test_a_replaced_table_is_taken_up(tmp_path: Path) -> None:
    table = tmp_path / "country.mmdb"
    write_mmdb(table, {"192.0.2.0/24": {"country": "NZ"}})
    countries = MmdbFile(table)
    assert not countries.reload()
    write_mmdb(table, {"192.0.2.0/24": {"country": "FJ"}})
    assert countries.reload()
    assert countries.country("192.0.2.7") == "FJ"


@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_a_table_that_breaks_later_leaves_the_old_one(tmp_path: Path, damage: str) -> None:
    table = tmp_path / "country.mmdb"
    write_mmdb(table, {"192.0.2.0/24": {"country": "NZ"}})
    countries = MmdbFile(table)
    table.unlink()
    if damage == "garbage":
        table.write_bytes(b"garbage")
    assert not countries.reload()
    assert countries.country("192.0.2.7") == "NZ"


def test_a_file_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        countries_from(tmp_path / "missing.mmdb")
    (tmp_path / "garbage.mmdb").write_bytes(b"garbage")
    with pytest.raises(ValueError):
        countries_from(tmp_path / "garbage.mmdb")
