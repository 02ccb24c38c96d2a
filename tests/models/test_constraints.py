"""Every rule the code promises, as the database keeps it without the code."""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import asyncpg
import pytest

from models.database import Database, asyncpg_dsn
from models.instance import InstanceRecord
from tests.models.making import LATER, NOW, make_link

pytestmark = pytest.mark.database

Wire: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
LONG = "a" * 9_000

BAD_LINKS: list[tuple[str, dict[str, Any]]] = [
    ("ck_link_code_form", {"code": ""}),
    ("ck_link_code_form", {"code": "a" * 65}),
    ("ck_link_code_form", {"code": "a b"}),
    ("ck_link_code_form", {"code": "ä"}),
    ("ck_link_code_form", {"code": "a\n"}),
    ("ck_link_code_form", {"code": "a.txt"}),
    ("ck_link_destination_url_form", {"destination_url": "javascript:alert(1)"}),
    ("ck_link_destination_url_form", {"destination_url": ""}),
    ("ck_link_destination_url_form", {"destination_url": " https://example.com/"}),
    ("ck_link_destination_url_form", {"destination_url": "https://example.com/\r\nSet-Cookie: x"}),
    ("ck_link_destination_url_form", {"destination_url": "https://example.com/\x85"}),
    ("ck_link_destination_url_length", {"destination_url": "https://example.com/" + LONG}),
    ("ck_link_title_form", {"title": ""}),
    ("ck_link_title_form", {"title": " a"}),
    ("ck_link_title_form", {"title": "a\nb"}),
    ("ck_link_title_form", {"title": "a\u2028b"}),
    ("ck_link_title_form", {"title": "a" * 201}),
    ("ck_link_notes_form", {"notes": "a" * 4_001}),
    ("ck_link_notes_form", {"notes": "a\x1bb"}),
    ("ck_link_external_id_form", {"external_id": "a" * 201}),
    ("ck_link_external_id_form", {"external_id": "a\tb"}),
    ("ck_link_deactivation_reason_form", {"deactivated_at": NOW, "deactivation_reason": "a" * 501}),
    ("ck_link_reason_only_if_deactivated", {"deactivation_reason": "why"}),
    ("ck_link_version_positive", {"version": 0}),
    ("ck_link_updated_after_created", {"created_at": LATER}),
    ("uq_link_domain_id_code", {"code": "taken"}),
    ("uq_link_workspace_id_external_id", {"external_id": "taken"}),
    ("fk_link_workspace_id_workspace", {"workspace_id": 1}),
    ("fk_link_domain_id_domain", {"domain_id": 1}),
    ("fk_link_created_by_key_api_key", {"created_by_key": 1}),
    ("fk_link_created_by_user_user_account", {"created_by_user": 1}),
    ("ck_link_deleted_only_if_deactivated", {"deleted_at": NOW}),
]

GOOD_LINKS: list[dict[str, Any]] = [
    {},
    {"code": "Taken"},
    {"code": "-_" + "a" * 62},
    {"destination_url": "https://e.example/" + "a" * (8_192 - 18)},
    {"title": "é" * 200, "notes": "a\n\tb" + "c" * 3_996, "external_id": "👩" * 200},
    {"deactivated_at": NOW, "deactivation_reason": "a" * 500},
    {"deactivated_at": NOW},
]

KEY: dict[str, Any] = {"name": "k", "public_id": "a" * 12, "secret_hash": bytes(32), "scopes": ["LINKS_READ"]}
BAD_KEYS: list[tuple[str, dict[str, Any]]] = [
    ("ck_api_key_secret_hash_length", {"secret_hash": bytes(31)}),
    ("ck_api_key_secret_hash_length", {"secret_hash": b"plain secret"}),
    ("ck_api_key_scopes_known", {"scopes": []}),
    ("ck_api_key_scopes_known", {"scopes": ["LINKS_READ", "EVERYTHING"]}),
    ("ck_api_key_scopes_known", {"scopes": [None]}),
    ("ck_api_key_scopes_known", {"scopes": ["links_read"]}),
    ("ck_api_key_name_form", {"name": " "}),
    ("ck_api_key_name_form", {"name": "a" * 101}),
    ("ck_api_key_public_id_form", {"public_id": "a" * 11}),
    ("ck_api_key_public_id_form", {"public_id": "a" * 11 + "_"}),
    ("fk_api_key_workspace_id_workspace", {"workspace_id": 1}),
]


