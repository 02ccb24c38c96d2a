"""Dimensions: what clicks can be grouped by, and the grouping of several at once in SQL."""

from collections.abc import Sequence
from enum import StrEnum


class ClickDimension(StrEnum):
    """What `top` ranks the values of."""

    COUNTRY = "COUNTRY"
    REFERRER = "REFERRER"
    BROWSER = "BROWSER"
    OS = "OS"
    DEVICE = "DEVICE"
    LANGUAGE = "LANGUAGE"
    UTM_SOURCE = "UTM_SOURCE"
    UTM_MEDIUM = "UTM_MEDIUM"
    UTM_CAMPAIGN = "UTM_CAMPAIGN"
    BOT = "BOT"
    LINK = "LINK"


def column(dimension: ClickDimension) -> str:
    """The column of `click` that holds the dimension."""
    return "link_id" if dimension is ClickDimension.LINK else dimension.value.lower()


def columns(dimensions: Sequence[ClickDimension]) -> str:
    """The columns that `grouped` needs of its clicks."""
    return ", ".join([*(f"c.{column(one)}" for one in dimensions), "c.kind", "c.first"])


def grouped(dimensions: Sequence[ClickDimension], *, by: str, source: str) -> str:
    """SQL that reads `source` (clicks `c`) once and groups it by the column `by` and each dimension on its own.

    Its rows are n (the value of `by`), dimension (its name), key (text or null), clicks, unique_clicks, bot_clicks.
    """
    names = [f"c.{column(one)}" for one in dimensions]
    bits = f"grouping({', '.join(names)})"
    # A bit is set for each column that is not grouped by: the first name has the highest bit.
    only = {one: (1 << len(names)) - 1 - (1 << (len(names) - 1 - at)) for at, one in enumerate(dimensions)}
    dimension = " ".join(f"when {only[one]} then '{one.value}'" for one in dimensions)
    key = " ".join(f"when {only[one]} then c.{column(one)}::text" for one in dimensions)
    sets = ", ".join(f"({by}, {name})" for name in names)
    return f"""
  select {by} as n, case {bits} {dimension} end as dimension, case {bits} {key} end as key,
         count(*) filter (where c.kind = 0) as clicks, count(*) filter (where c.first) as unique_clicks,
         count(*) filter (where c.kind <> 0) as bot_clicks
    from {source}
   group by grouping sets ({sets})"""  # noqa: S608 - our own words only
