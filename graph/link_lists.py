"""The list of links: filter, search, order and pages."""

from enum import Enum
from typing import Annotated, Final

import strawberry
from strawberry import UNSET

from graph.connections import Order, PageInfo, cursor, window
from graph.context import Context, Info
from graph.defaults import given
from graph.links import Link, LinkStatus, shown_link
from models import link_lists, links
from models.link_lists import LinkQuestion, ListedLink, OrderField
from models.pages import Direction, Page


@strawberry.enum(description="What links are ordered by. More may be added.")
class LinkOrderField(Enum):
    CREATED_AT = strawberry.enum_value("CREATED_AT", description="When they were made.")
    UPDATED_AT = strawberry.enum_value("UPDATED_AT", description="When they were last written.")
    CODE = strawberry.enum_value("CODE", description="Their codes, byte by byte: digits, upper case, lower case.")
    CLICK_COUNT = strawberry.enum_value(
        "CLICK_COUNT",
        description=(
            "Their clicks of all time. A link that is clicked while you page may come twice or not at all. "
            "By clicks in a range: the workspace's analytics, top(dimension: LINK)."
        ),
    )
    LAST_CLICKED_AT = strawberry.enum_value(
        "LAST_CLICKED_AT",
        description=(
            "When a person clicked last; never counts as longest ago. A link that is clicked while you page may come "
            "twice or not at all."
        ),
    )


@strawberry.enum(description="Which way a list runs.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest, oldest, or nearest to A first.")
    DESC = strawberry.enum_value("DESC", description="Largest, newest, or nearest to z first.")


@strawberry.input(description="The order of a list of links.")
class LinkOrder:
    field: LinkOrderField = strawberry.field(description="What they are ordered by.")
    direction: OrderDirection | None = strawberry.field(default=OrderDirection.DESC, description="Which way.")


NEWEST_FIRST: Final = LinkOrder(field=LinkOrderField.CREATED_AT)


@strawberry.input(description="Fields are joined by and, the values of a list by or.")
class LinkFilter:
    status: list[LinkStatus] | None = strawberry.field(default=UNSET, description="Any of these.")


@strawberry.type(description="A link and its place in the list.")
class LinkEdge:
    cursor: str = strawberry.field(description="Opaque; for `after` and `before` under the same order.")
    node: Link = strawberry.field(description="The link.")


@strawberry.type(description="A page of links.")
class LinkConnection:
    edges: list[LinkEdge] = strawberry.field(description="The links with their cursors.")
    nodes: list[Link] = strawberry.field(description="The links alone.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    question: strawberry.Private[LinkQuestion]

    @strawberry.field(description="How many there are on all pages; null when counting would take too long.")
    async def total_count(self, info: Info) -> int | None:
        context = info.context
        async with context.database.read() as conn:
            return await link_lists.count(conn, workspace_id=context.workspace_id, question=self.question)


@strawberry.type
class LinkListQueries:
    @strawberry.field(description="The workspace's links, newest first unless ordered otherwise.")
    async def links(  # noqa: PLR0917 - GraphQL's arguments have names
        self,
        info: Info,
        first: Annotated[
            int | None, strawberry.argument(description="The first so many, 0 to 100; 25 if left out.")
        ] = UNSET,
        after: Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")] = UNSET,
        last: Annotated[
            int | None, strawberry.argument(description="The last so many, 0 to 100; not with first.")
        ] = UNSET,
        before: Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")] = UNSET,
        filter: Annotated[LinkFilter | None, strawberry.argument(description="Only some of them.")] = UNSET,  # noqa: A002
        search: Annotated[
            str | None,
            strawberry.argument(description="Looks in code, title, notes and destination; at most 200 characters."),
        ] = UNSET,
        order_by: Annotated[LinkOrder | None, strawberry.argument(description="Their order.")] = NEWEST_FIRST,
    ) -> LinkConnection:
        context = info.context
        assert order_by is not None
        question = _question(order_by, given(filter), given(search))
        part = window(first=first, after=after, last=last, before=before, order=_order(question))
        async with context.database.read() as conn:
            page = await link_lists.page(conn, workspace_id=context.workspace_id, question=question, window=part)
        return _connection(page, question, context)


def _question(order_by: LinkOrder, chosen: LinkFilter | None, search: str | None) -> LinkQuestion:
    assert order_by.direction is not None
    statuses = given(chosen.status) if chosen else None
    return LinkQuestion(
        order=OrderField[order_by.field.name],
        direction=Direction[order_by.direction.name],
        statuses=None if statuses is None else frozenset(links.LinkStatus[status.name] for status in statuses),
        search=search,
    )


def _order(question: LinkQuestion) -> Order:
    return Order(question.order.name, question.direction.name, question.order.values)


def _connection(page: Page[ListedLink], question: LinkQuestion, context: Context) -> LinkConnection:
    order = _order(question)
    edges = [
        LinkEdge(cursor=cursor(listed.position, order=order), node=shown_link(listed.link, context))
        for listed in page.records
    ]
    return LinkConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        question=question,
    )
