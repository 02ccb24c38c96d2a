"""Many links at once: all or none, or those that can be made; what each item is answered, and within which limits."""

from typing import Any

import pytest

from models.roles import Role
from tests.graph.api import Api, error_codes
from tests.graph.batches import MANY, codes, limit, links, many

pytestmark = pytest.mark.database

GOOD, BAD = {"destinationUrl": "https://example.com/"}, {"destinationUrl": "example.com"}


async def count(api: Api) -> int:
    found = await api.ask("{ links(first: 0) { totalCount } }")
    return int(found["links"]["totalCount"])


def where(results: list[dict[str, Any]]) -> list[int]:
    """The places of the items that were done."""
    return [place for place, result in enumerate(results) if result["link"]]


async def test_links_are_made_in_the_order_asked(api: Api) -> None:
    made = await many(api, "createLinks", [{**GOOD, "code": code} for code in ("b", "a", "c")])
    assert list(links(made["results"])) == ["b", "a", "c"]
    assert [result["created"] for result in made["results"]] == [True] * 3
    assert made["userErrors"] == []
    assert api.created == ["b", "a", "c"]


async def test_all_or_nothing_is_meant_unless_told_otherwise(api: Api) -> None:
    for policy in (None, "ALL_OR_NOTHING"):
        nothing = await many(api, "createLinks", [{**GOOD, "code": "a"}, BAD, {**GOOD, "code": "graphql"}], policy)
        assert codes(nothing["results"]) == [
            [],
            [("INVALID", ["items", "1", "destinationUrl"])],
            [("RESERVED", ["items", "2", "code"])],
        ]
        assert [(result["link"], result["created"]) for result in nothing["results"]] == [(None, False)] * 3
        assert codes([nothing]) == [[("INVALID", ["items"])]]
    assert (await count(api), api.created) == (0, [])


async def test_no_policy_is_the_default_also_where_null_means_cleared_elsewhere(api: Api) -> None:
    link = await api.create()
    items = [{"link": {"id": link["id"]}, "title": "new"}, {"link": {"code": "unknown"}}]
    answer = await api.ask(MANY["updateLinks"], {"input": {"items": items, "policy": None}})
    assert where(answer["updateLinks"]["results"]) == []
    assert codes([answer["updateLinks"]]) == [[("INVALID", ["items"])]]


async def test_what_can_be_made_is_made_when_failures_are_skipped(api: Api) -> None:
    await api.create(code="taken")
    wanted = [{**GOOD, "code": "a"}, BAD, {**GOOD, "code": "taken"}, {**GOOD, "code": "a"}, GOOD]
    made = await many(api, "createLinks", wanted, "SKIP_FAILED")
    assert where(made["results"]) == [0, 4]
    assert codes(made["results"])[2:4] == [[("TAKEN", ["items", "2", "code"])], [("TAKEN", ["items", "3", "code"])]]
    assert made["userErrors"] == []


async def test_suggestions_are_free_and_nobodys_in_the_batch(api: Api) -> None:
    await api.create(code="shop")
    for policy in ("ALL_OR_NOTHING", "SKIP_FAILED"):
        wanted = [{**GOOD, "code": code} for code in ("shop", "shop-2", "shop", f"shop-3{policy}")]
        answer = await many(api, "createLinks", wanted, policy)
        (first,), (second,) = (answer["results"][place]["userErrors"] for place in (0, 2))
        assert first["suggestions"] == second["suggestions"]
        assert "shop-2" not in first["suggestions"] and len(set(first["suggestions"])) == 3


@pytest.mark.parametrize("name", MANY)
async def test_a_batch_of_nothing_is_refused(api: Api, name: str) -> None:
    for policy in ("ALL_OR_NOTHING", "SKIP_FAILED"):
        answer = await many(api, name, [], policy)
        assert (answer["results"], codes([answer])) == ([], [[("INVALID", ["items"])]])


