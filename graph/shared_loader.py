"""The loader that all our nested fields use."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from strawberry.dataloader import DataLoader

Key = TypeVar("Key")
Found = TypeVar("Found")


class SharedLoader(DataLoader[Key, Found]):
    """A loader whose answers survive that one of those who wait for them is cancelled.

    When a field fails where null is not allowed, graphql-core cancels its siblings. What they wait for may be waited
    for elsewhere too: without the shield it would be cancelled there as well, and with it the whole operation.
    """

    def load(self, key: Key) -> Awaitable[Found]:
        """What is found by the key: asked together with other keys, and once."""
        answer = asyncio.ensure_future(super().load(key))
        answer.add_done_callback(_seen)  # a failure that nobody waits for any more is nobody's
        return asyncio.shield(answer)


def _seen(answer: "asyncio.Future[Found]") -> None:
    if not answer.cancelled():
        answer.exception()
