"""The conventions of the schema, as rules: each names the coordinates of what breaks it."""

import re
from collections.abc import Callable, Iterator
from datetime import date

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
    print_ast,
)

from graph.connections import USUAL_PAGE

VERBS = (
    "add",
    "create",
    "deactivate",
    "delete",
    "export",
    "reactivate",
    "remove",
    "revoke",
    "test",
    "update",
    "verify",
)
INPUT_ENDINGS = ("Input", "Filter", "Lookup", "Order")
# Times without the ending: edges of a range and of a filter, and the instant of an answer.
TIMES = {"start", "end", "asOf", "gte", "lt", "at", "after", "before"}
# Lists that may hold null: ids that stand for nothing visible, and filters, in which null is the unknown value.
NULLS_INSIDE = ("Query.nodes", "ClickFilter.")
# Mutations answer their entity as null when nothing was done; these say something of every answer.
ALWAYS_THERE = {"userErrors", "created", "results"}
DEPRECATION = re.compile(r"Use `?[\w.]+`?\. Removed after (\d{4}-\d{2}-\d{2})\.")

Rule = Callable[[GraphQLSchema], Iterator[str]]


def own_types(within: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    for named in within.type_map.values():
        if not is_introspection_type(named) and not is_specified_scalar_type(named):
            yield named


def outputs(within: GraphQLSchema) -> Iterator[tuple[str, GraphQLField]]:
    """Each field of an object or interface, by its coordinate."""
    for named in own_types(within):
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            yield from ((f"{named.name}.{name}", field) for name, field in named.fields.items())


def inputs(within: GraphQLSchema) -> Iterator[tuple[str, GraphQLArgument | GraphQLInputField]]:
    """Each argument and input field."""
    for place, field in outputs(within):
        yield from ((f"{place}({name}:)", argument) for name, argument in field.args.items())
    for named in own_types(within):
        if isinstance(named, GraphQLInputObjectType):
            yield from ((f"{named.name}.{name}", field) for name, field in named.fields.items())


def values(within: GraphQLSchema) -> Iterator[tuple[str, GraphQLEnumType, str]]:
    for named in own_types(within):
        if isinstance(named, GraphQLEnumType):
            yield from ((f"{named.name}.{name}", named, name) for name in named.values)


def last_name(place: str) -> str:
    return place.rstrip(":)").replace("(", ".").rpartition(".")[2]


def everything_is_described(within: GraphQLSchema) -> Iterator[str]:
    yield from (named.name for named in own_types(within) if not named.description)
    yield from (place for place, field in outputs(within) if not field.description)
    yield from (place for place, given in inputs(within) if not given.description)
    yield from (place for place, enum, name in values(within) if not enum.values[name].description)


def names_are_spelt_as_usual(within: GraphQLSchema) -> Iterator[str]:
    yield from (named.name for named in own_types(within) if not re.fullmatch(r"([A-Z][a-z]*)+", named.name))
    for place, _ in [*outputs(within), *inputs(within)]:
        if not re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", last_name(place)):
            yield place
    yield from (place for place, _, name in values(within) if not re.fullmatch(r"[A-Z]+(_[A-Z0-9]+)*", name))


def inputs_and_errors_say_what_they_are(within: GraphQLSchema) -> Iterator[str]:
    for named in own_types(within):
        if isinstance(named, GraphQLInputObjectType) and not named.name.endswith(INPUT_ENDINGS):
            yield named.name
        if isinstance(named, GraphQLUnionType):
            yield named.name  # interfaces carry what their members share
        if isinstance(named, GraphQLObjectType):
            is_error = "UserError" in {interface.name for interface in named.interfaces}
            if is_error != named.name.endswith("Error"):
                yield named.name


def times_end_in_at(within: GraphQLSchema) -> Iterator[str]:
    for place, given in [*outputs(within), *inputs(within)]:
        name, kind = last_name(place), get_named_type(given.type).name
        if kind == "DateTime" and not name.endswith("At") and name not in TIMES:
            yield place
        if kind not in {"DateTime", "DateTimeFilter"} and name.endswith("At"):
            yield place


def mutations_take_one_input_and_answer_a_payload(within: GraphQLSchema) -> Iterator[str]:
    for name, field in within.mutation_type.fields.items() if within.mutation_type else ():
        capital = name[0].upper() + name[1:]
        given = {arg: str(one.type) for arg, one in field.args.items()}
        is_named = name.startswith(VERBS) and not name.islower()
        if not is_named or given != {"input": f"{capital}Input!"} or str(field.type) != f"{capital}Payload":
            yield f"Mutation.{name}"


def payloads_hold_user_errors_and_may_lack_the_rest(within: GraphQLSchema) -> Iterator[str]:
    for named in own_types(within):
        if not named.name.endswith("Payload") or not isinstance(named, GraphQLObjectType):
            continue
        if "userErrors" not in named.fields or str(named.fields["userErrors"].type) != "[UserError!]!":
            yield named.name
        for name, field in named.fields.items():
            if isinstance(field.type, GraphQLNonNull) != (name in ALWAYS_THERE):
                yield f"{named.name}.{name}"


def lists_hold_no_null(within: GraphQLSchema) -> Iterator[str]:
    for place, given in [*outputs(within), *inputs(within)]:
        if has_nullable_items(given.type) and not place.startswith(NULLS_INSIDE):
            yield place


def has_nullable_items(given: GraphQLType) -> bool:
    bare = given.of_type if isinstance(given, GraphQLNonNull) else given
    return isinstance(bare, GraphQLList) and not isinstance(bare.of_type, GraphQLNonNull)


def connections_have_the_usual_shape(within: GraphQLSchema) -> Iterator[str]:
    for named in own_types(within):
        if not named.name.endswith("Connection"):
            continue
        of = named.name.removesuffix("Connection")
        shape = {"edges": f"[{of}Edge!]!", "nodes": f"[{of}!]!", "pageInfo": "PageInfo!"}
        edge = {"cursor": "String!", "node": f"{of}!"}
        if types(named) not in (shape, {**shape, "totalCount": "Int"}):
            yield named.name
        if types(within.type_map.get(f"{of}Edge")) != edge:
            yield f"{of}Edge"


def types(named: GraphQLNamedType | None) -> dict[str, str]:
    fields = named.fields if isinstance(named, GraphQLObjectType) else {}
    return {name: str(field.type) for name, field in fields.items()}


def connections_are_paged_as_usual(within: GraphQLSchema) -> Iterator[str]:
    """25 at first. Where `last` may be given instead, that is no default: it would stand beside `last`."""
    forward = {"first": f"Int = {USUAL_PAGE}", "after": "String"}
    both_ways = {"first": "Int", "after": "String", "last": "Int", "before": "String"}
    for place, field in outputs(within):
        if get_named_type(field.type).name.endswith("Connection"):
            given = {name: f"{one.type}{default_of(one)}" for name, one in field.args.items() if name in both_ways}
            if given not in (forward, both_ways):
                yield place


def default_of(given: GraphQLArgument | GraphQLInputField) -> str:
    """As it is written, with the equals sign; empty without one."""
    return f" = {print_ast(given.default.literal)}" if given.default and given.default.literal else ""


def sizes_are_called_first(within: GraphQLSchema) -> Iterator[str]:
    for place, given in inputs(within):
        if last_name(place) in {"limit", "offset", "page", "pageSize", "count", "skip", "take"}:
            yield place
        if last_name(place) in {"first", "last"} and str(given.type) != "Int":
            yield place


def what_has_an_id_is_a_node(within: GraphQLSchema) -> Iterator[str]:
    for named in own_types(within):
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType) and "id" in named.fields:
            implemented = {interface.name for interface in named.interfaces}
            if (named.name != "Node" and "Node" not in implemented) or str(named.fields["id"].type) != "ID!":
                yield named.name


