"""Who is answered in JSON."""

import pytest

from redirect.accept import prefers_json


@pytest.mark.parametrize(
    ("accept", "wants_json"),
    [
        ("application/json", True),
        ("application/problem+json", True),
        ("application/json, text/plain, */*", True),
        ("text/html;q=0.5, application/json", True),
        ("application/problem+json;q=0.2", True),
        ("APPLICATION/JSON", True),
        ("", False),
        ("*/*", False),
        ("application/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("text/html, application/json", False),
        ("application/json;q=0.5, text/html", False),
        ("application/json;q=0", False),
        ("application/json;q=0, */*", False),
        ("application/json;q=banana, text/html;q=0.1", False),
        ("application/jsonp", False),
        ("text/html," + " " * 2_000 + "application/json", False),
    ],
)
def test_json_is_for_those_who_want_it_more_than_html(accept: str, wants_json: bool) -> None:
    assert prefers_json([(b"accept", accept.encode())]) is wants_json


def test_several_lines_are_one_list() -> None:
    assert prefers_json([(b"accept", b"text/html;q=0.1"), (b"accept", b"application/json")])
    assert not prefers_json([])
