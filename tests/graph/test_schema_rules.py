"""The schema keeps to its conventions, and each rule about them finds what breaks it."""

import pytest
from graphql import build_schema

from graph import schema
from tests.graph.schema_rules import (
    RULES,
    Rule,
    connections_are_paged_as_usual,
    connections_have_the_usual_shape,
    deprecations_say_what_to_use_and_until_when,
    everything_is_described,
    ids_are_called_ids,
    inputs_and_errors_say_what_they_are,
    lists_hold_no_null,
    mutations_take_one_input_and_answer_a_payload,
    names_are_spelt_as_usual,
    payloads_hold_user_errors_and_may_lack_the_rest,
    sizes_are_called_first,
    times_end_in_at,
    what_has_a_default_takes_null,
    what_has_an_id_is_a_node,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_schema_keeps_to_its_conventions(rule: Rule) -> None:
    assert list(rule(build_schema(schema.build_schema().as_str()))) == []


PAYLOADS = "type CreateAPayload { a: Int } input CreateAInput { a: Int } type Mutation"
BROKEN: list[tuple[Rule, str, list[str]]] = [
    (everything_is_described, '"A" type A { f("b" b: Int): Int }', ["A.f"]),
    (everything_is_described, '"A" input A { f: Int } "B" enum B { C }', ["A.f", "B.C"]),
    (everything_is_described, 'interface D { "e" e(f: Int): Int }', ["D", "D.e(f:)"]),
    (names_are_spelt_as_usual, "type A_b { C: Int, d_e(F: Int): Int }", ["A_b", "A_b.C", "A_b.d_e", "A_b.d_e(F:)"]),
    (names_are_spelt_as_usual, "enum G { h I_J2 }", ["G.h"]),
    (inputs_and_errors_say_what_they_are, "input Thing { a: Int } type A { b: Int } union U = A", ["Thing", "U"]),
    (
        inputs_and_errors_say_what_they_are,
        "interface UserError { a: Int } type B implements UserError { a: Int }",
        ["B"],
    ),
    (inputs_and_errors_say_what_they_are, "type AnError { a: Int }", ["AnError"]),
    (times_end_in_at, "scalar DateTime type A { made: DateTime, madeAt: DateTime!, start: DateTime }", ["A.made"]),
    (times_end_in_at, "input A { goneAt: String }", ["A.goneAt"]),
    (mutations_take_one_input_and_answer_a_payload, "type Mutation { linkCreate: Int }", ["Mutation.linkCreate"]),
    (mutations_take_one_input_and_answer_a_payload, "type Mutation { create: Int }", ["Mutation.create"]),
    (
        mutations_take_one_input_and_answer_a_payload,
        f"{PAYLOADS} {{ createA(input: CreateAInput!): CreateAPayload }}",
        [],
    ),
    (
        mutations_take_one_input_and_answer_a_payload,
        f"{PAYLOADS} {{ createA(input: CreateAInput!): CreateAPayload! }}",
        ["Mutation.createA"],
    ),
    (
        mutations_take_one_input_and_answer_a_payload,
        f"{PAYLOADS} {{ createA(input: CreateAInput!, b: Int): CreateAPayload }}",
        ["Mutation.createA"],
    ),
    (payloads_hold_user_errors_and_may_lack_the_rest, "type APayload { a: Int! }", ["APayload", "APayload.a"]),
    (payloads_hold_user_errors_and_may_lack_the_rest, "type BPayload { userErrors: [Int!]! }", ["BPayload"]),
    (
        lists_hold_no_null,
        "type A { b: [Int!], c(d: [Int]): [Int]! } input ClickFilter { e: [String] }",
        ["A.c", "A.c(d:)"],
    ),
    (connections_have_the_usual_shape, "type A { b: Int } type AEdge { node: A! }", []),
    (connections_have_the_usual_shape, "type AConnection { nodes: [A!]! } type A { b: Int }", ["AConnection", "AEdge"]),
    (
        connections_are_paged_as_usual,
        "type A { b(first: Int = 25, after: String): AConnection } type AConnection { c(first: Int): AConnection }",
        ["AConnection.c"],
    ),
    (
        connections_are_paged_as_usual,
        "type AConnection { b(first: Int = 25, after: String, last: Int, before: String): AConnection }",
        ["AConnection.b"],
    ),
    (sizes_are_called_first, "type A { b(limit: Int): Int, c(first: Int!): Int }", ["A.b(limit:)", "A.c(first:)"]),
    (
        what_has_an_id_is_a_node,
        "interface Node { id: ID! } type A { id: ID! } type B implements Node { id: ID! }",
        ["A"],
    ),
    (ids_are_called_ids, "type A { b: ID, cId: ID, dIds: [ID!], externalId: String }", ["A.b"]),
    (ids_are_called_ids, "type A { b(link: [ID!], cId: String): Int }", ["A.b(cId:)"]),
    (what_has_a_default_takes_null, "type A { b(c: Int! = 1, d: Int = 1): Int }", ["A.b(c:)"]),
    (what_has_a_default_takes_null, "input A { b: Int! = 1 }", ["A.b"]),
    (
        deprecations_say_what_to_use_and_until_when,
        'type A { b: Int @deprecated(reason: "Use c. Removed after 2027-06-01."), c(d: Int @deprecated): Int }',
        ["A.c(d:)"],
    ),
    (
        deprecations_say_what_to_use_and_until_when,
        'enum A { B @deprecated(reason: "Use C. Removed after 2027-13-01.") C @deprecated(reason: "Old") }',
        ["A.B", "A.C"],
    ),
    (
        deprecations_say_what_to_use_and_until_when,
        'input A { b: Int @deprecated(reason: "Removed after 2027-06-01.") }',
        ["A.b"],
    ),
]


@pytest.mark.parametrize(("rule", "definitions", "found"), BROKEN)
def test_a_rule_names_what_breaks_it(rule: Rule, definitions: str, found: list[str]) -> None:
    assert sorted(rule(build_schema(definitions, assume_valid=True, assume_valid_sdl=True))) == sorted(found)


def test_every_rule_is_shown_to_find_something() -> None:
    assert {rule for rule, _, found in BROKEN if found} == set(RULES)