def ids_are_called_ids(within: GraphQLSchema) -> Iterator[str]:
    for place, given in [*outputs(within), *inputs(within)]:
        called = re.search(r"(^i|I)ds?$", last_name(place)) and not last_name(place).startswith("external")
        is_id = get_named_type(given.type).name == "ID"
        if is_id != bool(called) and not (is_id and last_name(place) in {"link", "createdBy"}):
            yield place


def what_has_a_default_takes_null(within: GraphQLSchema) -> Iterator[str]:
    for place, given in inputs(within):
        if default_of(given) and isinstance(given.type, GraphQLNonNull):
            yield place


def deprecations_say_what_to_use_and_until_when(within: GraphQLSchema) -> Iterator[str]:
    reasons = [(place, given.deprecation_reason) for place, given in [*outputs(within), *inputs(within)]]
    reasons += [(place, enum.values[name].deprecation_reason) for place, enum, name in values(within)]
    for place, reason in reasons:
        if reason is not None and not is_dated(reason):
            yield place


def is_dated(reason: str) -> bool:
    said = DEPRECATION.fullmatch(reason)
    try:
        return said is not None and bool(date.fromisoformat(said[1]))
    except ValueError:
        return False


RULES: list[Rule] = [
    everything_is_described,
    names_are_spelt_as_usual,
    inputs_and_errors_say_what_they_are,
    times_end_in_at,
    mutations_take_one_input_and_answer_a_payload,
    payloads_hold_user_errors_and_may_lack_the_rest,
    lists_hold_no_null,
    connections_have_the_usual_shape,
    connections_are_paged_as_usual,
    sizes_are_called_first,
    what_has_an_id_is_a_node,
    ids_are_called_ids,
    what_has_a_default_takes_null,
    deprecations_say_what_to_use_and_until_when,
]
