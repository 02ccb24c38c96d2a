"""The guide to live clicks: its subscriptions are valid and its limits are the code's."""

import re
from pathlib import Path

from graphql import parse, validate

from graph import live, socket_messages, sse
from graph.schema import build_schema
from recording.following import RING_CLICKS
from server.settings import Settings
from server.worker import LARGEST_MESSAGE, PING_SECONDS

GUIDE = (Path(__file__).parents[2] / "docs" / "live.md").read_text()


def test_every_subscription_is_valid() -> None:
    blocks = re.findall(r"```graphql\n(.*?)```", GUIDE, re.DOTALL)
    inline = re.findall(r"[`\"](subscription .*?)[`\"]", GUIDE)
    assert len(blocks) == len(inline) == 2
    schema = build_schema()._schema
    assert [validate(schema, parse(document)) for document in [*blocks, *inline]] == [[]] * 4


def test_the_limits_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"(?m)^\| (.+?) \| ([\d,]+) \|$", GUIDE))
    assert [int(number.replace(",", "")) for number in rows.values()] == [
        socket_messages.MOST_OPERATIONS,
        LARGEST_MESSAGE,
        int(socket_messages.INIT_S),
        Settings.model_fields["live_connections_per_key"].default,
        Settings.model_fields["live_connections"].default,
        live.MOST_LINKS,
    ]
    assert f"for {sse.QUIET_S:.0f} seconds" in GUIDE
    assert f"every {PING_SECONDS:.0f}\nseconds" in GUIDE
    assert f"at most {2 * RING_CLICKS:,} for a workspace" in GUIDE
    assert f"(1 to {live.LONGEST_EVERY_S:,})" in GUIDE
