"""Twenty operations that clients really send, and what each costs: costs are part of the API."""

from dataclasses import dataclass
from typing import Any

from graphql import get_introspection_query


@dataclass(frozen=True)
class Priced:
    """An operation with its variables, and its cost before it runs."""

    document: str
    cost: int
    variables: dict[str, Any] | None = None


TOTALS = "totals { clicks uniqueClicks botClicks }"
SERIES = "timeseries { interval points { start clicks } }"
COMPARED = "comparison { change { clicks uniqueClicks } }"
LOOKUP = "query ($by: LinkLookup!) { link(by: $by)"
BY_CODE = {"by": {"code": "spring"}}

OPERATIONS = {
    "type name": Priced("{ __typename }", 1),
    "viewer": Priced("{ viewer { scopes } }", 1),
    "viewer and actor": Priced("{ viewer { scopes actor { id name } } }", 2),
    "workspace": Priced("{ workspace { name timezone limits { maxPageSize } defaultDomain { hostname } } }", 3),
    "link": Priced(f"{LOOKUP} {{ id shortUrl destinationUrl status version }} }}", 1, BY_CODE),
    "code availability": Priced('{ codeAvailability(code: "spring") { available suggestions } }', 1),
    "first links": Priced("{ links { nodes { id code shortUrl title } pageInfo { hasNextPage endCursor } } }", 26),
    "hundred links": Priced(
        "query ($n: Int!) { links(first: $n) { edges { cursor node { id code } } } }", 101, {"n": 100}
    ),
    "last links": Priced("{ links(last: 10) { nodes { id } } }", 11),
    "number of links": Priced("{ links(first: 0) { totalCount } }", 3),
    "search": Priced(
        "query ($s: String) { links(first: 20, search: $s) { nodes { id } totalCount } }", 28, {"s": "shoes"}
    ),
    "nodes": Priced(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Link { code createdBy { name } } } }",
        6,
        {"ids": ["lnk_a", "lnk_b", "lnk_c"]},
    ),
    "link analytics": Priced(f"{LOOKUP} {{ analytics {{ {TOTALS} {SERIES} }} }} }}", 7, BY_CODE),
    "dashboard of 20 links": Priced(
        "query ($n: Int = 20) { links(first: $n, orderBy: {field: CLICK_COUNT}) { nodes { id shortUrl "
        f"analytics(range: {{period: LAST_30_DAYS}}) {{ {TOTALS} {SERIES} {COMPARED} }} }} totalCount }} }}",
        183,
    ),
    "workspace overview": Priced(
        f"{{ workspace {{ analytics {{ {TOTALS} {SERIES} {COMPARED} "
        "countries: top(dimension: COUNTRY) { rows { key share } other { clicks } } "
        "links: top(dimension: LINK, first: 5) { rows { label node { id } } } } } }",
        20,
    ),
    "compared series": Priced(
        "{ workspace { analytics { range { start end } "
        f"comparison {{ range {{ start }} {TOTALS} {SERIES} }} }} }} }}",
        14,
    ),
    "clicks of links": Priced(
        "{ links(first: 10) { nodes { clicks(first: 5) { nodes { occurredAt country } } } } }", 71
    ),
    "members": Priced("{ workspace { members { nodes { role user { name email } } } } }", 1 + 1 + 25 * (1 + 1)),
    "keys": Priced("{ workspace { apiKeys(first: 10) { edges { node { name scopes } } } } }", 12),
    "audit log": Priced(
        "{ workspace { auditLog(first: 50) { nodes { action summary actor { name } target { id } } } } }", 152
    ),
    "add a member": Priced(
        "mutation ($i: AddMemberInput!) { addMember(input: $i) { member { id user { name } } userErrors { code } } }",
        12,
        {"i": {"email": "ann@example.com", "role": "READER"}},
    ),
    "create link": Priced(
        "mutation ($i: CreateLinkInput!) { createLink(input: $i) { created link { id } userErrors { code path } } }",
        11,
        {"i": {"destinationUrl": "https://example.com/"}},
    ),
    "create 50 links": Priced(
        "mutation ($i: CreateLinksInput!) { createLinks(input: $i) { results { link { id shortUrl } "
        "userErrors { code path } } userErrors { code } } }",
        10 + 10 + 50,
        {"i": {"items": [{"destinationUrl": "https://example.com/"}] * 50}},
    ),
    "two changes": Priced(
        "mutation ($l: LinkLookup!) { a: updateLink(input: {link: $l, title: null}) { userErrors { code } } "
        "b: deactivateLink(input: {link: $l}) { link { status } } }",
        21,
        {"l": {"code": "spring"}},
    ),
    "introspection": Priced(get_introspection_query(), 100),
    "a type": Priced('{ __type(name: "Link") { fields { name } } }', 10),
}
