"""Clicks one by one, newest first."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Final

import strawberry
from strawberry import UNSET
from strawberry.types.lazy_type import LazyType

from graph import ids
from graph.analytics import clicks_asked
from graph.click_filters import ClickFilter, DeviceType, VisitorKind
from graph.clicks_asked import Asked, ClickOwner, PageAsked
from graph.connections import EPOCH, LARGEST_PAGE, USUAL_PAGE, PageInfo, bad_argument
from graph.context import Context, Info
from graph.defaults import given
from graph.failures import ApiFailure, FailureCode
from graph.ids import Node
from graph.ranges import ALL_TIME, LAST_HOUR, TimeRangeInput
from models.click_lists import PEOPLE, ClickKey, ClickPage, ClickRecord

LARGEST_ROW: Final = 2**31 - 1


@strawberry.type(description="A visit. Nothing in it tells who came.")
class Click(Node):
    occurred_at: datetime = strawberry.field(description="When.")
    kind: VisitorKind = strawberry.field(description="Who came.")
    unique: bool = strawberry.field(description="Whether it counts in uniqueClicks.")
    country: str | None = strawberry.field(description="ISO 3166 code; null: unknown.")
    referrer: str | None = strawberry.field(description="Host of the page with the link; null: direct, or unknown.")
    browser: str | None = strawberry.field(description="The browser's name.")
    os: str | None = strawberry.field(description="The operating system's name.")
    device: DeviceType = strawberry.field(description="What the visitor holds.")
    language: str | None = strawberry.field(description="The language the browser prefers.")
    utm_source: str | None = strawberry.field(description="utm_source of the visit, else of the destination.")
    utm_medium: str | None = strawberry.field(description="utm_medium of the visit, else of the destination.")
    utm_campaign: str | None = strawberry.field(description="utm_campaign of the visit, else of the destination.")
    record: strawberry.Private[ClickRecord]

    # By name: links have clicks, and clicks have a link.
    @strawberry.field(description="What was clicked. Needs LINKS_READ.", graphql_type=LazyType("Link", "graph.links"))
    async def link(self, info: Info) -> Node:
        link = await info.context.find_node(ids.encode(ids.LINK, self.record.link_id), info.context)
        if link is None:  # it was there when its clicks were read
            raise ApiFailure(FailureCode.UNAVAILABLE, "The link was deleted a moment ago; ask again.")
        return link


@strawberry.type(description="A click and its place in the list.")
class ClickEdge:
    cursor: str = strawberry.field(description="Opaque; for `after`, in any list of clicks.")
    node: Click = strawberry.field(description="The click.")


@strawberry.type(description="A page of clicks, newest first.")
class ClickConnection:
    edges: list[ClickEdge] = strawberry.field(description="The clicks with their cursors.")
    nodes: list[Click] = strawberry.field(description="The clicks alone.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


First = Annotated[int | None, strawberry.argument(description="So many, 0 to 100.")]
After = Annotated[str | None, strawberry.argument(description="Only what is older than this cursor.")]
Range = Annotated[TimeRangeInput | None, strawberry.argument(description="When.")]
Filter = Annotated[ClickFilter | None, strawberry.argument(description="Only some; without `kind`, people only.")]


@strawberry.type
class LinkClicks:
    """The field `clicks` of a link."""

    click_owner: strawberry.Private[ClickOwner]

    @strawberry.field(description="Single clicks, newest first. Needs ANALYTICS_READ.")
    async def clicks(
        self,
        info: Info,
        first: First = USUAL_PAGE,
        after: After = UNSET,
        range: Range = ALL_TIME,  # noqa: A002
        filter: Filter = UNSET,  # noqa: A002
    ) -> ClickConnection | None:
        assert first is not None and range is not None
        _, asked = await clicks_asked(self.click_owner, info.context, range=range, timezone=None, filter=given(filter))
        return await _page(asked, info.context, first=first, after=given(after))


@strawberry.type
class WorkspaceClicks:
    """The field `clicks` of a workspace."""

    click_owner: strawberry.Private[ClickOwner]

    @strawberry.field(description="Single clicks of all links, newest first. Needs ANALYTICS_READ.")
    async def clicks(
        self,
        info: Info,
        first: First = USUAL_PAGE,
        after: After = UNSET,
        range: Range = LAST_HOUR,  # noqa: A002
        filter: Filter = UNSET,  # noqa: A002
    ) -> ClickConnection | None:
        assert first is not None and range is not None
        _, asked = await clicks_asked(self.click_owner, info.context, range=range, timezone=None, filter=given(filter))
        return await _page(asked, info.context, first=first, after=given(after))


async def _page(asked: Asked, context: Context, *, first: int, after: str | None) -> ClickConnection:
    if not 0 <= first <= LARGEST_PAGE:
        raise bad_argument("first", f"{first} is not from 0 to {LARGEST_PAGE}")
    place = None if after is None else key_of(after)
    if after is not None and place is None:
        raise bad_argument("after", "not a cursor of clicks")
    page = await context.loaders.clicks.page.load(PageAsked(_of_people(asked), first, place))
    return _connection(page, is_first=place is None)


def _of_people(asked: Asked) -> Asked:
    """Lists show people unless kinds are asked for."""
    if asked.click_filter.kind is not None:
        return asked
    return replace(asked, click_filter=replace(asked.click_filter, kind=PEOPLE.kind))


def _connection(page: ClickPage, *, is_first: bool) -> ClickConnection:
    nodes = [shown_click(record) for record in page.records]
    edges = [ClickEdge(cursor=node.id, node=node) for node in nodes]
    return ClickConnection(
        edges=edges,
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=not is_first,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def shown_click(record: ClickRecord) -> Click:
    """The record as the API shows it."""
    return Click(
        id=id_of(record.key),
        occurred_at=record.key.occurred_at,
        kind=VisitorKind[record.kind.name],
        unique=record.unique,
        country=record.country,
        referrer=record.referrer,
        browser=record.browser,
        os=record.os,
        device=DeviceType[record.device.name],
        language=record.language,
        utm_source=record.utm_source,
        utm_medium=record.utm_medium,
        utm_campaign=record.utm_campaign,
        record=record,
    )


def id_of(key: ClickKey) -> strawberry.ID:
    """A click's id, which is also its cursor."""
    instant = (key.occurred_at - EPOCH) // timedelta(microseconds=1)
    return strawberry.ID(
        "".join([ids.encode(ids.CLICK, instant), ids.encode("", key.batch_id), ids.encode("", key.batch_row)])
    )


def key_of(text: str) -> ClickKey | None:
    """What an id or cursor stands for, or None for anything `id_of` did not make."""
    digits = text.removeprefix(ids.CLICK)
    parts = [ids.decode("", digits[at : at + ids.LENGTH]) for at in (0, ids.LENGTH, 2 * ids.LENGTH)]
    instant, batch_id, batch_row = parts
    if text == digits or len(digits) != 3 * ids.LENGTH or instant is None or batch_id is None or batch_row is None:
        return None
    try:
        occurred_at = EPOCH + timedelta(microseconds=instant)
    except OverflowError:
        return None
    return ClickKey(occurred_at, batch_id, batch_row) if batch_row <= LARGEST_ROW else None
