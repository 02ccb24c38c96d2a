"""`kurz demo`: what it makes is there, looks like life, and agrees with itself."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recording.visit import Utm, Visit
from server.demo_links import SAMPLES, DemoLink
from server.demo_visits import Crowd
from tests.serving import run_kurz
from tests.visiting import ask, differences

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
LINKS = [DemoLink(1, 9, 1, Utm("mail"), 1.0), DemoLink(2, 9, 3, Utm(), 0.5)]


def days(seed: int, *, visits: int = 5_000) -> list[list[Visit]]:
    return list(Crowd(LINKS, visits=visits, chance=random.Random(seed)).days(begin=BEGIN, end=END))


def test_a_crowd_makes_so_many_visits_in_their_time_and_order() -> None:
    made = [visit for day in days(1) for visit in day]
    assert len(made) == 5_000
    assert BEGIN <= made[0].at <= made[-1].at < END
    assert [visit.at for visit in made] == sorted(visit.at for visit in made)
    assert all(len({visit.at.date() for visit in day}) == 1 for day in days(1))


def test_a_crowd_is_the_same_by_the_same_chance() -> None:
    assert days(1, visits=200) == days(1, visits=200) != days(2, visits=200)


def test_a_crowd_sleeps_at_night_and_likes_the_first_link() -> None:
    made = [visit for day in days(1) for visit in day]
    hours = Counter(visit.at.hour for visit in made)
    assert hours[15] > 2 * hours[3]
    assert Counter(visit.link_id for visit in made).most_common(1)[0][0] == 1
    assert {visit.utm_source for visit in made if visit.link_id == 1 and visit.language} == {"mail"}


def test_the_hour_that_is_not_over_gets_no_visit_of_the_future() -> None:
    crowd = Crowd(LINKS, visits=300, chance=random.Random(3))
    [day] = crowd.days(begin=BEGIN, end=BEGIN + timedelta(minutes=10))
    assert len(day) == 300
    assert max(visit.at for visit in day) < BEGIN + timedelta(minutes=10)


def test_a_demo_fills_an_installation_and_a_second_one_adds_to_it(database_url: str, tmp_path: Path) -> None:
    settings = {"KURZ_DATABASE_URL": database_url, "KURZ_DATA_DIR": str(tmp_path)}
    for round_ in (1, 2):
        done = run_kurz("demo", "--clicks", "1500", settings=settings)
        assert done.returncode == 0, done.stderr
        [found] = ask(
            database_url,
            "select count(*) as links, sum(clicks + bot_clicks)::int as visits, sum(clicks)::int as clicks, "
            "sum(unique_clicks)::int as uniques from link_total",
        )
        assert (found["links"], found["visits"]) == (len(SAMPLES), round_ * 1_500)
        assert found["clicks"] / 2 < found["uniques"] < found["clicks"]
    assert differences(database_url) == []
    assert ask(database_url, "select 1 from click where time_replaced or occurred_at > now()") == []
    assert ask(database_url, "select 1 from click, workspace where occurred_at < created_at limit 1") == []
