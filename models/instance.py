"""The installation itself: one row that names the default workspace and domain."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, SmallInteger, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, col

from models import audit_log
from models.actors import OPERATOR
from models.audit_log import Action, Change, Target
from models.domains import Domain
from models.ids import DomainId, WorkspaceId, new_id
from models.tables import Table, key_column, time_column
from models.workspaces import Workspace

ONLY_ROW = 1
BOOTSTRAP_LOCK = 0x6B75727B


class Instance(Table, table=True):
    __tablename__ = "instance"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=ONLY_ROW, sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    workspace_id: WorkspaceId = key_column(references="workspace.id")
    domain_id: DomainId = key_column(references="domain.id")
    created_at: datetime = time_column()


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """What a fresh request without further words is about."""

    workspace_id: WorkspaceId
    domain_id: DomainId


async def find(conn: AsyncConnection) -> InstanceRecord | None:
    """The installation, once it was bootstrapped."""
    row = (await conn.execute(select(col(Instance.workspace_id), col(Instance.domain_id)))).one_or_none()
    return None if row is None else InstanceRecord(workspace_id=row.workspace_id, domain_id=row.domain_id)


async def bootstrap(session: AsyncSession, *, hostname: str, now: datetime) -> InstanceRecord:
    """Makes the default workspace and domain unless they exist; the default domain is called `hostname` afterwards."""
    await session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": BOOTSTRAP_LOCK})
    instance = await session.get(Instance, ONLY_ROW, populate_existing=True)
    if instance is None:
        instance = await _first(session, hostname=hostname.lower(), now=now)
    else:
        await _follow(session, instance, hostname=hostname.lower(), now=now)
    return InstanceRecord(workspace_id=instance.workspace_id, domain_id=instance.domain_id)


async def _first(session: AsyncSession, *, hostname: str, now: datetime) -> Instance:
    workspace = Workspace(id=WorkspaceId(new_id()), name="Default", timezone="UTC", created_at=now)
    domain = Domain(id=DomainId(new_id()), workspace_id=None, hostname=hostname, created_at=now, verified_at=now)
    instance = Instance(workspace_id=workspace.id, domain_id=domain.id, created_at=now)
    for row in (workspace, domain, instance):  # in this order, for the foreign keys
        session.add(row)
        await session.flush()
    made = {"name": workspace.name, "timezone": workspace.timezone}
    await _note(session, instance, Change(Action.WORKSPACE_CREATE, Target.workspace(workspace.id), after=made), now=now)
    named = {"hostname": domain.hostname}
    await _note(session, instance, Change(Action.DOMAIN_CREATE, Target.domain(domain.id), after=named), now=now)
    return instance


async def _follow(session: AsyncSession, instance: Instance, *, hostname: str, now: datetime) -> None:
    """The links stay with their domain when the address changes, unless another domain has that name already."""
    domain = await session.get_one(Domain, instance.domain_id)
    if domain.hostname == hostname:
        return
    before, after = {"hostname": domain.hostname}, {"hostname": hostname}
    namesake = (await session.execute(select(Domain).where(col(Domain.hostname) == hostname))).scalar_one_or_none()
    if namesake is not None:
        change = Change(Action.WORKSPACE_DOMAIN, Target.workspace(instance.workspace_id), before, after)
        instance.domain_id = namesake.id
    else:
        change = Change(Action.DOMAIN_UPDATE, Target.domain(domain.id), before, after)
        domain.hostname = hostname
    await session.flush()
    await _note(session, instance, change, now=now)


async def _note(session: AsyncSession, instance: Instance, change: Change, *, now: datetime) -> None:
    """Tells in the default workspace what a start has changed: by the operator, who set it."""
    await audit_log.note(session, change, workspace_id=instance.workspace_id, by=OPERATOR, now=now)
