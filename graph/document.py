"""Between a document and its execution: parse, guard, validation and cost, and the cache that spares three of them."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from graph import cost
from graph.charges import Charge
from graph.context import Context
from graph.cost import CostPlan
from graph.cost_plan import CostPlanner
from graph.failures import ApiFailure, FailureCode, was_run
from graph.guard import MOST_CHARACTERS, MOST_TOKENS, Guard, refuse_text, refuse_variables
from graph.plans import Plans

CACHED_CHARACTERS: Final = 100_000
CACHED_PLANS: Final = 20_000  # things that plans remember, of less than a kilobyte each
MOST_ERRORS: Final = 10
ADDED_RULES: Final = (MaybeNullValidationRule, OneOfInputValidationRule)  # as Strawberry adds them


class ValidDocument:
    """A document that was found valid, what its operations cost, and how they are executed."""

    def __init__(self, schema: GraphQLSchema, node: DocumentNode) -> None:
        self.node = node
        self.plans = Plans(node)
        self.counted = 0  # of the plans' size
        self._planner = CostPlanner(schema, node)
        self._plans: dict[str | None, CostPlan] = {}

    def plan(self, operation_name: str | None) -> CostPlan:
        """The plan of the operation, which the document has; made when it is first asked for."""
        if operation_name not in self._plans:
            self._plans[operation_name] = self._planner.plan(_operation(self.node, operation_name))
        return self._plans[operation_name]


class DocumentCache:
    """Valid documents by their text, at most 100,000 characters of them; only valid ones, so that junk evicts none.

    Their plans remember at most 20,000 things together, some more while they grow.
    """

    def __init__(self) -> None:
        self._documents: OrderedDict[str, ValidDocument] = OrderedDict()
        self._characters = 0
        self._planned = 0

    def find(self, text: str) -> ValidDocument | None:
        """The document, if its text was found valid before."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
        return document

    def keep(self, text: str, document: ValidDocument) -> None:
        """Remember a valid document; the ones unused for longest make room."""
        if text in self._documents:
            return
        self._documents[text] = document
        self._characters += len(text)
        while self._characters > CACHED_CHARACTERS:
            oldest, gone = self._documents.popitem(last=False)
            self._characters -= len(oldest)
            self._planned -= gone.counted

    def count(self, text: str, document: ValidDocument) -> None:
        """Note how much the document's plans remember by now; of those unused for longest they are forgotten first."""
        if self._documents.get(text) is not document:
            return
        self._take(document)
        for other in list(self._documents.values()) if self._planned > CACHED_PLANS else ():
            if self._planned > CACHED_PLANS:
                other.plans.forget()
                self._take(other)

    def _take(self, document: ValidDocument) -> None:
        size = document.plans.size
        self._planned += size - document.counted
        document.counted = size


class DocumentGate(SchemaExtension):
    """One operation's way through; the cache is the schema's.

    The only extension, and without a hook for single fields: one that awaits makes every field several times slower.
    """

    def __init__(self, cache: DocumentCache) -> None:
        self.cache = cache
        self._document: ValidDocument | None = None
        self._charge: Charge | None = None

    def on_parse(self) -> Iterator[None]:
        """Parse and guard, or take both and the validation from the cache."""
        context = self.execution_context
        text = context.query
        if text is None:
            raise ApiFailure(FailureCode.BAD_REQUEST, "There is no document to run.")
        self._charge = Charge(_context(self))
        self._document = self.cache.find(text)
        if self._document:
            context.graphql_document = self._document.node
            context.pre_execution_errors = []  # not None: validated before
        else:
            self._charge.pay_reading(len(text) if len(text) <= MOST_CHARACTERS else 0)
            refuse_text(text)
            context.graphql_document = parse(text, max_tokens=MOST_TOKENS)
            Guard(context.graphql_document).check()
        if context._provided_operation_name is None:  # its public name falls back to the first operation's
            refuse_several_operations(context.graphql_document)
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate, remember what turns out valid, and take the cost: before anything runs, on every transport."""
        context = self.execution_context
        if context.pre_execution_errors is None:
            context.pre_execution_errors = self._validate()
        if not context.pre_execution_errors:
            try:
                self._pay()
            except ApiFailure as failure:
                context.pre_execution_errors = [failure]
        yield

    def on_execute(self) -> Iterator[None]:
        """Execute by the document's plans, then give back what the answer turns out not to be worth.

        Nothing when it is given up on the way.
        """
        context = self.execution_context
        assert self._document and self._charge and context.query
        _context(self).plans = self._document.plans
        yield
        self.cache.count(context.query, self._document)
        result = context.result
        if isinstance(result, ExecutionResult):  # a subscription's is not there yet
            plan = self._document.plan(context.operation_name)
            self._charge.settle(plan.actual(context.variables, result.data) if was_run(result) else cost.LEAST)

    def message_cost(self, things: int) -> int:
        """What a message of this subscription, which was let through, costs if it tells of so many clicks or links."""
        context = self.execution_context
        assert self._document
        return self._document.plan(context.operation_name).message(context.variables, things)

    def get_results(self) -> dict[str, object]:
        """`extensions` of the answer."""
        return {"cost": self._charge.shown()} if self._charge else {}

    def _validate(self) -> list[GraphQLError]:
        context = self.execution_context
        schema, node = context.schema._schema, context.graphql_document
        assert node and context.query
        errors = validate(schema, node, (*context.validation_rules, *ADDED_RULES), max_errors=MOST_ERRORS)
        if not errors:
            self._document = ValidDocument(schema, node)
            self.cache.keep(context.query, self._document)
        return errors

    def _pay(self) -> None:
        context = self.execution_context
        assert self._document and self._charge
        refuse_variables(context.variables)
        plan = self._document.plan(context.operation_name)
        self._charge.pay(plan.requested(context.variables), message=plan.message(context.variables))


def _context(gate: DocumentGate) -> Context:
    context = gate.execution_context.context
    assert isinstance(context, Context)
    return context


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return next(one for one in operations if name is None or (one.name and one.name.value == name))


def refuse_several_operations(document: DocumentNode) -> None:
    """Raise BAD_REQUEST unless it is clear which operation is meant (https://spec.graphql.org/draft/#GetOperation())."""
    if sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions) > 1:
        raise ApiFailure(FailureCode.BAD_REQUEST, "The document has several operations: say which by operationName.")
