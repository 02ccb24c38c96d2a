"""Totals: what clicks add up to."""

import strawberry

from graph.scalars import Count
from models import click_totals


@strawberry.type(description="What clicks add up to.")
class ClickTotals:
    clicks: Count = strawberry.field(description="Visits by people.")
    unique_clicks: Count = strawberry.field(
        description=(
            "Clicks that were the first of their visitor stored for that link and UTC day. "
            "Exact, and adds up over any range, zone and filter."
        )
    )
    bot_clicks: Count = strawberry.field(
        description="Crawlers, link previews, monitors, prefetches, tools and HEAD requests; never part of clicks."
    )


def shown_totals(totals: click_totals.ClickTotals) -> ClickTotals:
    """The totals as the API shows them."""
    return ClickTotals(
        clicks=Count(totals.clicks),
        unique_clicks=Count(totals.unique_clicks),
        bot_clicks=Count(totals.bot_clicks),
    )
