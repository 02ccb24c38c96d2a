"""Making links: who gets a code, and what happens to everybody else."""

from collections import Counter
from itertools import product

import pytest
from sqlalchemy import text

from models import keys
from models.codes import CodeSpace, is_well_formed
from models.database import Database
from models.instance import InstanceRecord
from models.keys import Scope
from models.links import LinkRecord, LinkStatus
from models.refusals import CodeTaken, LimitReached, Problem, Refused
from tests.models.making import NOW, kinds, make_link, together

pytestmark = pytest.mark.database
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


async def attempt(database: Database, here: InstanceRecord, **fields: str) -> LinkRecord | Refused:
    try:
        return await make_link(database, here, **fields)  # type: ignore[arg-type]
    except Refused as refused:
        return refused


async def number_of_links(database: Database) -> int:
    async with database.read() as conn:
        return int((await conn.execute(text("select count(*) from link"))).scalar_one())


async def occupy(database: Database, here: InstanceRecord, codes: list[str]) -> None:
    async with database.write() as session:
        await session.execute(
            text(
                "insert into link "
                "(id, workspace_id, domain_id, code, destination_url, created_at, updated_at, version) "
                "select row_number() over (), :workspace, :domain, code, 'https://example.com/', :now, :now, 1 "
                "from unnest(cast(:codes as text[])) as code"
            ),
            {"workspace": here.workspace_id, "domain": here.domain_id, "now": NOW, "codes": codes},
        )


async def test_a_link_is_stored_as_it_was_judged(database: Database, here: InstanceRecord) -> None:
    async with database.write() as session:
        key = await keys.create(session, workspace_id=here.workspace_id, name="k", scopes=[Scope.LINKS_CREATE], now=NOW)
    link = await make_link(
        database,
        here,
        url="HTTPS://Example.com:443/ü",
        code=" Spring_Sale-26 ",
        title="  Title ",
        notes=" a\r\nb ",
        external_id=" x ",
        created_by=key.record.id,
    )
    assert link == LinkRecord(
        id=link.id,
        workspace_id=here.workspace_id,
        domain_id=here.domain_id,
        code="Spring_Sale-26",
        destination_url="https://example.com/%C3%BC",
        title="Title",
        notes="a\nb",
        external_id="x",
        created_by_key=key.record.id,
        created_by_user=None,
        created_at=NOW,
        updated_at=NOW,
        deactivated_at=None,
        deactivation_reason=None,
        deleted_at=None,
        version=1,
    )
    assert link.status is LinkStatus.ACTIVE


async def test_blank_fields_are_as_good_as_left_out(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here, code=" ", title="", notes="\n", external_id="  ")
    assert (link.title, link.notes, link.external_id) == (None, None, None)
    assert len(link.code) == 7


