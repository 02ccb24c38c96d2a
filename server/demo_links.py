"""The links of `kurz demo`: a campaign, some pages and a few things that people look for."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from models import link_creation, links
from models.actors import OPERATOR
from models.database import Database
from models.instance import InstanceRecord
from models.link_creation import LinkDraft
from models.links import ByExternalId, LinkRecord
from models.targets import TargetPolicy
from recording.campaign import utm_of
from recording.visit import Utm
from server.settings import Settings

# (what the external id ends with, title, destination); the first is visited most.
SAMPLES = (
    (
        "launch",
        "Product launch",
        "https://example.com/launch?utm_source=newsletter&utm_medium=email&utm_campaign=launch",
    ),
    ("video", "Launch video", "https://example.com/watch?utm_source=social&utm_medium=post&utm_campaign=launch"),
    ("pricing", "Pricing", "https://example.com/pricing"),
    ("spring", "Spring sale", "https://example.com/sale?utm_source=ads&utm_medium=cpc&utm_campaign=spring"),
    ("guide", "Getting started", "https://example.com/docs/getting-started"),
    ("talk", "Conference talk", "https://example.org/talks/2026?utm_source=slides&utm_medium=qr&utm_campaign=talk"),
    ("jobs", "Open positions", "https://example.com/jobs"),
    ("poster", "Poster in the hall", "https://example.com/hello?utm_source=poster&utm_medium=qr&utm_campaign=spring"),
    ("changelog", "What is new", "https://example.com/changelog"),
    (
        "survey",
        "Customer survey",
        "https://example.net/survey?utm_source=newsletter&utm_medium=email&utm_campaign=survey",
    ),
    ("support", "Help desk", "https://example.com/support"),
    ("paper", "Research paper", "https://example.edu/papers/short-links.pdf"),
)
EXTERNAL_ID = "kurz-demo:{name}"


@dataclass(frozen=True, slots=True)
class DemoLink:
    """What a visit of the link says about it, and how often it is visited beside the others."""

    id: int
    workspace_id: int
    version: int
    utm: Utm
    weight: float


async def make_links(
    database: Database, instance: InstanceRecord, settings: Settings, *, created_at: datetime
) -> list[DemoLink]:
    """The links, made where an earlier demo did not make them yet."""
    policy = TargetPolicy(own_hosts=frozenset({settings.hostname}), allow_private=False)
    made = []
    for place, (name, title, destination) in enumerate(SAMPLES, start=1):
        draft = LinkDraft(destination_url=destination, title=title, external_id=EXTERNAL_ID.format(name=name))
        record = await _find(database, instance, draft) or await _make(database, instance, draft, policy, created_at)
        made.append(_demo_link(record, weight=1 / place))
    return made


async def _find(database: Database, instance: InstanceRecord, draft: LinkDraft) -> LinkRecord | None:
    async with database.read() as connection:
        lookup = ByExternalId(draft.external_id or "")
        return await links.find(connection, workspace_id=instance.workspace_id, lookup=lookup)


async def _make(
    database: Database, instance: InstanceRecord, draft: LinkDraft, policy: TargetPolicy, created_at: datetime
) -> LinkRecord:
    async with database.write() as session:
        return await link_creation.create(
            session,
            workspace_id=instance.workspace_id,
            domain_id=instance.domain_id,
            draft=draft,
            by=OPERATOR,
            policy=policy,
            now=created_at,
        )


def _demo_link(record: LinkRecord, *, weight: float) -> DemoLink:
    query = urlsplit(record.destination_url).query.encode()
    return DemoLink(record.id, record.workspace_id, record.version, utm_of(query), weight)
