"""Texts that are no ids and yet may name what belongs to another workspace: they find nothing there, and tell nothing.

Each place where a client can write a text is listed here; a new one fails a test until somebody has decided what it is.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest
from graphql import GraphQLNamedType, GraphQLObjectType, is_input_object_type, is_scalar_type
from graphql.type import get_named_type

from graph.schema import build_schema
from models.roles import Role
from tests.graph import test_live, test_no_way_round, test_permission_matrix
from tests.graph.test_permission_matrix import answers_alike
from tests.graph.two_workspaces import TwoWorkspaces

pytestmark = pytest.mark.database

# What these hold names nothing.
NO_TEXT: Final = {"ID", "Int", "Float", "Boolean", "Date", "DateTime", "TimeZone"}
# Words that are kept, shown or compared with what one's own clicks say.
WORDS: Final = {
    *(f"CreateLinkInput.{name}" for name in ("destinationUrl", "title", "notes")),
    *(f"UpdateLinkInput.{name}" for name in ("destinationUrl", "title", "notes")),
    *("DeactivateLinkInput.reason", "CreateApiKeyInput.name", "UpdateWorkspaceInput.name"),
    *(f"ClickFilter.{name}" for name in ("country", "referrer", "browser", "os", "language")),
    *(f"ClickFilter.utm{name}" for name in ("Source", "Medium", "Campaign")),
}
# The codes of a domain are shared by all who use it, and whoever follows one sees that it is taken.
SHARED: Final = {"CreateLinkInput.code", "Query.codeAvailability(code)"}
ELSEWHERE: Final = {
    "LinkLookup.code": test_permission_matrix.test_a_foreign_link_is_as_missing_by_its_other_names_too,
    "LinkLookup.shortUrl": test_permission_matrix.test_a_foreign_link_is_as_missing_by_its_other_names_too,
    "LinkLookup.externalId": test_permission_matrix.test_a_foreign_link_is_as_missing_by_its_other_names_too,
    "Query.links(after)": test_no_way_round.test_a_cursor_of_another_workspaces_links_is_only_a_place_too,
    "Query.links(before)": test_no_way_round.test_a_cursor_of_another_workspaces_links_is_only_a_place_too,
    "Workspace.members(after)": test_no_way_round.test_a_cursor_of_another_workspace_is_only_a_place_in_ones_own_list,
    "Workspace.apiKeys(after)": test_no_way_round.test_a_cursor_of_another_workspace_is_only_a_place_in_ones_own_list,
    "Workspace.auditLog(after)": test_no_way_round.test_a_cursor_of_another_workspace_is_only_a_place_in_ones_own_list,
    "Workspace.clicks(after)": test_no_way_round.test_a_cursor_of_another_workspace_is_only_a_place_in_ones_own_list,
    "Subscription.clickRecorded(since)": test_live.test_a_cursor_that_cannot_be_begun_from_is_refused,
}
ERRORS: Final = "{ userErrors { code path } }"


@dataclass(frozen=True)
class Attempt:
    """A document, its variables with "TEXT" where the text is, and "OWN" for the id of one's own link."""

    document: str
    variables: Any
    foreign: str
    missing: str


# "EMAIL" and "CLICK" stand for what the other workspace has.
TRIED: Final = {
    "UpdateLinkInput.externalId": Attempt(
        f"mutation ($i: UpdateLinkInput!) {{ updateLink(input: $i) {ERRORS} }}",
        {"i": {"link": {"id": "OWN"}, "externalId": "TEXT"}},
        "ext-theirs",
        "ext-theirx",
    ),
    "CreateLinkInput.externalId": Attempt(
        f"mutation ($i: CreateLinkInput!) {{ createLink(input: $i) {ERRORS} }}",
        {"i": {"destinationUrl": "https://example.com/", "externalId": "TEXT"}},
        "ext-theirs",
        "ext-theiry",
    ),
    "Query.links(search)": Attempt(
        "query ($s: String) { links(search: $s) { totalCount nodes { id } } }",
        {"s": "TEXT"},
        "ext-theirs",
        "ext-theirx",
    ),
    "Link.clicks(after)": Attempt(
        """query ($id: ID!, $after: String) { link(by: {id: $id}) {
             clicks(range: {period: ALL_TIME}, after: $after) { nodes { id } } } }""",
        {"id": "OWN", "after": "TEXT"},
        "CLICK",
        "",
    ),
    "AddMemberInput.email": Attempt(
        f"mutation ($i: AddMemberInput!) {{ addMember(input: $i) {ERRORS} }}",
        {"i": {"email": "TEXT", "role": "READER"}},
        "EMAIL",
        "nobody@example.com",
    ),
}


@pytest.mark.parametrize("place", TRIED)
async def test_what_is_foreign_is_as_missing_when_a_text_names_it(world: TwoWorkspaces, place: str) -> None:
    attempt, click = TRIED[place], world.theirs.ids["Click"]
    told = {"EMAIL": await _foreign_address(world), "CLICK": click}
    foreign = told.get(attempt.foreign, attempt.foreign)
    missing = attempt.missing or click[:-1] + ("1" if click[-1] != "1" else "2")
    own = world.mine.ids["Link"]
    # An external id is freed again, so that the second attempt meets what the first met.
    theirs, none = (_written(attempt.variables, text, own=own) for text in (foreign, missing))

    # So that both meet what such an attempt leaves behind: a link that was changed at this instant.
    first = _written(attempt.variables, "first@example.com", own=own)
    await world.post(attempt.document, first, by=world.people[Role.OWNER])
    await answers_alike(world, attempt.document, world.people[Role.OWNER], theirs, none)


async def _foreign_address(world: TwoWorkspaces) -> str:
    asked = "{ workspace { members { nodes { user { email } } } } }"
    found = (await world.api.ask(asked, key=world.stranger.secret))["workspace"]["members"]["nodes"]
    return str(found[0]["user"]["email"])


def _written(variables: Any, text: str, *, own: str) -> Any:
    written = orjson.dumps(variables).replace(b'"TEXT"', orjson.dumps(text)).replace(b'"OWN"', orjson.dumps(own))
    return orjson.loads(written)


def _is_text(kind: GraphQLNamedType) -> bool:
    return is_scalar_type(kind) and kind.name not in NO_TEXT


def test_every_place_where_a_text_can_be_written_is_decided_about() -> None:
    places = set()
    for named in build_schema()._schema.type_map.values():
        if isinstance(named, GraphQLObjectType) and not named.name.startswith("__"):
            for name, asked in named.fields.items():
                texts = [argument for argument, given in asked.args.items() if _is_text(get_named_type(given.type))]
                places |= {f"{named.name}.{name}({argument})" for argument in texts}
        elif is_input_object_type(named):
            places |= {
                f"{named.name}.{name}" for name, given in named.fields.items() if _is_text(get_named_type(given.type))
            }
    decided = [WORDS, SHARED, set(ELSEWHERE), set(TRIED)]
    assert places == set().union(*decided)
    assert sum(map(len, decided)) == len(places), "each in one way"