@pytest.fixture
async def conn(database_url: str, database: Database, here: InstanceRecord) -> AsyncIterator[Wire]:
    await make_link(database, here, code="taken", external_id="taken")
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection
    await connection.close()


async def insert(conn: Wire, table: str, row: dict[str, Any]) -> str | None:
    """The constraint that stopped the row; the transaction is taken back either way."""
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(f"insert into {table} ({', '.join(row)}) values ({places})", *row.values())
    except asyncpg.IntegrityConstraintViolationError as violation:
        return violation.constraint_name
    finally:
        await transaction.rollback()
    return None


def link_row(here: InstanceRecord, **fields: Any) -> dict[str, Any]:
    row = {"id": 5, "workspace_id": here.workspace_id, "domain_id": here.domain_id, "code": "free", "version": 1}
    row |= {"destination_url": "https://example.com/", "created_at": NOW, "updated_at": NOW}
    return row | fields


async def test_links_against_the_rules_are_stopped(conn: Wire, here: InstanceRecord) -> None:
    stopped = [(rule, fields, await insert(conn, "link", link_row(here, **fields))) for rule, fields in BAD_LINKS]
    assert [(rule, fields, by) for rule, fields, by in stopped if by != rule] == []


async def test_links_at_the_limits_are_let_in(conn: Wire, here: InstanceRecord) -> None:
    assert [await insert(conn, "link", link_row(here, **fields)) for fields in GOOD_LINKS] == [None] * len(GOOD_LINKS)


async def test_keys_against_the_rules_are_stopped(conn: Wire, here: InstanceRecord) -> None:
    row = KEY | {"id": 5, "workspace_id": here.workspace_id, "created_at": NOW}
    stopped = [(rule, fields, await insert(conn, "api_key", row | fields)) for rule, fields in BAD_KEYS]
    assert [(rule, fields, by) for rule, fields, by in stopped if by != rule] == []
    assert await insert(conn, "api_key", row) is None


async def test_other_rows_against_the_rules_are_stopped(conn: Wire, here: InstanceRecord) -> None:
    ids = {"workspace_id": here.workspace_id, "domain_id": here.domain_id, "created_at": NOW}
    total = {"link_id": 5, "workspace_id": here.workspace_id, "clicks": 1, "unique_clicks": 1, "bot_clicks": 0}
    domain = {"id": 5, "workspace_id": here.workspace_id, "hostname": "b.example", "created_at": NOW}
    workspace = {"id": 5, "name": "w", "timezone": "UTC", "created_at": NOW}
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("pk_instance", "instance", ids | {"id": 1}),
        ("ck_instance_one_row", "instance", ids | {"id": 2}),
        ("ck_link_total_not_negative", "link_total", total | {"bot_clicks": -1}),
        ("ck_link_total_unique_among_clicks", "link_total", total | {"unique_clicks": 2}),
        ("uq_domain_hostname", "domain", domain | {"hostname": "kurz.example"}),
        ("ck_domain_hostname_form", "domain", domain | {"hostname": "B.example"}),
        ("ck_domain_hostname_length", "domain", domain | {"hostname": "b" * 254}),
        ("ck_workspace_name_length", "workspace", workspace | {"name": ""}),
        ("ck_workspace_timezone_length", "workspace", workspace | {"timezone": ""}),
    ]
    assert [(rule, by) for rule, table, row in cases if (by := await insert(conn, table, row)) != rule] == []
    assert await insert(conn, "link_total", total) is None
    assert await insert(conn, "domain", domain) is None
