"""The cache against a model of what it promises, on a clock of its own."""

import gc
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from redirect.cache import LinkCache
from redirect.entry import LOCATION, Entry, make_entry, size_of

CODES = st.sampled_from([f"c{number}" for number in range(6)])
MAX_ENTRIES = 4
MAX_BYTES = 2_600
UNKNOWN_FOR = 1.0


def make_link(destination: str = "https://example.com/", *, read_at: float = 0.0) -> Entry:
    return make_entry(
        link_id=7, workspace_id=9, version=1, destination=destination, is_deactivated=False, read_at=read_at
    )


def make_cache(*, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> LinkCache:
    return LinkCache(max_entries=max_entries, max_bytes=max_bytes, max_unknown=3, unknown_for=UNKNOWN_FOR)


@dataclass
class Read:
    """A question to the database that has not been answered yet, and what it has seen there."""

    generation: int
    begun_at: float
    seen: dict[str, int | None] = field(default_factory=dict)


class CacheModel(RuleBasedStateMachine):
    """A database whose links have versions; every change is heard at once, answers come when they like."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = make_cache()
        self.now = 0.0
        self.stored: dict[str, int] = {}  # the database: code to version
        self.versions = 0
        self.made_at: dict[str, float] = {}
        self.reads: list[Read] = []

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(code=CODES)
    def link_changes(self, code: str) -> None:
        is_new = code not in self.stored
        self.versions += 1
        self.stored[code] = self.versions
        if is_new:
            self.made_at[code] = self.now  # nobody is told of a new link
        else:
            self.cache.drop(code)

    @rule(codes=st.sets(CODES, min_size=1, max_size=3))
    def read_begins(self, codes: set[str]) -> None:
        free = codes - {code for read in self.reads for code in read.seen}  # single flight
        if free:
            seen = {code: self.stored.get(code) for code in sorted(free)}
            self.reads.append(Read(self.cache.claim(free), self.now, seen))

    @rule(data=st.data())
    def read_ends(self, data: st.DataObject) -> None:
        if not self.reads:
            return
        read = self.reads.pop(data.draw(st.integers(0, len(self.reads) - 1)))
        for code, version in read.seen.items():
            entry = None if version is None else make_link(f"https://example.com/{version}", read_at=read.begun_at)
            is_stored = self.cache.settle(code, read.generation, entry, read_at=read.begun_at)
            if version is not None:
                assert is_stored == (version == self.stored[code])

    @rule(data=st.data())
    def read_fails(self, data: st.DataObject) -> None:
        if self.reads:
            read = self.reads.pop(data.draw(st.integers(0, len(self.reads) - 1)))
            self.cache.release(read.seen, read.generation)

    @invariant()
    def a_link_is_the_latest_version(self) -> None:
        for code in list(self.stored):
            entry = self.cache.get(code)
            assert entry is None or entry[LOCATION] == f"https://example.com/{self.stored[code]}".encode()

    @invariant()
    def unknown_lasts_a_second_at_most(self) -> None:
        for code, made_at in self.made_at.items():
            if self.cache.is_known_missing(code, now=self.now):
                assert self.now - made_at < UNKNOWN_FOR

    @invariant()
    def bounds_hold(self) -> None:
        entries = {code: self.cache.get(code) for code in self.stored}
        assert len(self.cache) <= MAX_ENTRIES
        assert self.cache.bytes == sum(size_of(code, entry) for code, entry in entries.items() if entry) <= MAX_BYTES


TestCacheModel = CacheModel.TestCase
TestCacheModel.settings = settings(max_examples=150, stateful_step_count=30, deadline=None, derandomize=True)


def fill(cache: LinkCache, *codes: str, entry: Entry) -> None:
    for code in codes:
        assert cache.settle(code, cache.claim([code]), entry, read_at=0.0)


def test_the_least_recently_used_link_leaves_first() -> None:
    cache = make_cache(max_entries=2)
    fill(cache, "a", "b", entry=make_link())
    cache.get("a")
    fill(cache, "c", entry=make_link())
    assert [code for code in "abc" if cache.get(code)] == ["a", "c"]


def test_long_destinations_take_the_place_of_many_short_ones() -> None:
    cache = make_cache(max_entries=100, max_bytes=20_000)
    fill(cache, *map(str, range(30)), entry=make_link())
    fill(cache, "long", entry=make_link("https://example.com/" + "x" * 8_000))
    assert cache.get("long") is not None
    assert cache.bytes <= 20_000
    assert len(cache) < 31


def test_a_scan_of_unknown_codes_pushes_out_no_link() -> None:
    cache = make_cache()
    fill(cache, "a", entry=make_link())
    for number in range(1_000):
        code = f"u{number}"
        assert cache.settle(code, cache.claim([code]), None, read_at=0.0)
    assert cache.get("a") is not None
    assert sum(cache.is_known_missing(f"u{number}", now=0.0) for number in range(1_000)) == 3


def test_a_campaign_counts_among_the_bytes() -> None:
    without, short, wide = (
        make_link(f"https://example.com/?utm_sourc{rest}") for rest in ("_=mail", "e=mail", "e=%E4%BD%A0")
    )
    plain = size_of("a", without)
    assert plain < size_of("a", short) < size_of("a", wide)


def test_the_collector_does_not_walk_cached_links() -> None:
    queries = ("", "?utm_source=mail&utm_campaign=spring")
    entries = [make_link(f"https://example.com/{query}", read_at=0.5) for query in queries]
    for _ in range(3):  # an outer tuple is let go once its inner ones are
        gc.collect()
    assert not any(gc.is_tracked(entry) for entry in entries)