@pytest.mark.parametrize("name", MANY)
async def test_more_items_than_the_workspace_may_send_are_not_looked_at(api: Api, name: str) -> None:
    item = GOOD if name == "createLinks" else {"link": {"code": "unknown"}}
    await limit(api, items=2)
    assert (await many(api, name, [item] * 2))["results"] != []
    refused = await many(api, name, [item] * 3, "SKIP_FAILED")
    (error,) = refused["userErrors"]
    assert refused["results"] == []
    assert (error["__typename"], error["code"], error["path"]) == ("LimitReachedError", "LIMIT_REACHED", ["items"])
    assert error["limit"] == 2
    limits = await api.ask("{ workspace { limits { maxBulkItems } } }")
    assert limits["workspace"]["limits"] == {"maxBulkItems": 2}


async def test_501_items_are_too_many_unless_anything_is_set(api: Api) -> None:
    (error,) = (await many(api, "createLinks", [GOOD] * 501, "SKIP_FAILED"))["userErrors"]
    assert (error["__typename"], error["limit"]) == ("LimitReachedError", 500)
    assert await count(api) == 0


async def test_room_for_links_is_for_the_batch_as_a_whole(api: Api) -> None:
    await api.create()
    await limit(api, links=3)
    nothing = await many(api, "createLinks", [GOOD] * 3)
    (error,) = nothing["userErrors"]
    assert (error["__typename"], error["path"], error["limit"]) == ("LimitReachedError", ["items"], 3)
    assert codes(nothing["results"]) == [[]] * 3
    assert await count(api) == 1

    assert where((await many(api, "createLinks", [GOOD] * 2))["results"]) == [0, 1]


async def test_when_failures_are_skipped_those_links_are_made_that_fit(api: Api) -> None:
    await limit(api, links=2)
    some = await many(api, "createLinks", [GOOD, BAD, GOOD, GOOD, BAD], "SKIP_FAILED")
    assert where(some["results"]) == [0, 2]
    (error,) = some["results"][3]["userErrors"]
    assert (error["__typename"], error["path"], error["limit"]) == ("LimitReachedError", ["items", "3"], 2)
    assert codes(some["results"])[4] == [("INVALID", ["items", "4", "destinationUrl"])]
    assert await count(api) == 2


async def test_a_link_named_twice_is_changed_twice(api: Api) -> None:
    link = await api.create(code="a", externalId="x")
    items: list[dict[str, Any]] = [
        {"link": {"externalId": "x"}, "externalId": "y", "title": "1"},
        {"link": {"externalId": "y"}, "title": "2", "expectedVersion": 2},
        {"link": {"externalId": "x"}, "title": "3"},
        {"link": {"id": link["id"]}, "title": "4", "expectedVersion": 2},
    ]
    some = await many(api, "updateLinks", items, "SKIP_FAILED")
    assert [result["link"] and result["link"]["version"] for result in some["results"]] == [2, 3, None, None]
    assert codes(some["results"])[2:] == [
        [("NOT_FOUND", ["items", "2", "link"])],
        [("VERSION_CONFLICT", ["items", "3", "expectedVersion"])],
    ]
    assert some["results"][3]["userErrors"][0]["currentVersion"] == 3
    entries = await api.ask("{ workspace { auditLog(first: 3) { nodes { action summary } } } }")
    assert [(entry["action"], entry["summary"]) for entry in entries["workspace"]["auditLog"]["nodes"]][:2] == [
        ("link.update", "title: '1' -> '2'"),
        ("link.update", "title: - -> '1'; external_id: 'x' -> 'y'"),
    ]


async def test_external_ids_go_round(api: Api) -> None:
    for name in "abc":
        await api.create(code=name, externalId=name)
    to = {"a": None, "b": "a", "c": "b"}
    items = [{"link": {"code": code}, "externalId": new} for code, new in to.items()]
    round_ = await many(api, "updateLinks", [*items, {"link": {"code": "a"}, "externalId": "c"}])
    assert [result["link"]["externalId"] for result in round_["results"]] == [None, "a", "b", "c"]
    found = await api.ask("{ links(orderBy: {field: CODE, direction: ASC}) { nodes { code externalId version } } }")
    assert [(link["externalId"], link["version"]) for link in found["links"]["nodes"]] == [("c", 3), ("a", 2), ("b", 2)]


