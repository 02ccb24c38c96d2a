"""Whether a code can be had."""

import pytest

from tests.graph.api import Api

pytestmark = pytest.mark.database

AVAILABLE = "query ($code: String!) { codeAvailability(code: $code) { code available reason suggestions } }"


async def test_a_free_code_is_available(api: Api) -> None:
    answer = (await api.ask(AVAILABLE, {"code": "sale"}))["codeAvailability"]

    assert answer == {"code": "sale", "available": True, "reason": None, "suggestions": []}


async def test_a_code_that_cannot_be_had_comes_with_a_reason_and_codes_that_can(api: Api) -> None:
    await api.create(code="sale")
    expected = {"sale": "TAKEN", "graphql": "RESERVED", "no spaces": "INVALID", "": "INVALID", "a\0": "INVALID"}

    for code, reason in expected.items():
        answer = (await api.ask(AVAILABLE, {"code": code}))["codeAvailability"]
        assert (answer["available"], answer["reason"]) == (False, reason), code
        for suggestion in answer["suggestions"]:
            assert (await api.ask(AVAILABLE, {"code": suggestion}))["codeAvailability"]["available"], suggestion
