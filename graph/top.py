"""Rankings: the values of a dimension that were clicked most."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import strawberry

from graph import ids
from graph.click_totals import ClickTotals, shown_totals
from graph.connections import bad_argument
from graph.context import Context, Info
from graph.ids import Node
from graph.scalars import Count
from models import click_dimensions, top
from models.ids import LinkId
from models.keys import Scope
from models.links import LinkRecord
from models.top import TopAsked

LARGEST_TOP: Final = 250  # as many as there are countries
UNKNOWN: Final = "Unknown"
DIRECT: Final = "Direct"


@strawberry.enum(description="What clicks are counted by. More may be added.")
class ClickDimension(Enum):
    COUNTRY = strawberry.enum_value("COUNTRY", description="Where the visitor's address is, as ISO 3166 code.")
    REFERRER = strawberry.enum_value("REFERRER", description="The host of the page with the link; unknown: direct.")
    BROWSER = strawberry.enum_value("BROWSER", description="The browser's name.")
    OS = strawberry.enum_value("OS", description="The operating system's name.")
    DEVICE = strawberry.enum_value("DEVICE", description="What the visitor holds, a DeviceType.")
    LANGUAGE = strawberry.enum_value("LANGUAGE", description="The language the browser prefers.")
    UTM_SOURCE = strawberry.enum_value("UTM_SOURCE", description="utm_source of the visit, else of the destination.")
    UTM_MEDIUM = strawberry.enum_value("UTM_MEDIUM", description="utm_medium of the visit, else of the destination.")
    UTM_CAMPAIGN = strawberry.enum_value(
        "UTM_CAMPAIGN", description="utm_campaign of the visit, else of the destination."
    )
    BOT = strawberry.enum_value("BOT", description="What a bot calls itself; order by BOT_CLICKS.")
    LINK = strawberry.enum_value("LINK", description="The link.")


@strawberry.enum(description="What a ranking is ordered by.")
class ClickMetric(Enum):
    CLICKS = strawberry.enum_value("CLICKS", description="Visits by people.")
    UNIQUE_CLICKS = strawberry.enum_value("UNIQUE_CLICKS", description="First clicks of visitors.")
    BOT_CLICKS = strawberry.enum_value("BOT_CLICKS", description="Visits by bots.")


@strawberry.type(description="A value of the dimension, and its clicks.")
class DimensionRow:
    key: str | None = strawberry.field(
        description="What ClickFilter takes; null is the unknown value. By LINK: the link's id."
    )
    label: str = strawberry.field(
        description="For people. By LINK the short URL without scheme, which needs LINKS_READ; else the id."
    )
    clicks: Count = strawberry.field(description="Visits by people.")
    unique_clicks: Count = strawberry.field(description="Clicks that were the first of their visitor.")
    bot_clicks: Count = strawberry.field(description="Visits by bots; never part of clicks.")
    share: float = strawberry.field(description="Of the ordered metric's total in the range, 0 to 1.")
    node_id: strawberry.Private[str | None]

    @strawberry.field(description="The link, which needs LINKS_READ; null by other dimensions and once deleted.")
    async def node(self, info: Info) -> Node | None:
        return None if self.node_id is None else await info.context.find_node(self.node_id, info.context)


@strawberry.type(description="The values of a dimension that were clicked most.")
class TopValues:
    rows: list[DimensionRow] = strawberry.field(
        description="Most of the ordered metric first, values with none of it left out."
    )
    other: ClickTotals | None = strawberry.field(
        description="Everything below the rows; null where a click may be in several rows."
    )


def top_read(dimension: ClickDimension, first: int, order_by: ClickMetric) -> TopAsked:
    """The ranking as `models` takes it; BAD_REQUEST for a size that is not allowed."""
    if not 0 <= first <= LARGEST_TOP:
        raise bad_argument("first", f"{first} is not from 0 to {LARGEST_TOP}")
    return TopAsked(click_dimensions.ClickDimension[dimension.name], first, top.ClickMetric[order_by.name])


async def shown_top(values: top.TopValues, dimension: ClickDimension, context: Context) -> TopValues:
    """The ranking as the API shows it; by LINK, with the links' short URLs for a key that may read them."""
    if dimension is ClickDimension.LINK:
        links = await _links([LinkId(int(row.key)) for row in values.rows if row.key], context)
        rows = [_link_row(row, links, context) for row in values.rows]
    else:
        unknown = DIRECT if dimension is ClickDimension.REFERRER else UNKNOWN
        rows = [_row(row, key=row.key, label=unknown if row.key is None else row.key) for row in values.rows]
    return TopValues(rows=rows, other=shown_totals(values.other))


async def _links(numbers: list[LinkId], context: Context) -> Mapping[LinkId, LinkRecord | None]:
    if Scope.LINKS_READ not in context.principal.scopes:
        return {}
    return dict(zip(numbers, await context.loaders.link.load_many(numbers), strict=True))


def _link_row(row: top.DimensionRow, links: Mapping[LinkId, LinkRecord | None], context: Context) -> DimensionRow:
    number = LinkId(int(row.key or 0))
    key = ids.encode(ids.LINK, number)
    link = links.get(number)
    host = context.config.base_url.partition("://")[2]
    return _row(row, key=key, label=key if link is None else f"{host}/{link.code}", node_id=key)


def _row(row: top.DimensionRow, *, key: str | None, label: str, node_id: str | None = None) -> DimensionRow:
    return DimensionRow(
        key=key,
        label=label,
        clicks=Count(row.totals.clicks),
        unique_clicks=Count(row.totals.unique_clicks),
        bot_clicks=Count(row.totals.bot_clicks),
        share=row.share,
        node_id=node_id,
    )