async def test_a_change_that_fails_takes_all_back(api: Api) -> None:
    await api.create(code="a", externalId="x")
    await api.create(code="b")
    items = [{"link": {"code": "a"}, "title": "new"}, {"link": {"code": "b"}, "externalId": "x"}]
    nothing = await many(api, "updateLinks", items)
    assert codes(nothing["results"]) == [[], [("TAKEN", ["items", "1", "externalId"])]]
    found = await api.ask("{ links { nodes { title version } } }")
    assert found["links"]["nodes"] == [{"title": None, "version": 1}] * 2

    for reason in ("r" * 501, None):
        gone = await many(api, "deactivateLinks", [{"link": {"code": "a"}}, {"link": {"code": "b"}, "reason": reason}])
        assert len(where(gone["results"])) == (0 if reason else 2)


async def test_an_item_that_no_database_could_take_is_refused_alone(api: Api) -> None:
    await api.create(code="a")
    for name in ("externalId", "title"):
        items = [{"link": {"code": "a"}, name: "\0"}, {"link": {"code": "a"}, "title": f"beside {name}"}]
        some = await many(api, "updateLinks", items, "SKIP_FAILED")
        assert codes(some["results"]) == [[("INVALID", ["items", "0", name])], []]


async def test_a_member_changes_no_link_of_others(api: Api) -> None:
    member = await api.new_member(Role.MEMBER)
    await api.create(code="theirs")
    own = await many(api, "createLinks", [{**GOOD, "code": "own"}], key=member.token)
    assert where(own["results"]) == [0]
    for name, more in (("updateLinks", {"title": "new"}), ("deactivateLinks", {})):
        items = [{"link": {"code": code}, **more} for code in ("own", "theirs")]
        for policy, done in (("ALL_OR_NOTHING", []), ("SKIP_FAILED", [0])):
            answer = await many(api, name, items, policy, key=member.token)
            assert where(answer["results"]) == done
            assert codes(answer["results"])[1] == [("FORBIDDEN", ["items", "1", "link"])]
    found = await api.ask('{ link(by: {code: "theirs"}) { version } }')
    assert found == {"link": {"version": 1}}


def number_of(statements: list[str]) -> int:
    """Without the one that notes, now and then, that the key was used."""
    return len([statement for statement in statements if "last_used_at" not in statement])


async def test_many_items_are_one_transaction_of_a_few_statements(api: Api) -> None:
    sent = {}
    for size in (2, 100):
        heard = api.statements()
        wanted = [{**GOOD, "externalId": f"{size}-{number}"} for number in range(size)]
        results = (await many(api, "createLinks", wanted))["results"]
        sent["createLinks", size] = number_of(heard)
        for name, more in (("updateLinks", {"externalId": None}), ("deactivateLinks", {"reason": "over"})):
            heard = api.statements()
            answer = await many(api, name, [{"link": {"id": one["link"]["id"]}, **more} for one in results])
            assert len(where(answer["results"])) == size
            sent[name, size] = number_of(heard)
    assert all(sent[name, 2] == sent[name, 100] <= 8 for name in MANY), sent


async def test_500_links_are_made_changed_and_deactivated(api: Api) -> None:
    wanted = [{**GOOD, "code": f"c{number}", "notes": "n" * 500} for number in range(500)]
    made = (await many(api, "createLinks", wanted))["results"]
    assert list(links(made)) == [one["code"] for one in wanted]
    backwards = [f"c{number}" for number in reversed(range(500))]
    updates = [{"link": {"code": code}, "title": "new"} for code in backwards]
    updated = (await many(api, "updateLinks", updates))["results"]
    gone = (await many(api, "deactivateLinks", [{"link": {"code": code}} for code in backwards]))["results"]
    assert list(links(updated)) == list(links(gone)) == backwards
    states = {(one["link"]["version"], one["link"]["title"], one["link"]["status"]) for one in gone}
    assert states == {(3, "new", "DEACTIVATED")}


async def test_a_wrong_kind_of_item_is_a_bad_request(api: Api) -> None:
    wrong: tuple[Any, ...] = ([1], [None], [{}], [[GOOD]], "a")
    for items in wrong:
        response = await api.post(MANY["createLinks"], {"input": {"items": items}})
        assert (response.status_code, error_codes(response)) == (422, ["BAD_REQUEST"]), items
    alone = await api.post(MANY["createLinks"], {"input": {"items": GOOD}})
    assert where(alone.json()["data"]["createLinks"]["results"]) == [0]
