"""Live clicks: what subscriptions tell, over a socket."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from graph import ids
from graph.clicks import id_of
from graph.rate import RateLimit, RateLimiter
from models.click_lists import ClickKey
from models.database import Database
from models.keys import Scope
from tests.clicks_data import Visit
from tests.graph.api import Api, make_api
from tests.graph.clicked import CRAWLER, HEAD, Clicked, at
from tests.graph.living import RECORDED, Live, marked, marks, serving_live

pytestmark = pytest.mark.database

LINKS = "subscription ($ids: [ID!]!, $every: Int) { linksClicked(ids: $ids, every: $every) { code clickCount } }"


async def cursors(api: Api) -> dict[str, str]:
    """The cursor of each stored click by its mark."""
    document = """{ workspace { clicks(first: 100, range: {days: {from: "2026-03-01", to: "2026-03-31"}})
      { edges { cursor node { utmSource } } } } }"""
    edges = (await api.ask(document))["workspace"]["clicks"]["edges"]
    return {edge["node"]["utmSource"]: edge["cursor"] for edge in edges}


async def test_each_click_is_told_as_it_is_stored(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    async with live.talk() as talk:
        await talk.subscribe(RECORDED)
        await live.until_followed()
        await clicked.store(*marked(clicked, link, "one", "two"))
        first, second = [(await talk.next())["clickRecorded"] for _ in range(2)]
        await clicked.store(*marked(clicked, link, "three"))
        assert await marks(talk, 1) == ["three"]
    assert [first["node"]["utmSource"], second["node"]["utmSource"]] == ["one", "two"]
    assert (await cursors(live.api))["one"] == first["cursor"] == first["node"]["id"]


async def test_only_people_are_told_unless_kinds_are_asked_for(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    async with live.talk() as talk:
        await talk.subscribe(RECORDED, id="people")
        await talk.subscribe(RECORDED, {"filter": {"kind": ["CRAWLER", "HEAD"]}}, id="bots")
        await live.until_followed(2)
        bots = [clicked.visit(link, at(20), kind=kind, utm_source=kind.name) for kind in (CRAWLER, HEAD)]
        await clicked.store(*bots, *marked(clicked, link, "person"))
        heard: dict[str, set[str]] = {"people": set(), "bots": set()}
        for _ in range(3):
            message = await talk.hear()
            heard[message["id"]].add(message["payload"]["data"]["clickRecorded"]["node"]["utmSource"])
    assert heard == {"people": {"person"}, "bots": {"CRAWLER", "HEAD"}}


async def test_a_filter_takes_live_what_it_takes_of_the_past(live: Live, clicked: Clicked) -> None:
    mine, other = await clicked.link("a"), await clicked.link("b")
    visits = [
        clicked.visit(mine, at(20), utm_source="1", country="DE", browser="Firefox"),
        clicked.visit(mine, at(20), utm_source="2", country=None, browser="Firefox", referrer="x.example"),
        clicked.visit(mine, at(20), utm_source="3", country="FR", browser="Chrome", device="MOBILE"),
        clicked.visit(other, at(20), utm_source="4", country="DE", language="de", os="Linux"),
    ]
    filters = [
        {"country": ["DE", None]},
        {"browser": ["Firefox"], "referrer": [None]},
        {"device": ["MOBILE"]},
        {"link": [ids.encode(ids.LINK, other), "lnk_0", "junk"]},
        {"language": ["de"], "os": ["Linux"], "utmSource": ["4"]},
        {"country": []},
    ]
    told: list[dict[str, set[str]]] = []
    await clicked.store(*marked(clicked, mine, "before"))
    since = (await cursors(live.api))["before"]
    for _ in ("live", "replayed"):
        heard: dict[str, set[str]] = {str(number): set() for number, _ in enumerate(filters)}
        async with live.talk() as talk:
            for number, chosen in enumerate(filters):
                await talk.subscribe(RECORDED, {"filter": chosen, "since": since}, id=str(number))
            await live.until_followed(len(filters))
            if not told:
                await clicked.store(*visits)
            for _ in range(7):
                message = await talk.hear()
                heard[message["id"]].add(message["payload"]["data"]["clickRecorded"]["node"]["utmSource"])
        told.append(heard)
    assert told == [{"0": {"1", "2", "4"}, "1": {"1"}, "2": {"3"}, "3": {"4"}, "4": {"4"}, "5": set()}] * 2


async def test_another_workspace_is_told_nothing(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    workspace = await live.api.new_workspace()
    foreign = await live.api.new_key(workspace_id=workspace)
    async with live.talk(key=foreign) as theirs, live.talk() as mine:
        await theirs.subscribe(RECORDED)
        await theirs.subscribe(RECORDED, {"filter": {"link": [ids.encode(ids.LINK, link)]}}, id="2")
        await theirs.subscribe(LINKS, {"ids": [ids.encode(ids.LINK, link)]}, id="3")
        await mine.subscribe(RECORDED)
        await live.until_followed(4)
        await clicked.store(*marked(clicked, link, "mine"))
        assert await marks(mine, 1) == ["mine"]
        await clicked.store(Visit(occurred_at=at(20), link_id=9, workspace_id=workspace, utm_source="theirs"))
        assert await marks(theirs, 1) == ["theirs"]


async def test_since_replays_the_rest_of_its_batch_and_all_later_ones_in_the_order_of_storing(
    live: Live, clicked: Clicked
) -> None:
    link = await clicked.link("a")
    await clicked.store(*marked(clicked, link, "1", "2", "3"))
    late = clicked.visit(link, at(3), utm_source="4", visitor=4)  # stored later than it happened
    await clicked.store(late)
    await clicked.store(*marked(clicked, link, "5"))
    since = await cursors(live.api)
    async with live.talk() as talk:
        for number in range(1, 6):
            await talk.subscribe(RECORDED, {"since": since[str(number)]}, id=str(number))
            assert await marks(talk, 5 - number) == [str(later) for later in range(number + 1, 6)]
            await talk.say(id=str(number), type="complete")
        await talk.subscribe(RECORDED, {"since": since["4"]})
        assert await marks(talk, 1) == ["5"]
        await clicked.store(*marked(clicked, link, "6"))
        assert await marks(talk, 1) == ["6"]


async def test_a_cursor_that_cannot_be_begun_from_is_refused(live: Live, clicked: Clicked, api: Api) -> None:
    link = await clicked.link("a")
    await clicked.store(*marked(clicked, link, "1"))
    known = (await cursors(api))["1"]
    unknown = id_of(ClickKey(at(20) + timedelta(microseconds=1), 1, 0))
    foreign = await api.new_key(workspace_id=await api.new_workspace())
    cases = [(api.key, "junk"), (api.key, ""), (api.key, "lnk_0"), (api.key, unknown), (foreign, known)]
    for key, since in cases:
        async with live.talk(key=key) as talk:
            await talk.subscribe(RECORDED, {"since": since})
            assert await talk.error_codes() == ["BAD_REQUEST"], since
    async with api.database.write() as session:
        await session.execute(text("delete from click_batch"))
    async with live.talk() as talk:
        await talk.subscribe(RECORDED, {"since": known})
        assert await talk.error_codes() == ["BAD_REQUEST"]


async def test_whoever_comes_and_goes_hears_of_every_click(live: Live, clicked: Clicked) -> None:
    """Random batches, random disconnections in the middle of them: the union is what was stored, in order each time."""
    choice = random.Random(5)
    link = await clicked.link("a")
    await clicked.store(*marked(clicked, link, "0"))
    total, since = 200, (await cursors(live.api))["0"]

    async def store_all() -> None:
        number = 1
        while number <= total:
            size = min(choice.randint(1, 12), total + 1 - number)
            await clicked.store(*marked(clicked, link, *(str(number + one) for one in range(size))))
            number += size

    storing = asyncio.create_task(store_all())
    heard: list[int] = []
    while len(set(heard)) < total:
        async with live.talk() as talk:
            await talk.subscribe(RECORDED, {"since": since})
            for _ in range(choice.randint(1, 40)):
                edge = (await talk.next())["clickRecorded"]
                since = edge["cursor"]
                heard.append(int(edge["node"]["utmSource"]))
                if heard[-1] == total:
                    break
            talk.raw.transport.abort()
    await storing
    assert heard == list(range(1, total + 1))


async def test_links_that_are_clicked_are_told_together(live: Live, clicked: Clicked) -> None:
    links = [await clicked.link(code) for code in ("a", "b", "c")]
    asked = [ids.encode(ids.LINK, link) for link in links[:2]]
    async with live.talk() as talk:
        await talk.subscribe(LINKS, {"ids": [*asked, "junk", "lnk_0"], "every": None})
        await live.until_followed()
        bot = clicked.visit(links[1], at(20), kind=CRAWLER)
        await clicked.store(*(clicked.visit(links[0], at(20), visitor=one) for one in range(5)), bot)
        assert (await talk.next())["linksClicked"] == [{"code": "a", "clickCount": 5}]
        await clicked.store(*(clicked.visit(link, at(20), visitor=9) for link in links))
        told = (await talk.next())["linksClicked"]
        assert sorted((one["code"], one["clickCount"]) for one in told) == [("a", 6), ("b", 1)]


async def test_links_are_told_at_most_once_in_the_time_asked_for(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    async with live.talk() as talk, live.talk() as other:
        await talk.subscribe(LINKS, {"ids": [ids.encode(ids.LINK, link)], "every": 3600})
        await other.subscribe(RECORDED)
        await live.until_followed(2)
        await clicked.store(*marked(clicked, link, "1"))
        assert (await talk.next())["linksClicked"] == [{"code": "a", "clickCount": 1}]
        await clicked.store(*marked(clicked, link, "2"))
        assert await marks(other, 2) == ["1", "2"]  # so the other has been told as well, had it been time
        await talk.say(type="ping")
        assert await talk.hear() == {"type": "pong"}


async def test_arguments_out_of_bounds_are_refused(live: Live) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [(LINKS, {"ids": [], "every": every}) for every in (0, -1, 3601)]
    cases += [(LINKS, {"ids": ["lnk_0"] * 101}), (RECORDED, {"filter": {"country": ["DE"] * 101}})]
    async with live.talk() as talk:
        for document, variables in cases:
            await talk.subscribe(document, variables)
            assert await talk.error_codes() == ["BAD_REQUEST"], variables


async def test_each_subscription_needs_its_scope(live: Live) -> None:
    needed = {RECORDED: Scope.ANALYTICS_READ, LINKS: Scope.LINKS_READ}
    for document, scope in needed.items():
        async with live.talk(key=await live.api.new_key(set(Scope) - {scope})) as talk:
            await talk.subscribe(document, {"ids": []})
            message = await talk.hear()
            assert message["payload"][0]["extensions"] == {"code": "FORBIDDEN", "requiredScope": scope.name}
        async with live.talk(key="") as talk:
            await talk.subscribe(document, {"ids": []})
            assert await talk.error_codes() == ["UNAUTHENTICATED"]


async def test_what_is_nested_is_asked_anew_for_each_event(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    document = """subscription { clickRecorded { node { link { clickCount
      analytics(range: {period: ALL_TIME}) { totals { clicks } } } } } }"""
    async with live.talk() as talk:
        await talk.subscribe(document)
        await live.until_followed()
        for count in (1, 2):
            await clicked.store(*marked(clicked, link, str(count)))
            told = (await talk.next())["clickRecorded"]["node"]["link"]
            assert told == {"clickCount": count, "analytics": {"totals": {"clicks": count}}}


async def test_a_field_that_fails_ends_neither_its_event_nor_the_subscription(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    key = await live.api.new_key({Scope.ANALYTICS_READ})
    async with live.talk(key=key) as talk:
        await talk.subscribe("subscription { clickRecorded { cursor node { link { id } } } }")
        await live.until_followed()
        for mark in ("1", "2"):
            await clicked.store(*marked(clicked, link, mark))
            message = await talk.hear()
            assert message["type"] == "next"
            assert [error["extensions"]["code"] for error in message["payload"]["errors"]] == ["FORBIDDEN"]


async def test_many_who_want_the_same_all_get_it(live: Live, clicked: Clicked) -> None:
    link = await clicked.link("a")
    async with live.talk() as first, live.talk() as second, live.talk() as third:
        talks = (first, second, third)
        for talk in talks:
            await talk.subscribe(RECORDED)
        await live.until_followed(3)
        await clicked.store(*marked(clicked, link, *map(str, range(50))))
        assert [await marks(talk, 50) for talk in talks] == [[str(number) for number in range(50)]] * 3


async def test_an_event_that_takes_too_long_ends_neither_the_subscription_nor_those_after_it(
    database: Database, database_url: str
) -> None:
    api = await make_api(database, deadline_s=4.0)
    clicked = Clicked(api, database_url)
    async with api.client, serving_live(api, database_url) as live, live.talk() as talk:
        link = await clicked.link("a")
        await talk.subscribe("subscription { clickRecorded { cursor node { link { createdBy { name } } } } }")
        await live.until_followed()
        async with database.write() as session:
            await session.execute(text("lock table api_key in access exclusive mode"))
            await clicked.store(*marked(clicked, link, "1"))
            message = await talk.hear()
            assert message["type"] == "next"
            assert [error["extensions"]["code"] for error in message["payload"]["errors"]] == ["TIMEOUT"]
        await clicked.store(*marked(clicked, link, "2"))
        assert (await talk.next())["clickRecorded"]["node"]["link"]["createdBy"]["name"]


async def test_a_message_pays_for_what_has_to_be_read_for_it(database: Database, database_url: str) -> None:
    limiter = RateLimiter(RateLimit(capacity=1_000, per_second=1), clock=lambda: 10**9)  # nothing comes back
    api = await make_api(database, rate_limiter=limiter)
    clicked = Clicked(api, database_url)
    document = "subscription { clickRecorded { node { link { clicks(first: %d) { nodes { id } } } } } }"
    async with api.client, serving_live(api, database_url) as live, live.talk() as talk:
        link = await clicked.link("a")
        await talk.subscribe(document % 100)
        await live.until_followed()
        await clicked.store(*marked(clicked, link, *map(str, range(12))))
        heard = [await talk.hear() for _ in range(10)]
        assert [message["type"] for message in heard] == ["next"] * 9 + ["error"]
        assert heard[-1]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_subscription_whose_messages_may_be_too_dear_does_not_begin(live: Live) -> None:
    inner = "nodes { link { clicks(first: 100) { nodes { id } } } }"
    async with live.talk() as talk:
        await talk.subscribe(
            f"subscription {{ clickRecorded {{ node {{ link {{ clicks(first: 100) {{ {inner} }} }} }} }} }}"
        )
        assert await talk.error_codes() == ["QUERY_TOO_COMPLEX"]


async def test_twenty_messages_cost_a_point_and_an_empty_budget_ends_the_subscription(
    database: Database, database_url: str
) -> None:
    limiter = RateLimiter(RateLimit(capacity=1_000, per_second=1), clock=lambda: 10**9)  # nothing comes back
    api = await make_api(database, rate_limiter=limiter)
    clicked = Clicked(api, database_url)
    async with api.client, serving_live(api, database_url) as live, live.talk() as talk:
        link = await clicked.link("a")
        await talk.subscribe(RECORDED)
        await live.until_followed()
        number = (await api.ask("{ viewer { actor { id } } }"))["viewer"]["actor"]["id"]
        credential = f"key {ids.decode(ids.API_KEY, number)}"
        limiter.take(credential, limiter.take(credential, 0).remaining)
        await clicked.store(*marked(clicked, link, *map(str, range(30))))
        heard = await marks(talk, 19)
        message = await talk.hear()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert message["payload"][0]["extensions"]["retryAfter"] >= 1
        assert heard == [str(number) for number in range(19)]
        await talk.subscribe(RECORDED)
        assert await talk.error_codes() == ["RATE_LIMITED"]
