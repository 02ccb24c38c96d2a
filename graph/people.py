"""People who sign in with an access token: who they are here, and in which workspaces."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from graph.access_tokens import CLOCK_SKEW, AccessTokens
from graph.brief_memory import BriefMemory
from models import members, users
from models.database import Database
from models.members import MemberRecord
from models.users import Identity, UserRecord

log = logging.getLogger("kurz.graph")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an access token that is valid until `expires_at`; a stranger has no `user`, so no membership."""

    user: UserRecord | None
    memberships: tuple[MemberRecord, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Known:
    user: UserRecord | None
    memberships: tuple[MemberRecord, ...] = ()


STRANGER: Final = _Known(None)


class People:
    """Finds who holds a token; what the database said about a person is believed for a second."""

    def __init__(self, database: Database, tokens: AccessTokens, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock
        self._memory = BriefMemory[_Known]()

    async def holder(self, token: str) -> Person:
        """Who holds the token; raises TokenRefused, ProviderAway, and what the database raises."""
        now = self._clock()
        identity, until = await self._tokens.identity(token, now=now)
        name = f"{identity.issuer}\n{identity.subject}"  # an issuer is a URL, and has no line end
        known, read_at = self._memory.find(name), self._memory.now()
        if known is None:
            known = await self._find(identity) or await self._first_sign_in(identity, token) or STRANGER
            self._memory.keep(name, known, read_at=read_at)
            if known.user is not None and users.is_sight_due(known.user, now=now):
                await self._note(identity, now=now)
        return Person(known.user, known.memberships, until + CLOCK_SKEW)

    async def _find(self, identity: Identity) -> _Known | None:
        async with self._database.read() as conn:
            user = await users.find_by_identity(conn, issuer=identity.issuer, subject=identity.subject)
            return None if user is None else _Known(user, tuple(await members.of_user(conn, user_id=user.id)))

    async def _note(self, identity: Identity, *, now: datetime) -> None:
        """Remember that the person is here, and what the provider calls them; never raises for the database."""
        try:
            async with self._database.write() as session:
                await users.bind(session, identity, now=now)
        except (OSError, SQLAlchemyError) as error:  # a later request notes it
            log.warning("that a person was here was not noted: %r", error)

    async def _first_sign_in(self, identity: Identity, token: str) -> _Known | None:
        email = identity.email or await self._tokens.email_of(token, subject=identity.subject)
        if email is None:
            return None
        told = Identity(identity.issuer, identity.subject, email, identity.name)
        try:
            async with self._database.write() as session:
                await users.bind(session, told, now=self._clock())
        except IntegrityError:  # the same person's other e-mail was bound at the same moment
            pass
        return await self._find(identity)  # also when another request was first
