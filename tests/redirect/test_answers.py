"""What each request is answered with."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from redirect.config import RedirectConfig
from tests.proxy import PostgresProxy
from tests.redirect.house import OLD, Owner, Visitor

pytestmark = pytest.mark.database

SECRET = "secret-target"

# As `models.targets` serialises them: RedirectResponse would change most of them.
DESTINATIONS = (
    "https://example.com/",
    "https://example.com/a|b?c={d}|e&x=%zz#%",
    "https://xn--mnchen-3ya.de/%7Bx%7D?q=a+b;c=%27d%27",
    "https://example.com/%0d%0aset-cookie:x=1",
    "http://example.com:8080/?#",
    "https://example.com/" + "x" * 8_000,
)

NOT_CODES = (
    "x" * 65,
    "x" * 10_000,
    "a.b",
    "a%20",
    "a%00b",
    "%00",
    "a%0A",
    "a%0D%0A",
    "%2e%2e",
    "..%2f",
    "a%5Cb",
    "%C3%A4",
    "%FF%FE",
    "%C0%AF",
    "%EF%BD%81",  # a fullwidth a
    "a~",
    "a+",
    "a;b",
)


@pytest.fixture
async def cut_off(owner: Owner, config: RedirectConfig, proxy: PostgresProxy) -> AsyncIterator[Visitor]:
    """Visits a door that cannot ask the database anything."""
    proxy.refuse()
    config = replace(config, database_url=proxy.url, direct_database_url=proxy.url, start_within=0.0)
    async with Visitor(config) as visitor:
        yield visitor


async def test_a_link_redirects_to_exactly_what_is_stored(owner: Owner, visitor: Visitor) -> None:
    for number, destination in enumerate(DESTINATIONS):
        await owner.make(f"abc{number}", destination)
    for number, destination in [*enumerate(DESTINATIONS)] * 2:  # from the database, then from the cache
        answer = await visitor.get(f"/abc{number}")
        assert answer.status_code == 302
        assert answer.headers.raw == [
            (b"location", destination.encode("ascii")),
            (b"cache-control", b"private, no-store"),
            (b"content-length", b"0"),
        ]
        assert answer.content == b""


async def test_every_way_to_write_the_path_of_a_code(owner: Owner, visitor: Visitor) -> None:
    await owner.make("Ab-_9")
    for path in ("/Ab-_9", "/Ab-_9/", "/%41b-_9", "/Ab-_9?utm=x&destination=https://evil.example"):
        assert (await visitor.get(path)).headers["location"] == OLD, path


async def test_other_paths_are_other_links(owner: Owner, visitor: Visitor) -> None:
    await owner.make("Ab-_9")
    for path in ("/ab-_9", "/AB-_9", "/Ab-_9//", "//Ab-_9", "/Ab-_9/x", "/Ab-_90"):
        answer = await visitor.get(f"http://kurz.test{path}")
        assert (answer.status_code, answer.headers.get("location")) == (404, None), path


async def test_an_unknown_code_is_not_found(visitor: Visitor) -> None:
    answer = await visitor.get("/unknown")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


async def test_what_cannot_be_a_code_is_not_found_without_asking(cut_off: Visitor) -> None:
    assert await cut_off.visit("possible") == 503
    assert {segment: await cut_off.visit(segment) for segment in NOT_CODES} == dict.fromkeys(NOT_CODES, 404)


async def test_a_code_that_cannot_be_asked_about_is_not_called_unknown(cut_off: Visitor) -> None:
    answer = await cut_off.get("/possible")
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_deactivated_link_is_gone_and_its_destination_unnamed(owner: Owner, visitor: Visitor) -> None:
    await owner.make("abc", f"https://{SECRET}.example/")
    await owner.deactivate("abc")
    for accept in ("text/html", "application/json"):
        answer = await visitor.get("/abc", {"accept": accept})
        assert (answer.status_code, answer.headers["cache-control"]) == (410, "no-store")
        assert SECRET not in answer.text + str(answer.headers.raw)


async def test_only_get_and_head_open_a_link(owner: Owner, visitor: Visitor) -> None:
    await owner.make("abc")
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"):
        request = visitor.client.build_request("GET", "/abc")
        request.method = method
        answer = await visitor.client.send(request)
        if answer.status_code != 400:  # uvicorn refuses a method that it does not know
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD"), method
        assert "location" not in answer.headers


async def test_head_is_get_without_a_body(owner: Owner, visitor: Visitor) -> None:
    await owner.make("abc")
    await owner.make("off")
    await owner.deactivate("off")
    for path in ("/abc", "/off", "/unknown", "/robots.txt", "/favicon.ico"):
        get, head = await visitor.client.get(path), await visitor.client.head(path)
        assert (head.status_code, head.headers.raw) == (get.status_code, get.headers.raw), path
        assert head.content == b""


async def test_pages_are_safe_and_accessible_html(visitor: Visitor) -> None:
    answer = await visitor.get("/unknown", {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["vary"] == "accept"
    for part in ('<html lang="en">', "<title>", "<main>", "<h1>", 'name="viewport"'):
        assert part in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/unknown", 404), ("POST", "/unknown", 405)])
async def test_problems_are_json_for_whoever_prefers_it(visitor: Visitor, method: str, path: str, status: int) -> None:
    answer = await visitor.client.request(method, path, headers={"accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code == status
    assert answer.json().keys() == {"type", "title", "status", "detail"}


async def test_nothing_the_request_says_is_reflected(visitor: Visitor) -> None:
    marker = "m4rk3r"
    answer = await visitor.get(f"/{marker}?{marker}", {"x-forwarded-host": marker, "referer": marker, "cookie": marker})
    assert marker not in answer.text + str(answer.headers.raw)


async def test_no_answer_sets_a_cookie_or_names_its_server(owner: Owner, visitor: Visitor) -> None:
    await owner.make("abc")
    for path in ("/abc", "/unknown", "/robots.txt"):
        assert not {"set-cookie", "server", "x-powered-by"} & (await visitor.get(path)).headers.keys()


async def test_robots_may_follow_short_links_but_not_query_the_api(cut_off: Visitor) -> None:
    answer = await cut_off.get("/robots.txt")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.splitlines() == ["User-agent: *", "Disallow: /graphql"]


async def test_the_icon_is_a_picture(cut_off: Visitor) -> None:
    answer = await cut_off.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico"])
async def test_the_fixed_files_are_only_read(cut_off: Visitor, path: str) -> None:
    answer = await cut_off.client.post(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
