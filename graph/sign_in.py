"""From a bearer secret to who asks: one of our keys, or the access token of a person."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from graph import ids
from graph.access_tokens import AccessTokens, TokenRefused, looks_like_token
from graph.asked import RequestRefused
from graph.brief_memory import BriefMemory
from graph.failures import FailureCode
from graph.identity_provider import ProviderAway
from graph.people import People, Person
from graph.principals import Principal
from models import key_secrets, keys
from models.database import Database
from models.keys import KeyRecord
from models.members import MemberRecord

log = logging.getLogger("kurz.graph")

WORKSPACE_HEADER: Final = "X-Kurz-Workspace"
PROVIDER_RETRY_S: Final = 10
# Keys of which nothing is known are looked up by this many connections: anybody can make some up, and the others are
# for those who were let in before, so lately.
STRANGERS_AT_ONCE: Final = 2
KNOWN_FOR_S: Final = 600.0


class SignIn:
    """Finds out who asks; one for the process. Without `tokens` there are no people, only keys."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        deadline_s: float,
        tokens: AccessTokens | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._deadline_s = deadline_s
        self._keys = BriefMemory[KeyRecord]()
        self._let_in = BriefMemory[bool](kept_s=KNOWN_FOR_S)
        self._strangers = asyncio.Semaphore(STRANGERS_AT_ONCE)
        self._people = People(database, tokens, clock=clock) if tokens else None

    async def principal(self, secret: str | None, *, workspace: Sequence[str] = ()) -> Principal | None:
        """Who presents this secret and acts in the workspace that is named, by its id; None when nothing was presented.

        RequestRefused: 401 for a secret that opens nothing, 403 for a workspace that is not the caller's, 400 when
        several would do and none is named, 503 while the identity provider cannot be asked and nothing is known of it.
        What was revoked or taken away is refused after a second at the latest. Raises what the database raises;
        TimeoutError after the deadline, which is an OSError, and so an outage.
        """
        if secret is None:
            return None
        if self._people is not None and looks_like_token(secret):
            return _member(await self._person(self._people, secret), workspace)
        key = await self._key_of(secret) if key_secrets.secret_parts(secret) else None  # junk costs no connection
        if key is None:
            raise not_valid()
        if workspace and list(workspace) != [ids.encode(ids.WORKSPACE, key.workspace_id)]:
            raise _no_member()
        return Principal.of_key(key)

    async def note_use(self, principal: Principal) -> None:
        """Remember that a key was used, at most once a minute; never raises for a database that cannot be asked."""
        key, now = principal.key, self._clock()
        if key is None or not keys.is_use_due(key, now=now):
            return
        try:
            async with asyncio.timeout(self._deadline_s), self._database.write() as session:
                await keys.note_use(session, workspace_id=key.workspace_id, key_id=key.id, now=now)
        except (OSError, SQLAlchemyError) as error:  # the request was answered; a later one notes it
            log.warning("the use of the key %s was not noted: %r", key.public_id, error)
        self._keys.forget(lambda one: one.id == key.id)  # which is remembered as not used

    async def _key_of(self, secret: str) -> KeyRecord | None:
        now = self._clock()
        known = self._keys.find(secret)
        if known is not None:
            return known if known.expires_at is None or known.expires_at > now else None
        read_at = self._keys.now()
        # A database that neither answers nor refuses must not hold requests for ever.
        turn = nullcontext() if self._let_in.find(secret) else self._strangers
        async with asyncio.timeout(self._deadline_s), turn, self._database.read() as conn:
            key = await keys.authenticate(conn, secret, now=now)
        if key is not None:
            self._keys.keep(secret, key, read_at=read_at)
            self._let_in.keep(secret, True, read_at=read_at)
        return key

    async def _person(self, people: People, token: str) -> Person:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await people.holder(token)
        except TokenRefused as refused:
            log.debug("an access token was refused: %s", refused)
            raise not_valid() from refused
        except ProviderAway as away:
            log.warning("an access token could not be judged: %s", away)
            raise RequestRefused(
                503,
                "The identity provider cannot be asked just now; API keys work, and tokens will again shortly.",
                code=FailureCode.UNAVAILABLE,
                headers={"retry-after": str(PROVIDER_RETRY_S)},
            ) from away


def not_valid() -> RequestRefused:
    """The refusal of a credential (RFC 6750, 3.1); what is wrong with it is not told."""
    return RequestRefused(
        401,
        "The API key or access token is not valid.",
        code=FailureCode.UNAUTHENTICATED,
        headers={"www-authenticate": 'Bearer realm="kurz", error="invalid_token"'},
    )


def _no_member() -> RequestRefused:
    message = f"You belong to no such workspace; {WORKSPACE_HEADER} names one by its id."
    return RequestRefused(403, message, code=FailureCode.FORBIDDEN)


def _member(person: Person, workspace: Sequence[str]) -> Principal:
    chosen = [one for one in person.memberships if _is_named(one, workspace)]
    if not chosen or person.user is None:
        raise _no_member()  # a stranger, a stranger to this workspace, and no workspace at all are not told apart
    if len(chosen) > 1:
        raise RequestRefused(400, f"You belong to several workspaces: say by {WORKSPACE_HEADER} which one is meant.")
    return Principal.of_member(person.user, chosen[0], expires_at=person.expires_at)


def _is_named(member: MemberRecord, workspace: Sequence[str]) -> bool:
    return not workspace or list(workspace) == [ids.encode(ids.WORKSPACE, member.workspace_id)]
