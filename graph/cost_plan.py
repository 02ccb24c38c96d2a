"""From a valid document to what its operations cost: fields looked up in the schema, fragments put in their places."""

from dataclasses import dataclass, field, replace
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    print_ast,
)

from graph import cost
from graph.asked_arguments import Condition, arguments_of, conditions_of, defaults_of
from graph.connections import LARGEST_PAGE
from graph.cost import CostPlan, Number, Part
from graph.top import LARGEST_TOP

FREE_PART: Final = Part("", 0, 0)
PAGES: Final = ("edges", "nodes")


@dataclass(slots=True)
class _Place:
    """Fields that become one in the answer, and everything that is selected below them."""

    node: FieldNode
    parent: GraphQLObjectType | GraphQLInterfaceType
    conditions: tuple[Condition, ...]
    below: list[SelectionSetNode] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.node.name.value

    @property
    def key(self) -> str:
        return (self.node.alias or self.node.name).value

    @property
    def named_type(self) -> GraphQLNamedType:
        named: GraphQLNamedType = get_named_type(self.parent.fields[self.name].type)
        return named


class CostPlanner:
    """Plans for the operations of one document, which must be valid and have passed the guard."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def plan(self, operation: OperationDefinitionNode) -> CostPlan:
        """The operation's plan."""
        kind = operation.operation
        root = self._schema.get_root_type(kind)
        assert root is not None, "a valid operation has its type"
        defaults = defaults_of(operation)
        if kind is OperationType.SUBSCRIPTION:
            events = self._parts([operation.selection_set], root, size=None, plain=0)
            return CostPlan(kind, Part("", cost.SUBSCRIPTION, 0), defaults, events=tuple(events))
        whole = self._parts([operation.selection_set], root, size=None, plain=cost.OBJECT)
        return CostPlan(kind, _summed(FREE_PART, whole), defaults)

    def _parts(
        self, below: list[SelectionSetNode], parent: GraphQLNamedType | None, *, size: Number | None, plain: int
    ) -> list[Part]:
        """What is selected on an object.

        `size` is how many items its lists are asked for, `plain` the price of an object that has none of its own.
        """
        places: dict[tuple[object, ...], _Place] = {}
        seen = set[tuple[object, ...]]()
        for selection_set in below:
            self._collect(selection_set, parent, (), places, seen)
        has_page = any(place.name in PAGES for place in places.values())
        return [self._part(place, size=size, has_page=has_page, plain=plain) for place in places.values()]

    def _collect(
        self,
        selection_set: SelectionSetNode,
        parent: GraphQLNamedType | None,
        conditions: tuple[Condition, ...],
        places: dict[tuple[object, ...], _Place],
        seen: set[tuple[object, ...]],
    ) -> None:
        for selection in selection_set.selections:
            met = (*conditions, *conditions_of(selection))
            if isinstance(selection, FieldNode):
                _put(selection, parent, met, places)
                continue
            spread = self._spread(selection)
            mark = (id(spread), *(condition.text for condition in met))
            if mark not in seen:
                seen.add(mark)
                named = self._schema.get_type(spread.type_condition.name.value) if spread.type_condition else parent
                self._collect(spread.selection_set, named, met, places, seen)

    def _spread(self, selection: SelectionNode) -> FragmentDefinitionNode | InlineFragmentNode:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragments[selection.name.value]
        assert isinstance(selection, InlineFragmentNode)
        return selection

    def _part(self, place: _Place, *, size: Number | None, has_page: bool, plain: int) -> Part:
        part = replace(
            self._price(place, size=size, has_page=has_page, plain=plain),
            key=place.key,
            conditions=tuple(condition.is_met for condition in place.conditions),
        )
        if place.name.startswith("__") or is_leaf_type(place.named_type):
            return part
        return _summed(part, self._parts(place.below, place.named_type, size=_size_below(place, size), plain=plain))

    def _price(self, place: _Place, *, size: Number | None, has_page: bool, plain: int) -> Part:
        """The field alone."""
        if place.name.startswith("__"):
            return Part("", cost.INTROSPECTION.get(place.name, 0), 0)
        if place.parent is self._schema.mutation_type:
            return Part("", cost.MUTATION, 0, extras=(arguments_of(place.node).bulk,))
        if is_leaf_type(place.named_type):
            return Part("", cost.TOTAL_COUNT if place.name == "totalCount" else 0, 0)
        if place.parent.name.endswith("Connection"):
            return FREE_PART if place.name == "pageInfo" and has_page else Part("", 0, cost.ITEM, count=size)
        return _object_price(place, size=size, plain=plain)


def _object_price(place: _Place, *, size: Number | None, plain: int) -> Part:
    coordinate, named = f"{place.parent.name}.{place.name}", place.named_type.name
    arguments = arguments_of(place.node)
    if coordinate in cost.SIZED:
        return Part("", 0, 0, count=size)
    if argument := cost.LISTS.get(coordinate):
        return Part("", 0, plain, count=arguments.length(argument))
    if coordinate in cost.FREE or place.name == cost.ERRORS or place.parent.name.endswith("Edge"):
        return FREE_PART
    count = cost.compared if named == "AnalyticsComparison" else None
    extras = (arguments.search,) if arguments.may_search else ()
    return Part("", cost.BY_TYPE.get(named, plain), 0, count=count, extras=extras)


def _size_below(place: _Place, size: Number | None) -> Number | None:
    """How many items the lists of the field's object are asked for."""
    name = place.named_type.name
    if name.endswith("Payload") and size is None:  # else it is one of the many in another
        return arguments_of(place.node).items
    if name.endswith("Connection"):
        return arguments_of(place.node).page(place.parent.fields[place.name], most=LARGEST_PAGE)
    if name == "TopValues":
        return arguments_of(place.node).page(place.parent.fields[place.name], most=LARGEST_TOP)
    return size


def _put(
    node: FieldNode,
    parent: GraphQLNamedType | None,
    conditions: tuple[Condition, ...],
    places: dict[tuple[object, ...], _Place],
) -> None:
    """Put the field where it belongs in the answer; those of different types stay apart if they may differ."""
    place = _Place(node, parent, conditions)  # type: ignore[arg-type]  # what has fields, as validation found
    own_type = "" if place.name.startswith("__") else place.named_type.name
    arguments = tuple(print_ast(argument) for argument in node.arguments or ())
    identity = (place.key, place.name, own_type, arguments, *(condition.text for condition in conditions))
    found = places.setdefault(identity, place)
    if node.selection_set:
        found.below.append(node.selection_set)


def _summed(part: Part, inner: list[Part]) -> Part:
    """The part with what is below it: fixed costs added up, the others kept."""
    each = part.each + sum(one.requested({}) for one in inner if one.is_fixed)
    parts = tuple(one for one in inner if not one.is_fixed)
    if part.count is cost.compared and not parts:
        return replace(part, own=part.own + cost.COMPARED * each, each=0, count=None)
    return replace(part, each=each, parts=parts)
