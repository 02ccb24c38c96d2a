"""PostGraphile on the same tables: functions that ask Kurz's own questions, served by node on the server's core.

Installed from npm into the user's cache folder, with the node it asks for.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from benchmarks.contestants import Contestant
from benchmarks.processes import free_port, running
from models.database import asyncpg_dsn

PACKAGES = ("postgraphile@5.1.5", "node@22.23.3")

# A schema of its own. Days that click_day has are taken from there, the clicks of others one by one, as Kurz does it.
_SCHEMA = """
drop schema if exists bench cascade;
create schema bench;
create view bench.link as select id, code from public.link;
comment on view bench.link is '@primaryKey id';
create type bench.totals as (clicks bigint, unique_clicks bigint, bot_clicks bigint);
create type bench.day_count as (start timestamptz, clicks bigint, unique_clicks bigint);
create type bench.value_count as (key text, clicks bigint);

create function bench.newest_links() returns setof bench.link language sql stable as
$$ select id, code from public.link order by code desc limit 20 $$;

create function bench.link_totals(link bench.link, since timestamptz) returns bench.totals language sql stable as $$
  select coalesce(sum(clicks), 0)::bigint, coalesce(sum(unique_clicks), 0)::bigint, coalesce(sum(bot_clicks), 0)::bigint
    from public.click_slot where scope = 1 and scope_id = link.id and slot >= since $$;

create function bench.link_days(link bench.link, since timestamptz) returns setof bench.day_count
  language sql stable as $$
  select day, coalesce(s.clicks, 0), coalesce(s.unique_clicks, 0)
    from generate_series(since, now(), interval '1 day') day
    left join (select date_bin('1 day', slot, since) as day, sum(clicks)::bigint as clicks,
                      sum(unique_clicks)::bigint as unique_clicks
                 from public.click_slot where scope = 1 and scope_id = link.id and slot >= since group by 1) s
         using (day) order by day $$;

create function bench.link_top_referrers(link bench.link, since timestamptz) returns setof bench.value_count
  language sql stable as $${top}$$;
create function bench.link_top_countries(link bench.link, since timestamptz) returns setof bench.value_count
  language sql stable as $${top_countries}$$;
"""
_TOP = """
  with day as (
    select d::date as day, c.dimensions -> '{name}' as counts
      from generate_series(since, now(), interval '1 day') d
      left join public.click_day c on c.scope = 1 and c.scope_id = link.id and c.day = d::date),
  counted as (
    select v ->> 0 as key, (v ->> 1)::bigint as clicks
      from day, jsonb_array_elements(day.counts) v where day.counts is not null
    union all
    select c.{column}, 1 from day cross join lateral (
      select {column} from public.click
       where link_id = link.id and kind = 0 and occurred_at >= day.day::timestamptz
         and occurred_at < (day.day + 1)::timestamptz) c
     where day.counts is null)
  select key, sum(clicks)::bigint from counted group by 1 having sum(clicks) > 0
   order by 2 desc, key collate "C" nulls last limit 5 """

QUESTION = """{ links: newestLinksList { id
  totals(since: "%(since)s") { clicks uniqueClicks botClicks }
  points: daysList(since: "%(since)s") { start clicks uniqueClicks }
  referrers: topReferrersList(since: "%(since)s") { key clicks }
  countries: topCountriesList(since: "%(since)s") { key clicks } } }"""

_CONFIG = """
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
export default {
  extends: [PostGraphileAmberPreset],
  schema: { defaultBehavior: "+list -connection" },
  pgServices: [makePgService({ connectionString: process.env.DATABASE, schemas: ["bench"],
                               poolConfig: { max: 5 } })],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false },
};
"""


def installed() -> Path:
    """The folder with PostGraphile and node in it; both are fetched when they are not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "kurz-benchmarks" / "postgraphile"
    if not (folder / "node_modules" / ".bin" / "postgraphile").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", *PACKAGES], cwd=folder, check=True)
    (folder / "graphile.config.mjs").write_text(_CONFIG)
    return folder


async def make_functions(database_url: str) -> None:
    """The schema `bench` with what PostGraphile serves, made anew."""
    top, top_countries = (
        _TOP.format(name=name, column=name.lower()) for name in ("REFERRER", "COUNTRY")
    )  # fmt: skip
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        await connection.execute(_SCHEMA.format(top=top, top_countries=top_countries))
    finally:
        await connection.close()


@contextlib.contextmanager
def postgraphile(database_url: str) -> Iterator[Contestant]:
    """PostGraphile's own command on the schema `bench`, in production mode, with as many connections as Kurz has."""
    folder, port = installed(), free_port()
    programs = folder / "node_modules" / ".bin"
    command = [str(programs / "node"), str((programs / "postgraphile").resolve()), "--port", str(port)]
    env = os.environ | {
        "DATABASE": database_url, "NODE_ENV": "production", "GRAPHILE_ENV": "production",
        "PATH": f"{programs}:{os.environ['PATH']}",
    }  # fmt: skip
    with running([*command, "--config", str(folder / "graphile.config.mjs")], port=port, env=env) as process:
        yield Contestant("postgraphile", port, [process.pid])
