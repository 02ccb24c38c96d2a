"""Batches of links, each in a transaction of its own."""

from collections.abc import Iterable, Sequence

from models import bulk_changes, bulk_creation
from models.actors import BY_OPERATOR, OPERATOR
from models.bulk import BulkPolicy, Outcome
from models.bulk_changes import Deactivation, LinkUpdate
from models.codes import RANDOM_CODES, CodeSpace
from models.database import Database
from models.instance import InstanceRecord
from models.link_changes import LinkChanges
from models.link_creation import LinkDraft
from models.links import LinkLookup, LinkRecord
from tests.models.making import LATER, NOW, POLICY

URL = "https://example.com/"
SKIP, ALL = BulkPolicy.SKIP_FAILED, BulkPolicy.ALL_OR_NOTHING


async def create_all(
    database: Database,
    here: InstanceRecord,
    drafts: Sequence[LinkDraft],
    bulk: BulkPolicy = SKIP,
    *,
    space: CodeSpace = RANDOM_CODES,
) -> list[Outcome]:
    async with database.write() as session:
        return await bulk_creation.create_all(
            session,
            workspace_id=here.workspace_id,
            domain_id=here.domain_id,
            drafts=drafts,
            bulk=bulk,
            by=OPERATOR,
            policy=POLICY,
            now=NOW,
            space=space,
        )


async def update_all(
    database: Database, here: InstanceRecord, changes: Iterable[tuple[LinkLookup, LinkChanges]], bulk: BulkPolicy = SKIP
) -> list[Outcome]:
    async with database.write() as session:
        return await bulk_changes.update_all(
            session,
            workspace_id=here.workspace_id,
            updates=[LinkUpdate(lookup=lookup, changes=one) for lookup, one in changes],
            bulk=bulk,
            policy=POLICY,
            by=BY_OPERATOR,
            now=LATER,
        )


async def deactivate_all(database: Database, here: InstanceRecord, lookups: Iterable[LinkLookup]) -> list[Outcome]:
    async with database.write() as session:
        return await bulk_changes.deactivate_all(
            session,
            workspace_id=here.workspace_id,
            deactivations=[Deactivation(lookup=lookup) for lookup in lookups],
            bulk=ALL,
            by=BY_OPERATOR,
            now=LATER,
        )


def made(outcomes: Iterable[Outcome]) -> list[str]:
    """The codes of the links that there are now."""
    return [outcome.code for outcome in outcomes if isinstance(outcome, LinkRecord)]


def named(codes: Iterable[str]) -> list[LinkDraft]:
    return [LinkDraft(URL, code=code) for code in codes]
