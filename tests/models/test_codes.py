"""Codes: what is made, what is accepted, what is kept back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codes import (
    ALPHABET,
    CODE_LIMIT,
    LENGTH,
    RESERVED,
    alternatives,
    is_reserved,
    is_well_formed,
    problem_of,
    random_code,
)
from models.refusals import LimitReached, Problem, ProblemCode


def test_random_codes_are_seven_unambiguous_characters() -> None:
    made = [random_code() for _ in range(2_000)]
    assert {len(code) for code in made} == {LENGTH}
    assert set("".join(made)) == set(ALPHABET)
    assert not set(ALPHABET) & set("0O1lIo")


def test_random_codes_do_not_repeat_in_practice() -> None:
    assert len({random_code() for _ in range(5_000)}) == 5_000


def test_random_codes_are_never_reserved() -> None:
    letters = "qr"  # "qr" is reserved
    assert {random_code(2, letters) for _ in range(200)} == {"qq", "rq", "rr"}


@pytest.mark.parametrize("code", ["a", "Z", "9", "_", "-", "spring-sale_2026", "a" * CODE_LIMIT, "--", "graphqlx"])
def test_custom_codes_that_are_fine(code: str) -> None:
    assert problem_of(code) is None


@pytest.mark.parametrize(
    "code",
    [
        "",
        " ",
        "a b",
        "a/b",
        "a.b",
        "ä",
        "a\n",
        "\na",
        "a\x00",
        "%41",
        "\u212a",
        "\uff41",
        "\u0661",
        "\ud800",
        "a+b",
        "😀",
    ],
)
def test_malformed_codes_are_invalid(code: str) -> None:
    problem = problem_of(code)
    assert problem is not None
    assert (type(problem), problem.code, problem.path) == (Problem, ProblemCode.INVALID, ("code",))


def test_a_code_of_65_characters_meets_the_limit() -> None:
    problem = problem_of("a" * 65)
    assert isinstance(problem, LimitReached)
    assert problem.limit == CODE_LIMIT


@pytest.mark.parametrize("code", ["graphql", "GraphQL", "HEALTHZ", "readyz", "graphiql", "Api", "admin", "www"])
def test_reserved_words_are_refused_in_any_case(code: str) -> None:
    problem = problem_of(code)
    assert problem is not None
    assert problem.code is ProblemCode.RESERVED


@pytest.mark.parametrize("name", ["robots.txt", "favicon.ico", ".well-known", "sitemap.xml", "security.txt"])
def test_files_everybody_asks_for_are_reserved(name: str) -> None:
    assert is_reserved(name)


def test_the_reserved_list_is_lower_case_since_it_is_compared_so() -> None:
    assert all(word == word.lower() for word in RESERVED)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=100))
def test_alternatives_can_always_be_used_and_never_repeat_the_code(code: str) -> None:
    offered = list(alternatives(code))
    assert len(offered) >= 3
    assert all(problem_of(alternative) is None for alternative in offered)
    assert code not in offered


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=70))
def test_what_is_accepted_is_plain_ascii(code: str) -> None:
    if is_well_formed(code):
        assert code.isascii()
        assert 1 <= len(code) <= CODE_LIMIT
        assert code.replace("-", "").replace("_", "").isalnum() or not code.strip("-_")
