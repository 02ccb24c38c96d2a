"""Live clicks: subscriptions, told as clicks are stored."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Annotated, Final

import strawberry
from graphql import GraphQLResolveInfo, GraphQLSchema
from strawberry import UNSET

from graph import ids
from graph.click_filters import ClickFilter, filter_read
from graph.clicks import ClickEdge, Filter, key_of, shown_click
from graph.connections import bad_argument
from graph.context import Context, Info
from graph.defaults import given
from graph.links import Link, shown_link
from models import click_filters
from models.click_feed import StoredClick
from models.click_lists import PEOPLE, ClickKey
from models.ids import LinkId
from recording.feed import UnknownClick
from recording.following import Following

MOST_LINKS: Final = 100
LONGEST_EVERY_S: Final = 3600


@strawberry.type(description="What is told as it happens.")
class Subscription:
    @strawberry.subscription(
        description=(
            "Each click as it is stored. `since`, a cursor of any ClickEdge, replays what was stored after it, then "
            "goes on live: nothing is missed, and what comes twice has the same id. Needs ANALYTICS_READ."
        ),
        graphql_type=ClickEdge,
    )
    async def click_recorded(
        self,
        info: Info,
        filter: Filter = UNSET,  # noqa: A002
        since: Annotated[
            str | None, strawberry.argument(description="A cursor of a click that was stored in the last 30 days.")
        ] = UNSET,
    ) -> AsyncGenerator[StoredClick, None]:
        context = info.context
        asked, after = _filter(filter), _after(given(since))
        try:
            async with context.feed.follow(
                workspace_id=context.workspace_id, click_filter=asked, since=after
            ) as following:
                while True:
                    for click in await following.take():
                        yield click
        except UnknownClick as error:
            raise bad_argument("since", "no click of this workspace that was stored in the last 30 days") from error

    @strawberry.subscription(
        description=(
            "Those of these links that were clicked, at most one message per `every` seconds. Needs LINKS_READ."
        ),
        graphql_type=list[Link],
    )
    async def links_clicked(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100.")],
        every: Annotated[int | None, strawberry.argument(description="Seconds, 1 to 3600.")] = 1,
    ) -> AsyncGenerator[frozenset[LinkId], None]:
        assert every is not None
        context = info.context
        asked = replace(PEOPLE, link=_links(ids))
        if not 1 <= every <= LONGEST_EVERY_S:
            raise bad_argument("every", f"{every} is not from 1 to {LONGEST_EVERY_S}")
        async with context.feed.follow(workspace_id=context.workspace_id, click_filter=asked) as following:
            async for clicked in _clicked(following, every_s=every):
                yield clicked


def resolve_events(schema: GraphQLSchema) -> None:
    """Let an event become what its field shows when the event is executed: with its loaders, and in its time."""
    assert schema.subscription_type is not None
    schema.subscription_type.fields["clickRecorded"].resolve = _edge
    schema.subscription_type.fields["linksClicked"].resolve = _clicked_links


def _edge(click: StoredClick, _info: object, **_arguments: object) -> ClickEdge:
    node = shown_click(click.record)
    return ClickEdge(cursor=node.id, node=node)


async def _clicked_links(
    clicked: frozenset[LinkId], info: GraphQLResolveInfo[Context], **_arguments: object
) -> list[Link]:
    context: Context = info.context
    records = await context.loaders.link.load_many(sorted(clicked))
    return [shown_link(record, context) for record in records if record]


def _filter(asked: ClickFilter | None) -> click_filters.ClickFilter:
    """People only unless kinds are asked for."""
    read = filter_read(given(asked))
    return read if read.kind is not None else replace(read, kind=PEOPLE.kind)


def _after(since: str | None) -> ClickKey | None:
    key = None if since is None else key_of(since)
    if since is not None and key is None:
        raise bad_argument("since", "not a cursor of clicks")
    return key


def _links(texts: list[strawberry.ID]) -> tuple[LinkId, ...]:
    """What is no link's id is never clicked, as the id of a link that is not there."""
    if len(texts) > MOST_LINKS:
        raise bad_argument("ids", f"{len(texts)} are more than {MOST_LINKS}")
    numbers = (ids.decode(ids.LINK, text) for text in texts)
    return tuple(LinkId(number) for number in numbers if number is not None)


async def _clicked(following: Following, *, every_s: int) -> AsyncGenerator[frozenset[LinkId], None]:
    """The links that were clicked since the last time; never more than were asked for, however slow the consumer is."""
    clock = asyncio.get_running_loop().time
    clicked, due = set[LinkId](), clock()
    while True:
        wait = max(due - clock(), 0) if clicked else None
        clicked.update(click.record.link_id for click in await following.take(within_s=wait))
        if clicked and clock() >= due:
            yield frozenset(clicked)
            clicked, due = set(), clock() + every_s
