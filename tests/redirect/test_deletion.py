"""Deleted links: gone for visitors of every worker, and back only when somebody reactivates them."""

import pytest

from models.refusals import Refused
from redirect.config import RedirectConfig
from tests.redirect.house import OLD, Owner, Visitor

pytestmark = pytest.mark.database


async def test_a_deleted_link_is_gone_on_every_worker_that_had_it(owner: Owner, config: RedirectConfig) -> None:
    await owner.make("abc")
    async with Visitor(config) as one, Visitor(config) as other:
        for worker in (one, other):
            await worker.sees("abc", OLD)
            assert worker.door.is_cached("abc")

        await owner.deactivate("abc")
        link = await owner.delete("abc")

        for worker in (one, other):
            await worker.sees("abc", 410)
        # A link that is restored is deactivated as it was before.
        await owner.restore(link)
        for worker in (one, other):
            await worker.sees("abc", 410)
        await owner.reactivate("abc")
        for worker in (one, other):
            await worker.sees("abc", OLD)


async def test_the_code_of_a_deleted_link_leads_nowhere_else(owner: Owner, visitor: Visitor) -> None:
    await owner.make("abc")
    await owner.deactivate("abc")
    await owner.delete("abc")

    with pytest.raises(Refused):
        await owner.make("abc", "https://other.example/")
    assert await visitor.visit("abc") == 410
