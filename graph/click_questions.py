"""Questions about clicks: asked by many fields at once, answered by one statement for each kind of question."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from graph.answer_size import AnswerSize
from graph.clicks_asked import Asked, PageAsked, RankingAsked, SeriesAsked
from graph.database_share import DatabaseShare
from graph.shared_loader import SharedLoader
from models import analytics, click_lists, click_totals, moments, top
from models.click_lists import ClickKey, ClickPage, ClickRecord
from models.click_totals import ClickTotals, LinkClicks
from models.ids import LinkId, WorkspaceId
from models.moments import Moment
from models.top import TopAnswers, TopAsked, TopValues

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")
Answers = Sequence[Answer | Exception]
Sums = ClickTotals | analytics.TimeSeries


class ClickQuestions:
    """One request's questions about clicks; what a workspace does not have was never clicked.

    What is not answered in time raises TimedOut, which does not harm other questions.
    """

    def __init__(self, database: DatabaseShare, *, workspace_id: WorkspaceId, most_clicks_read: int) -> None:
        self._database = database
        self._mine = workspace_id
        self._most_read = most_clicks_read
        self._size = AnswerSize()
        self._moment = SharedLoader(load_fn=self._moments)
        self.of_link: SharedLoader[LinkId, LinkClicks | None] = SharedLoader(load_fn=self._of_links)
        self._sums: SharedLoader[Asked | SeriesAsked, Sums] = SharedLoader(load_fn=self._sums_of)
        self._rankings: SharedLoader[RankingAsked, TopValues] = SharedLoader(load_fn=self._tops)
        self.page: SharedLoader[PageAsked, ClickPage] = SharedLoader(load_fn=self._pages)
        self.click: SharedLoader[ClickKey, ClickRecord | None] = SharedLoader(load_fn=self._clicks)

    async def moment(self) -> Moment:
        """The request's present: the same for all its ranges, and before all its counting."""
        return await self._moment.load(self._mine)

    async def totals(self, asked: Asked) -> ClickTotals:
        """What the clicks add up to."""
        totals = await self._sums.load(asked)
        assert isinstance(totals, ClickTotals)
        return totals

    async def timeseries(self, asked: SeriesAsked) -> analytics.TimeSeries:
        """The series; refused when it makes the answer too long."""
        self._size.take_series(asked.clicks.owner.range, asked.interval)
        series = await self._sums.load(asked)
        assert isinstance(series, analytics.TimeSeries)
        return series

    async def top(self, asked: RankingAsked) -> TopValues:
        """The ranking; refused when it makes the answer too long."""
        self._size.take_rows(asked.values.first)
        return await self._rankings.load(asked)

    async def _moments(self, ids: list[WorkspaceId]) -> list[Moment]:
        async with self._database.read() as conn:
            return [await moments.moment(conn, workspace_id=one) for one in ids]

    async def _of_links(self, ids: list[LinkId]) -> list[LinkClicks | None]:
        async with self._database.read() as conn:
            found = await click_totals.of_links(conn, workspace_id=self._mine, ids=ids)
        return [found.get(one) for one in ids]

    async def _clicks(self, keys: list[ClickKey]) -> list[ClickRecord | None]:
        async with self._database.read() as conn:
            found = await click_lists.by_keys(conn, workspace_id=self._mine, keys=keys)
        return [found.get(key) for key in keys]

    async def _sums_of(self, asked: list[Asked | SeriesAsked]) -> Answers[Sums]:
        """Totals of what a series is asked for too are what its points add up to, and cost no statement."""
        series = [one for one in asked if isinstance(one, SeriesAsked)]
        drawn = {one.clicks for one in series if not one.clicks.owner.range.is_all_time}
        alone = [one for one in asked if isinstance(one, Asked) and one not in drawn]
        points, sums = await asyncio.gather(self._timeseries(series), self._totals(alone))
        found: dict[Asked | SeriesAsked, Sums | Exception] = dict(zip(alone, sums, strict=True))
        for one, answer in zip(series, points, strict=True):
            found[one] = answer
            if isinstance(answer, analytics.TimeSeries) and one.clicks in drawn:
                found[one.clicks] = answer.totals
        left = [one for one in asked if isinstance(one, Asked) and one not in found]  # their series failed
        found.update(zip(left, await self._totals(left), strict=True))
        return [found[one] for one in asked]

    async def _totals(self, asked: list[Asked]) -> Answers[ClickTotals]:
        async def ask(conn: AsyncConnection, same: list[Asked]) -> Answers[ClickTotals]:
            return await analytics.totals(
                conn,
                workspace_id=self._mine,
                scope=same[0].scope,
                asked=[one.owner for one in same],
                click_filter=same[0].click_filter,
                budget=self._most_read,
            )

        # All time is cheap as long as nothing else is asked with it.
        return await self._together(
            asked, like=lambda one: (one.scope, one.click_filter, one.owner.range.is_all_time), ask=ask
        )

    async def _timeseries(self, asked: list[SeriesAsked]) -> Answers[analytics.TimeSeries]:
        async def ask(conn: AsyncConnection, same: list[SeriesAsked]) -> Answers[analytics.TimeSeries]:
            return await analytics.timeseries(
                conn,
                workspace_id=self._mine,
                scope=same[0].clicks.scope,
                asked=[one.clicks.owner for one in same],
                interval=same[0].interval,
                now=same[0].now,
                click_filter=same[0].clicks.click_filter,
                budget=self._most_read,
            )

        return await self._together(
            asked, like=lambda one: (one.clicks.scope, one.clicks.click_filter, one.interval, one.now), ask=ask
        )

    async def _tops(self, asked: list[RankingAsked]) -> Answers[TopValues]:
        """All rankings of the same clicks come from one scan, and so do those of a page of links."""
        wanted: dict[Asked, tuple[TopAsked, ...]] = {}
        for one in asked:
            wanted[one.clicks] = (*wanted.get(one.clicks, ()), one.values)

        async def ask(conn: AsyncConnection, same: list[Asked]) -> Answers[TopAnswers]:
            return await top.top(
                conn,
                workspace_id=self._mine,
                scope=same[0].scope,
                asked=[one.owner for one in same],
                wanted=wanted[same[0]],
                click_filter=same[0].click_filter,
                budget=self._most_read,
            )

        scans = list(wanted)
        answers = await self._together(scans, like=lambda one: (one.scope, one.click_filter, wanted[one]), ask=ask)
        found = dict(zip(scans, answers, strict=True))
        return [_ranking(found[one.clicks], wanted[one.clicks].index(one.values)) for one in asked]

    async def _pages(self, asked: list[PageAsked]) -> Answers[ClickPage]:
        async def ask(conn: AsyncConnection, same: list[PageAsked]) -> Answers[ClickPage]:
            return await click_lists.page(
                conn,
                workspace_id=self._mine,
                scope=same[0].clicks.scope,
                asked=[one.clicks.owner for one in same],
                first=same[0].first,
                after=same[0].after,
                click_filter=same[0].clicks.click_filter,
            )

        return await self._together(
            asked, like=lambda one: (one.clicks.scope, one.clicks.click_filter, one.first, one.after), ask=ask
        )

    async def _together(
        self,
        asked: list[Question],
        *,
        like: Callable[[Question], Hashable],
        ask: Callable[[AsyncConnection, list[Question]], Awaitable[Answers[Answer]]],
    ) -> list[Answer | Exception]:
        """One statement for each group of questions that are alike; the answers stand where their questions do."""
        groups: dict[Hashable, list[int]] = {}
        for place, one in enumerate(asked):
            groups.setdefault(like(one), []).append(place)
        answers = await asyncio.gather(
            *(self._in_time([asked[place] for place in places], ask) for places in groups.values())
        )
        found = {
            place: answer
            for places, parts in zip(groups.values(), answers, strict=True)
            for place, answer in zip(places, parts, strict=True)
        }
        return [found[place] for place in range(len(asked))]

    async def _in_time(
        self,
        same: list[Question],
        ask: Callable[[AsyncConnection, list[Question]], Awaitable[Answers[Answer]]],
    ) -> Answers[Answer]:
        try:
            async with self._database.analyse() as conn:
                return await ask(conn, same)
        except Exception as error:  # noqa: BLE001 - raised where an answer is waited for; what is asked beside gets its own
            return [error] * len(same)


def _ranking(answers: TopAnswers | Exception, number: int) -> TopValues | Exception:
    return answers if isinstance(answers, Exception) else answers[number]
