"""The two sides of the redirect: who makes and changes links, and who visits them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

import httpx
from starlette.applications import Starlette

from models import link_changes, link_creation, link_deletion
from models.actors import BY_OPERATOR, OPERATOR
from models.database import Database
from models.ids import LinkId
from models.instance import InstanceRecord
from models.link_changes import LinkChanges
from models.link_creation import LinkDraft
from models.links import ByCode
from models.targets import TargetPolicy
from recording.recorder import Recorder
from redirect.config import RedirectConfig
from redirect.route import RedirectDoor
from tests.eventually import eventually
from tests.redirect.in_memory import InMemory

POLICY = TargetPolicy(own_hosts=frozenset({"kurz.test"}), allow_private=False)
OLD = "https://old.example/"
NEW = "https://new.example/"

PATIENT = 60.0  # seconds, where a test must not depend on how busy the machine is


@dataclass(frozen=True)
class Owner:
    """Makes and changes links as the API does, over a database connection that no test disturbs."""

    database: Database
    instance: InstanceRecord

    async def make(self, code: str, destination: str = OLD) -> None:
        async with self.database.write() as session:
            await link_creation.create(
                session,
                workspace_id=self.instance.workspace_id,
                domain_id=self.instance.domain_id,
                draft=LinkDraft(destination_url=destination, code=code),
                by=OPERATOR,
                policy=POLICY,
                now=datetime.now(UTC),
            )

    async def retarget(self, code: str, destination: str = NEW) -> None:
        async with self.database.write() as session:
            await link_changes.update(
                session,
                workspace_id=self.instance.workspace_id,
                lookup=ByCode(self.instance.domain_id, code),
                changes=LinkChanges(destination_url=destination),
                expected_version=None,
                policy=POLICY,
                by=BY_OPERATOR,
                now=datetime.now(UTC),
            )

    async def deactivate(self, code: str) -> None:
        async with self.database.write() as session:
            await link_changes.deactivate(
                session,
                workspace_id=self.instance.workspace_id,
                lookup=ByCode(self.instance.domain_id, code),
                reason=None,
                by=BY_OPERATOR,
                now=datetime.now(UTC),
            )

    async def reactivate(self, code: str) -> None:
        async with self.database.write() as session:
            await link_changes.reactivate(
                session,
                workspace_id=self.instance.workspace_id,
                lookup=ByCode(self.instance.domain_id, code),
                by=BY_OPERATOR,
                now=datetime.now(UTC),
            )

    async def delete(self, code: str) -> LinkId:
        """Deletes a deactivated link; its id."""
        async with self.database.write() as session:
            record = await link_deletion.delete(
                session,
                workspace_id=self.instance.workspace_id,
                lookup=ByCode(self.instance.domain_id, code),
                by=OPERATOR,
                now=datetime.now(UTC),
            )
        return record.id

    async def restore(self, link_id: LinkId) -> None:
        async with self.database.write() as session:
            await link_deletion.restore(
                session,
                workspace_id=self.instance.workspace_id,
                link_id=link_id,
                by=OPERATOR,
                now=datetime.now(UTC),
            )


class Clock:
    """Monotonic time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Visitor:
    """A started door behind an application, and somebody who asks it."""

    uses_lane = False  # all requests come through the lane; tests/redirect/conftest.py decides

    def __init__(
        self, config: RedirectConfig, *, address: str = "203.0.113.7", recorder: Recorder | None = None
    ) -> None:
        self.door = RedirectDoor(config, recorder=recorder)
        self.app = Starlette(routes=list(self.door.routes()))
        self.app.router.redirect_slashes = False
        transport = self._transport((address, 50_000))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://kurz.test", follow_redirects=False)

    def _transport(self, client: tuple[str, int]) -> httpx.AsyncBaseTransport:
        self.lane = self.door.lane() if self.uses_lane else None
        if self.lane is None:
            return httpx.ASGITransport(self.app, client=client)
        return InMemory(self.app, lane=self.lane, client=client)

    async def __aenter__(self) -> "Visitor":
        await self.door.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()
        await self.door.stop()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def visit(self, code: str) -> str | int:
        """Where the link leads, or the status when it leads nowhere."""
        answer = await self.get(f"/{code}")
        return answer.headers["location"] if answer.status_code == 302 else answer.status_code

    async def sees(self, code: str, expected: str | int) -> None:
        """Waits until the link leads there, or has that status."""

        async def is_so() -> bool:
            return await self.visit(code) == expected

        await eventually(is_so)

    async def listens(self, *, expected: bool = True) -> None:
        """Waits until the door hears of changes, or knows that it does not."""

        async def is_so() -> bool:
            return self.door.is_listening() is expected

        await eventually(is_so)

    async def drops(self, code: str) -> None:
        """Waits until the link has left the cache."""

        async def is_so() -> bool:
            return not self.door.is_cached(code)

        await eventually(is_so)
