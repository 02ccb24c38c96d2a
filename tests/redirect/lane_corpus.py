"""The corpus of the lane's proof: what more than 2,000 connections send, the same each time."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from tests.redirect import lane_bodies, lane_damage, lane_first_lines, lane_headers, lane_pipelines
from tests.redirect.lane_case import Case, request

CASES: Final = 2_000
SPLIT: Final = 50  # cases that the ordinary run splits at every byte
LONGEST_SPLIT: Final = 120
LONGEST_SPLIT_AT_NIGHT: Final = 400


def corpus() -> list[Case]:
    """All cases, of every subject."""
    dice = random.Random(7)
    return [
        *chain(lane_first_lines.methods(), lane_first_lines.targets(), lane_first_lines.versions()),
        *chain(lane_headers.header_lines(), lane_headers.hosts(), lane_headers.sizes()),
        *chain(lane_headers.orders(dice, 60)),
        *chain(lane_bodies.bodies(), lane_bodies.cut_bodies(), lane_bodies.other_protocols()),
        *chain(lane_pipelines.pipelines(dice, 150), lane_pipelines.one_by_one(dice, 30)),
        *chain(lane_pipelines.half_closed(dice, 40), lane_pipelines.listening()),
        *chain(lane_damage.garbage(dice, 20), lane_damage.truncated(), lane_damage.damaged(dice, 100)),
        *lane_damage.smuggled(),
    ]


def shortest() -> list[Case]:
    """Short ones of every kind, half of them as a connection's second request."""
    short = [case for case in corpus() if 30 <= case.size <= LONGEST_SPLIT and len(case.pieces) == 1]
    return short[:: len(short) // SPLIT][:SPLIT]


def whole_ones() -> list[Case]:
    """All that arrive in one piece and are not too long to be split everywhere."""
    return [case for case in corpus() if case.size <= LONGEST_SPLIT_AT_NIGHT and len(case.pieces) == 1]


def splits(cases: Sequence[Case]) -> Iterator[Case]:
    """Each case in two pieces, for every place between them; every other one on a connection in use."""
    for number, case in enumerate(cases):
        for place in range(1, case.size):
            split = case.split(place)
            yield replace(split, pieces=(request(), *split.pieces)) if number % 2 else split
