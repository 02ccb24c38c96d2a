"""Made-up visits that look like real ones: days and nights, weekends, a few countries, many browsers, some robots."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple, TypeVar

from recording.visit import Hint, Visit
from server.demo_links import DemoLink

Value = TypeVar("Value")

HOUR = timedelta(hours=1)
ROBOTS_SHARE = 0.11
HEAD_SHARE = 0.01
PRIVATE_SHARE = 0.03  # send Sec-GPC, and so leave neither hash nor referrer
VISITS_PER_PERSON = 2.5
HASH_BITS = 63

# How much of a day's visits its hours get, by UTC; most visitors of the demo live in Europe and America.
HOURS = (5, 4, 3, 2, 2, 3, 5, 8, 11, 13, 13, 12, 12, 13, 14, 15, 15, 14, 13, 12, 11, 10, 8, 6)
WEEKDAYS = (1.0, 1.05, 1.1, 1.05, 0.95, 0.6, 0.55)

COUNTRIES = (
    *(("US", "en", 26), ("DE", "de", 17), ("GB", "en", 9), ("FR", "fr", 8), ("NL", "nl", 5), ("BR", "pt", 5)),
    *(("IN", "en", 6), ("ES", "es", 4), ("PL", "pl", 3), ("JP", "ja", 3), ("CA", "en", 4), ("CH", "de", 3)),
    *(("AT", "de", 2), ("SE", "sv", 2), ("AU", "en", 2), (None, "en", 1)),
)
REFERRERS = (
    *((None, 46), ("google.com", 17), ("t.co", 8), ("linkedin.com", 7), ("facebook.com", 5)),
    *(
        ("news.ycombinator.com", 4),
        ("duckduckgo.com", 3),
        ("bing.com", 3),
        ("github.com", 4),
        ("mastodon.art", 3),
    ),
)
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_MOBILE_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
BROWSERS = (
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/140.0.0.0 Safari/537.36", 27),
    (f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36", 22),
    (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_MOBILE_SAFARI}", 18),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Chrome/140.0.0.0 Safari/537.36", 8),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", 6),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", 6),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", 4),
    (f"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) {_MOBILE_SAFARI}", 4),
    (f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", 5),
)
ROBOTS = (
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 8),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 4),
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", 5),
    ("Twitterbot/1.0", 3),
    ("LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", 3),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", 3),
    ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", 3),
    ("curl/8.14.1", 2),
    ("python-requests/2.32.4", 2),
)


class Person(NamedTuple):
    """Somebody who comes back now and then."""

    hash: int
    country: str | None
    language: str
    user_agent: str


class Crowd:
    """Makes visits of these links; the same `chance` and times make the same visits."""

    def __init__(self, links: Sequence[DemoLink], *, visits: int, chance: random.Random) -> None:
        self._chance = chance
        self._links = links
        self._weights = [link.weight for link in links]
        self._people = [self._person() for _ in range(max(1, round(visits / VISITS_PER_PERSON)))]
        self._count = visits

    def days(self, *, begin: datetime, end: datetime) -> Iterator[list[Visit]]:
        """The visits from `begin` until before `end` in UTC, in order of time, a list for each day that has any."""
        hours = [begin + number * HOUR for number in range(-(-(end - begin) // HOUR))]
        weights = [_weight(hour, begin, end) for hour in hours]
        counts = Counter(self._chance.choices(hours, weights, k=self._count))
        for _, day in groupby(sorted(counts), key=datetime.date):
            yield [visit for hour in day for visit in self._hour(hour, min(HOUR, end - hour), counts[hour])]

    def _hour(self, hour: datetime, length: timedelta, count: int) -> list[Visit]:
        times = sorted(hour + length * self._chance.random() for _ in range(count))
        links = self._chance.choices(self._links, self._weights, k=count)
        return [self._visit(at, link) for at, link in zip(times, links, strict=True)]

    def _visit(self, at: datetime, link: DemoLink) -> Visit:
        if self._chance.random() < ROBOTS_SHARE:
            return self._of_a_robot(at, link)
        return self._of_a_person(at, link, is_private=self._chance.random() < PRIVATE_SHARE)

    def _of_a_robot(self, at: datetime, link: DemoLink) -> Visit:
        return Visit(
            at=at,
            link_id=link.id,
            workspace_id=link.workspace_id,
            version=link.version,
            visitor=self._chance.getrandbits(HASH_BITS),
            country=self._one_of((("US", 8), ("IE", 2), ("DE", 1))),
            user_agent=self._one_of(ROBOTS),
        )

    def _of_a_person(self, at: datetime, link: DemoLink, *, is_private: bool) -> Visit:
        # Squared: some come often, most once or twice.
        person = self._people[int(len(self._people) * self._chance.random() ** 2)]
        return Visit(
            at=at,
            link_id=link.id,
            workspace_id=link.workspace_id,
            version=link.version,
            visitor=None if is_private else person.hash,
            hint=Hint.HEAD if self._chance.random() < HEAD_SHARE else None,
            country=person.country,
            user_agent=person.user_agent,
            referrer=None if is_private else self._one_of(REFERRERS),
            language=person.language,
            utm_source=link.utm.source,
            utm_medium=link.utm.medium,
            utm_campaign=link.utm.campaign,
        )

    def _person(self) -> Person:
        [(country, language, _)] = self._chance.choices(COUNTRIES, [weight for *_, weight in COUNTRIES])
        return Person(self._chance.getrandbits(HASH_BITS), country, language, self._one_of(BROWSERS))

    def _one_of(self, weighted: Sequence[tuple[Value, int]]) -> Value:
        return self._chance.choices(weighted, [weight for _, weight in weighted])[0][0]


def _weight(hour: datetime, begin: datetime, end: datetime) -> float:
    """How busy an hour is: by day and night, by the day of the week, growing by half over the time, cut at the end."""
    growth = 1 + 0.5 * ((hour - begin) / (end - begin))
    return HOURS[hour.hour] * WEEKDAYS[hour.weekday()] * growth * (min(HOUR, end - hour) / HOUR)
