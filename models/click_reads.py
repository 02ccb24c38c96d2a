"""What a question reads: its owners and ranges as rows of SQL, and whether reading their clicks stays in budget.

Reads of `click` and `click_slot` are lateral, so that each range of each owner is one probe of an index whatever the
planner thinks of the parameters (`offset 0` keeps it from rewriting that).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import asyncpg

from models.analytics_refusals import AnalyticsRefused, InvalidRange, TooManyClicks
from models.click_filters import ClickFilter, conditions, parameters
from models.clicks import SlotScope
from models.ids import WorkspaceId
from models.ranges import ClickRange

# Clicks that one statement reads at most.
MAX_CLICKS_READ = 2_000_000


@dataclass(frozen=True, slots=True)
class OwnerRange:
    """A link or workspace and the range asked for it."""

    owner_id: int
    range: ClickRange


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows to read for a list of owners: `scope` and `rows` of (number of the question, owner, range)."""

    scope: SlotScope
    rows: tuple[tuple[int, int, ClickRange], ...]
    workspace_id: WorkspaceId
    click_filter: ClickFilter
    budget: int

    @property
    def parameters(self) -> dict[str, object]:
        """The values of every statement made of this module's parts."""
        return {
            "numbers": [number for number, _, _ in self.rows],
            "owners": [owner for _, owner, _ in self.rows],
            "starts": [asked.start for _, _, asked in self.rows],
            "ends": [asked.end for _, _, asked in self.rows],
            "scope": int(self.scope),
            "workspace_id": self.workspace_id,
        }

    @property
    def click_parameters(self) -> dict[str, object]:
        """The values of statements that read clicks."""
        return {**self.parameters, "budget": self.budget, **parameters(self.click_filter)}


def reading(
    asked: Sequence[OwnerRange],
    *,
    workspace_id: WorkspaceId,
    scope: SlotScope,
    click_filter: ClickFilter,
    budget: int,
) -> Reading:
    """What to read for these owners; of a workspace's links, when the filter names some, just those links."""
    numbered = [(number, one.owner_id, one.range) for number, one in enumerate(asked)]
    if scope is SlotScope.WORKSPACE:
        numbered = [row for row in numbered if row[1] == workspace_id]
    if click_filter.link is not None:
        links = sorted(set(click_filter.link))
        numbered = list(_narrowed(numbered, scope, links))
        scope = SlotScope.LINK
    return Reading(scope, tuple(numbered), workspace_id, click_filter, budget)


def _narrowed(
    rows: Iterable[tuple[int, int, ClickRange]], scope: SlotScope, links: Sequence[int]
) -> Iterator[tuple[int, int, ClickRange]]:
    for number, owner, asked in rows:
        if scope is SlotScope.WORKSPACE:
            yield from ((number, link, asked) for link in links)
        elif owner in links:
            yield (number, owner, asked)


_ASKED = """
asked as materialized (
  select a.n, a.owner, a.lo, a.hi
    from unnest(cast(:numbers as int[]), cast(:owners as bigint[]), cast(:starts as timestamptz[]),
                cast(:ends as timestamptz[])) a (n, owner, lo, hi) {own_links}
)"""
# Links of another workspace fall out here; link_total belongs to the clicks, so no link table is asked.
_OWN_LINKS = "join link_total t on t.link_id = a.owner and t.workspace_id = :workspace_id and t.hidden_at is null"
# A workspace's clicks but for those of deleted links; asked once for a statement, and mostly empty.
NOT_HIDDEN = (
    "c.link_id <> all (array(select t.link_id from link_total t "
    "where t.workspace_id = {workspace} and t.hidden_at is not null))"
)


def asked_sql(scope: SlotScope) -> str:
    """CTE `asked` (n, owner, lo, hi): what is asked, without what belongs to another workspace."""
    return _ASKED.format(own_links=_OWN_LINKS if scope is SlotScope.LINK else "")


SLOTS = """lateral (
  select s.slot, s.clicks, s.unique_clicks, s.bot_clicks from click_slot s
   where s.scope = :scope and s.scope_id = p.owner and s.slot >= p.lo and s.slot < p.hi offset 0)"""

# Greedy from the smallest: of a page whose clicks are too many together, the busiest links are refused.
ADMITTED = f"""
weighed as (
  select a.n, coalesce(sum(s.clicks + s.bot_clicks), 0)::bigint as weight,
         coalesce(bool_or(s.slot < k.clicks_kept_since and s.clicks + s.bot_clicks > 0), false) as gone
    from (select distinct n from asked) a cross join feed_position k
    left join piece p on p.n = a.n left join {SLOTS} s on true
   group by a.n
),
admitted as materialized (
  select n, weight, gone,
         not gone and sum(weight) filter (where not gone) over (order by weight, n) <= :budget as ok
    from weighed
)"""  # noqa: S608 - our own words only


def clicks_sql(asked: Reading, columns: str, *, condition: str = "", tail: str = "offset 0") -> str:
    """The lateral source of the clicks `c` of a piece `p`: these columns, one more condition, an order or limit."""
    own = "c.link_id = p.owner and c.workspace_id = :workspace_id"
    if asked.scope is SlotScope.WORKSPACE:
        own = f"c.workspace_id = p.owner and {NOT_HIDDEN.format(workspace=':workspace_id')}"
    return (
        f"lateral (select {columns} from click c where {own} and c.occurred_at >= p.lo and c.occurred_at < p.hi "  # noqa: S608 - our own words only
        f"{conditions(asked.click_filter)} {condition} {tail})"
    )


def refusal(row: asyncpg.Record, *, budget: int) -> AnalyticsRefused | None:
    """Why a row of `admitted` (with its weight, gone and ok) was not read."""
    if row["gone"]:
        return InvalidRange("the range reaches back to clicks that are no longer kept one by one")
    return None if row["ok"] else TooManyClicks(clicks=row["weight"], limit=budget)
