"""Who may do what, printed for people from the tables that decide it: `python -m graph.permissions`."""

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from graphql import GraphQLSchema

from graph.access import FIELDS, NODES, Rule
from graph.nodes import TYPES
from graph.schema import build_schema
from models.keys import Scope
from models.roles import SCOPES_OF, Role

HEAD: Final = """\
# Who may do what

Printed from the code (`make schema`), which decides by the same tables. [Signing in](auth.md) says who is a key and
who is a person.

Whoever asks acts in one workspace and sees nothing of any other: a foreign id answers exactly as one that does not
exist. Everything that needs a scope is refused without it, with `FORBIDDEN` and the scope in
`extensions.requiredScope`; what needs a role, with the role in `extensions.requiredRole`.

## Roles

A key has the scopes it was made with, a person those of the role.
"""
RULES: Final = """\
Beyond the scopes:

- A `MEMBER` changes, deactivates and reactivates only links of their own; `ADMIN` and `OWNER` change all links. A key
  with `LINKS_WRITE` changes all links. Among many at once the link of somebody else is `FORBIDDEN` in its item's
  `userErrors`.
- Only a deactivated link can be deleted, by whoever has `WORKSPACE_ADMIN`.
- An `OWNER` gives and takes every role; an `ADMIN` only `MEMBER` and `READER`. A key with `WORKSPACE_ADMIN` does what
  an `ADMIN` may. Every person may leave. The last owner stays.
- Nobody makes a key with a scope that they have not; a key that expires makes none that lasts longer. Nor does a key
  give a person a role with a scope that the key has not; and one that expires adds nobody, and gives no member a role
  that allows more, since people stay.
- A change is allowed or refused as it is committed: a key that is revoked, or a person who is removed or given a
  lesser role, completes no change from that moment on. Reading ends within two seconds.
- A person's e-mail address is shown to that person and to whoever has `WORKSPACE_ADMIN`; to others it is null.
- Whoever may change a link sees it in the answer, also without `LINKS_READ`; so does whoever makes one.
"""
FIELDS_HEAD: Final = """\
## Fields

One of the scopes will do. A field that is not listed needs no more than what it is a field of. Without a credential
none of these can be asked for, only introspection.
"""
NODES_HEAD: Final = """\
## By id

What `node` and `nodes` need, by the type of what the id names; likewise `DimensionRow.node` and `AuditEntry.target`.
It makes no difference whether the thing is there.
"""


def permissions() -> str:
    """The whole document."""
    schema = build_schema()._schema
    rows = {f"`{name}`": rule for name, rule in sorted(FIELDS.items(), key=lambda row: _place(schema, row[0]))}
    nodes = {f"`{TYPES[prefix]}` (`{prefix}`)": rule for prefix, rule in NODES.items()}
    return "\n".join(
        [
            HEAD,
            *_table(["Scope", *(f"`{role}`" for role in Role)], _roles()),
            "",
            RULES,
            FIELDS_HEAD,
            *_table(["Field", "Scope", "Roles", "But"], (_line(name, rule) for name, rule in rows.items())),
            "",
            NODES_HEAD,
            *_table(["Type", "Scope", "Roles", "But"], (_line(name, rule) for name, rule in nodes.items())),
            "",
        ]
    )


def roles_that_may(rule: Rule) -> frozenset[Role]:
    """The roles in which the rule itself lets a person ask."""
    is_open = rule.every_person or not rule.scopes
    return frozenset(role for role in Role if is_open or not SCOPES_OF[role].isdisjoint(rule.scopes))


def _roles() -> Iterator[list[str]]:
    for scope in Scope:
        yield [f"`{scope}`", *("yes" if scope in SCOPES_OF[role] else "" for role in Role)]


def _line(name: str, rule: Rule) -> list[str]:
    scopes = ", ".join(f"`{scope}`" for scope in rule.scopes) or "any"
    exceptions = ["about itself none" if rule.own else "", "people need none" if rule.every_person else "", rule.but]
    roles = roles_that_may(rule)
    shown = "all" if len(roles) == len(Role) else ", ".join(f"`{role}`" for role in Role if role in roles)
    return [name, scopes, shown, "; ".join(filter(None, exceptions))]


def _place(schema: GraphQLSchema, name: str) -> tuple[int, int]:
    """Where the field stands in schema.graphql, its type by the order of the table."""
    type_name, _, field = name.partition(".")
    types = list(dict.fromkeys(known.partition(".")[0] for known in FIELDS))
    return types.index(type_name), list(schema.type_map[type_name].fields).index(field)  # type: ignore[attr-defined]


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield "|" + "".join(f" {cell} |" if cell else " |" for cell in row)


if __name__ == "__main__":
    sys.stdout.write(permissions())
