"""Operations end in time: alone what is slow is missing, and PostgreSQL stops working for nobody."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from graph.database_share import MOST_AT_ONCE
from graph.operations import Caller
from models.database import Database, make_engine
from tests.eventually import eventually
from tests.graph.api import CREATE, Api, error_codes, make_api
from tests.graph.sessions import Sessions, locked, watching

pytestmark = pytest.mark.database

# Long enough for a machine under load to do in it what is meant to be in time.
LATE: dict[str, Any] = {"deadline_s": 4.0, "analytics_deadline_s": 2.0}
PATIENT: dict[str, Any] = {"deadline_s": 300, "analytics_deadline_s": 240}
SEVERAL = """{ workspace { name analytics(range: {period: LAST_7_DAYS}) {
  a: timeseries(interval: DAY) { points { clicks } } b: timeseries(interval: HOUR) { points { clicks } }
  c: timeseries(interval: QUARTER_HOUR) { points { clicks } } d: totals { clicks }
  e: top(dimension: OS) { rows { key } } f: top(dimension: OS, orderBy: UNIQUE_CLICKS) { rows { key } } } } }"""


def answer_of(response: httpx.Response) -> tuple[int, Any, list[str]]:
    return response.status_code, response.json().get("data"), error_codes(response)


async def test_slow_analytics_are_null_and_stop_in_postgresql(database: Database, database_url: str) -> None:
    api = await make_api(database, **LATE)
    async with api.client, watching(database_url) as sessions, locked(database_url, "click_slot"):
        answer = await api.post(SEVERAL)

        assert answer.status_code == 200
        workspace = answer.json()["data"]["workspace"]
        assert workspace["name"] == "Default"
        # Totals cannot be null, so they take their parent with them.
        assert workspace["analytics"] is None and "TIMEOUT" in error_codes(answer)
        await eventually(lambda: only_the_lock(sessions))
        await eventually(lambda: nothing_checked_out(database))


async def nothing_checked_out(database: Database) -> bool:
    # PostgreSQL is done with a question a moment before the pool has its connection back.
    return bool(database.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]


async def only_the_lock(sessions: Sessions) -> bool:
    return await sessions.busy() == 1


async def test_a_slow_field_leaves_the_others(database: Database, database_url: str) -> None:
    api = await make_api(database, **LATE)
    async with api.client, watching(database_url) as sessions, locked(database_url, "link"):
        answer = await api.post('{ link(by: {code: "a"}) { id } workspace { name } viewer { scopes } }')

        status, data, codes = answer_of(answer)
        assert (status, data["link"], data["workspace"], codes) == (200, None, {"name": "Default"}, ["TIMEOUT"])
        await eventually(lambda: only_the_lock(sessions))


async def test_a_change_in_time_stays_and_one_too_late_is_not_made(database: Database, database_url: str) -> None:
    api = await make_api(database, **LATE)
    await trigger(database, "before insert on link", "if new.code = 'slow' then perform pg_sleep(600); end if;")
    document = """mutation {
      quick: createLink(input: {destinationUrl: "https://example.com/", code: "quick"}) { created }
      slow: createLink(input: {destinationUrl: "https://example.com/", code: "slow"}) { created }
      late: createLink(input: {destinationUrl: "https://example.com/", code: "late"}) { created }
    }"""
    async with api.client, watching(database_url) as sessions:
        answer = await api.post(document)
        await eventually(sessions.are_idle)
        codes = [row["code"] for row in await sessions.connection.fetch("select code from link")]

    data = {"quick": {"created": True}, "slow": None, "late": None}
    assert answer_of(answer) == (200, data, ["TIMEOUT", "TIMEOUT"])
    assert codes == ["quick"]


async def test_a_commit_that_does_not_end_is_a_time_out(database: Database, database_url: str) -> None:
    api = await make_api(database, **LATE)
    await trigger(
        database, "after insert on link deferrable initially deferred", "perform pg_sleep(600);", kind="constraint "
    )
    async with api.client, watching(database_url) as sessions:
        answer = await api.post(CREATE, {"input": {"destinationUrl": "https://example.com/"}})
        await eventually(sessions.are_idle)

    assert answer_of(answer) == (503, None, ["TIMEOUT"])
    assert int(answer.headers["retry-after"]) > 0
    assert "extensions" not in answer.json()  # as docs/limits.md says: what it has cost is not told


async def trigger(database: Database, event: str, body: str, *, kind: str = "") -> None:
    """A trigger with this body."""
    async with database.write() as session:
        await session.execute(
            text(f"create function slow() returns trigger language plpgsql as $$ begin {body} return new; end $$")
        )
        await session.execute(text(f"create {kind}trigger slow {event} for each row execute function slow()"))


async def test_an_operation_asks_few_questions_at_once(database: Database, database_url: str) -> None:
    api = await make_api(database, **PATIENT)
    fields = " ".join(f'n{number}: codeAvailability(code: "c{number}") {{ available }}' for number in range(12))
    async with api.client, watching(database_url) as sessions:
        async with locked(database_url, "link"):
            asked = asyncio.create_task(api.post(f"{{ {fields} }}"))
            await eventually(lambda: are_waiting(sessions, MOST_AT_ONCE))
            most = database.engine.pool.checkedout()  # type: ignore[attr-defined]
        answer = await asked

    assert most == MOST_AT_ONCE
    assert all(field["available"] for field in answer.json()["data"].values())


async def are_waiting(sessions: Sessions, count: int) -> bool:
    return await sessions.waiting() == count


async def test_slow_analytics_leave_connections_to_everybody_else(database: Database, database_url: str) -> None:
    api = await make_api(database, **PATIENT)
    async with api.client, watching(database_url) as sessions:
        async with locked(database_url, "click_slot"):
            asked = [asyncio.create_task(api.post(SEVERAL)) for _ in range(4)]
            await eventually(lambda: are_waiting(sessions, MOST_AT_ONCE))
            others = [await api.ask("{ workspace { name } links { nodes { id } } }") for _ in range(10)]
        answers = [(await one).json() for one in asked]

    assert others == [{"workspace": {"name": "Default"}, "links": {"nodes": []}}] * 10
    assert ["errors" in answer for answer in answers] == [False] * 4


async def test_a_question_about_clicks_that_gets_no_turn_in_time_is_null(database: Database, database_url: str) -> None:
    patient, hurried = await make_api(database, **PATIENT), await make_api(database, **LATE)
    async with patient.client, hurried.client, watching(database_url) as sessions:
        async with locked(database_url, "click_slot"):
            hog = asyncio.create_task(patient.post(SEVERAL))
            await eventually(lambda: are_waiting(sessions, MOST_AT_ONCE))
            answer = await hurried.post("{ workspace { name analytics { totals { clicks } } } }")
        await hog

    assert answer_of(answer) == (200, {"workspace": {"name": "Default", "analytics": None}}, ["TIMEOUT"])


async def test_a_field_that_is_given_up_takes_no_other_with_it(api: Api, database_url: str) -> None:
    """graphql-core cancels the siblings of a field that failed; others may wait for the same answer."""
    principal = await api.operations.sign_in.principal(api.key)
    caller = Caller(principal=principal, request_id="", client="")
    context = api.operations.context_for(caller)
    async with watching(database_url) as sessions:
        async with locked(database_url, "domain"):
            waiting = [asyncio.ensure_future(context.loaders.domain.load(api.instance.domain_id)) for _ in range(2)]
            await eventually(lambda: are_waiting(sessions, 1))
            waiting[0].cancel()
        domain = await waiting[1]

    assert domain is not None and domain.hostname == "sho.rt"


async def test_a_pool_of_one_answers_wide_operations_too(database: Database, database_url: str) -> None:
    api = await make_api(database)
    small = Database(make_engine(database_url, pool_size=1))
    narrow = await make_api(small)
    async with api.client, narrow.client:
        answers = [(await one.post(SEVERAL)).json() for one in (api, narrow)]
    await small.close()

    assert [("errors" in answer) for answer in answers] == [False, False]