async def test_each_link_has_its_row_of_totals(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    async with database.read() as conn:
        row = (await conn.execute(text("select * from link_total"))).one()
    assert tuple(row) == (link.id, here.workspace_id, 0, 0, 0, None, None)


async def test_every_broken_rule_is_told_at_once_and_nothing_is_made(database: Database, here: InstanceRecord) -> None:
    refused = await attempt(
        database, here, url="ftp://x/", code="graphql", title="a\nb", notes="n" * 4_001, external_id="e" * 201
    )
    assert isinstance(refused, Refused)
    assert kinds(refused) == {
        (Problem, "INVALID", ("destinationUrl",)),
        (Problem, "RESERVED", ("code",)),
        (Problem, "INVALID", ("title",)),
        (LimitReached, "LIMIT_REACHED", ("notes",)),
        (LimitReached, "LIMIT_REACHED", ("externalId",)),
    }
    assert await number_of_links(database) == 0


async def test_of_many_at_once_exactly_one_gets_the_code(database: Database, here: InstanceRecord) -> None:
    outcomes = await together(200, lambda: attempt(database, here, code="launch"))
    assert Counter(type(outcome) for outcome in outcomes) == {LinkRecord: 1, Refused: 199}
    for outcome in outcomes:
        if isinstance(outcome, Refused):
            (problem,) = outcome.problems
            assert isinstance(problem, CodeTaken)
            assert len(set(problem.suggestions)) == 3
            assert all(is_well_formed(suggestion) for suggestion in problem.suggestions)
    assert await number_of_links(database) == 1


async def test_a_code_is_free_again_when_its_maker_gave_up(database: Database, here: InstanceRecord) -> None:
    with pytest.raises(KeyError):
        async with database.write() as session:
            await session.execute(text("select 1"))
            await make_link(database, here, code="other")
            raise KeyError
    assert isinstance(await attempt(database, here, code="launch"), LinkRecord)


async def test_the_same_code_is_free_on_another_domain(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    assert isinstance(await attempt(database, here, code="launch"), LinkRecord)
    assert isinstance(await attempt(database, elsewhere, code="launch"), LinkRecord)


async def test_suggestions_can_be_had(database: Database, here: InstanceRecord) -> None:
    for code in ("launch", "launch-2", "launch-3", "launch-4", "launch-5"):
        await make_link(database, here, code=code)
    refused = await attempt(database, here, code="launch")
    assert isinstance(refused, Refused)
    (problem,) = refused.problems
    assert isinstance(problem, CodeTaken)
    for suggestion in problem.suggestions:
        assert isinstance(await attempt(database, here, code=suggestion), LinkRecord)


async def test_an_external_id_is_given_once_in_a_workspace(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    outcomes = await together(30, lambda: attempt(database, here, external_id="4711"))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(refusals) == 29
    assert {kind for refused in refusals for kind in kinds(refused)} == {(Problem, "TAKEN", ("externalId",))}
    assert isinstance(await attempt(database, elsewhere, external_id="4711"), LinkRecord)


async def test_code_and_external_id_taken_are_both_told(database: Database, here: InstanceRecord) -> None:
    await make_link(database, here, code="launch", external_id="4711")
    refused = await attempt(database, here, code="launch", external_id="4711")
    assert isinstance(refused, Refused)
    assert kinds(refused) == {(CodeTaken, "TAKEN", ("code",)), (Problem, "TAKEN", ("externalId",))}


async def test_an_external_id_of_another_workspace_is_not_told(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    await make_link(database, elsewhere, external_id="4711")
    await make_link(database, here, code="launch")
    refused = await attempt(database, here, code="launch", external_id="4711")
    assert isinstance(refused, Refused)
    assert kinds(refused) == {(CodeTaken, "TAKEN", ("code",))}


async def test_a_nearly_full_space_still_gives_codes(database: Database, here: InstanceRecord) -> None:
    every = ["".join(pair) for pair in product(BASE62, repeat=2)]
    await occupy(database, here, every[:3_800])
    space = CodeSpace(alphabet=BASE62, length=2)
    made = await together(60, lambda: make_link(database, here, space=space))
    assert len({link.code for link in made}) == 60
    assert {len(link.code) for link in made} <= {2, 3}
    assert not {link.code for link in made} & set(every[:3_800])


async def test_a_full_space_gives_codes_one_character_longer(database: Database, here: InstanceRecord) -> None:
    await occupy(database, here, ["".join(pair) for pair in product(BASE62, repeat=2)])
    link = await make_link(database, here, space=CodeSpace(alphabet=BASE62, length=2))
    assert len(link.code) == 3


async def test_a_space_full_at_both_lengths_is_a_typed_refusal(database: Database, here: InstanceRecord) -> None:
    await occupy(database, here, ["a", "b", "aa", "ab", "ba", "bb"])
    with pytest.raises(Refused) as refusal:
        await make_link(database, here, space=CodeSpace(alphabet="ab", length=1))
    assert kinds(refusal.value) == {(Problem, "CONFLICT", ("code",))}
