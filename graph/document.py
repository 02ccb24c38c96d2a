"""What stands between a document and its execution: parse, guard, validation, and the cache that spares two of them."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
)
from strawberry.extensions import SchemaExtension

from graph.failures import ApiFailure, FailureCode

MOST_TOKENS: Final = 1_500
MOST_FIELDS: Final = 1_000
MOST_ROOT_QUERIES: Final = 20
MOST_ROOT_MUTATIONS: Final = 5
MOST_SAME_NAME: Final = 5
CACHED_CHARACTERS: Final = 100_000


class DocumentCache:
    """Valid documents by their text, at most 100,000 characters of them; only valid ones, so that junk evicts none."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, DocumentNode] = OrderedDict()
        self._characters = 0

    def find(self, text: str) -> DocumentNode | None:
        """The document, if its text was found valid before."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
        return document

    def keep(self, text: str, document: DocumentNode) -> None:
        """Remember a valid document; the ones unused for longest make room."""
        if text in self._documents:
            return
        self._documents[text] = document
        self._characters += len(text)
        while self._characters > CACHED_CHARACTERS:
            oldest, _ = self._documents.popitem(last=False)
            self._characters -= len(oldest)


class DocumentGate(SchemaExtension):
    """One request's way through; the cache is the schema's."""

    def __init__(self, cache: DocumentCache) -> None:
        self.cache = cache

    def on_parse(self) -> Iterator[None]:
        """Parse and guard, or take both and the validation from the cache."""
        context = self.execution_context
        text = context.query
        if text is None:
            raise ApiFailure(FailureCode.BAD_REQUEST, "There is no document to run.")
        if known := self.cache.find(text):
            context.graphql_document = known
            context.pre_execution_errors = []  # not None: validated before
        else:
            context.graphql_document = parse(text, max_tokens=MOST_TOKENS)
            guard(context.graphql_document)
        if context._provided_operation_name is None:  # its public name falls back to the first operation's
            refuse_several_operations(context.graphql_document)
        yield

    def on_validate(self) -> Iterator[None]:
        """Remember what turns out valid."""
        yield
        context = self.execution_context
        if not context.pre_execution_errors and context.query and context.graphql_document:
            self.cache.keep(context.query, context.graphql_document)


def refuse_several_operations(document: DocumentNode) -> None:
    """Raise BAD_REQUEST unless it is clear which operation is meant (https://spec.graphql.org/draft/#GetOperation())."""
    if sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions) > 1:
        raise ApiFailure(FailureCode.BAD_REQUEST, "The document has several operations: say which by operationName.")


def guard(document: DocumentNode) -> None:
    """Raise QUERY_TOO_COMPLEX for what would be slow to validate or to run.

    One walk over the text: a fragment is measured once, however often it is spread. It comes before validation, whose
    own rules are slow on many fields of one name.
    """
    measure = _Measure(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            is_mutation = definition.operation is OperationType.MUTATION
            _limit(
                "root fields", measure.width(definition.selection_set),
                MOST_ROOT_MUTATIONS if is_mutation else MOST_ROOT_QUERIES,
            )  # fmt: skip
            _limit("fields, counted as often as their fragments are used", measure.size(definition), MOST_FIELDS)


def _limit(what: str, count: int, most: int) -> None:
    if count > most:
        raise ApiFailure(FailureCode.QUERY_TOO_COMPLEX, f"Too many {what}: {count}, at most {most} are allowed.")


class _Measure:
    """Counts fields as the execution would meet them, with every fragment in its places."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._sizes: dict[str, int] = {}

    def size(self, node: OperationDefinitionNode | FragmentDefinitionNode | FieldNode | InlineFragmentNode) -> int:
        """All fields below the node."""
        if node.selection_set is None:
            return 0
        names: Counter[str] = Counter()
        total = 0
        for selection in _flat(node.selection_set):
            if isinstance(selection, FragmentSpreadNode):
                total += self._size_of_fragment(selection.name.value)
            else:
                names[(selection.alias or selection.name).value] += 1
                total += 1 + self.size(selection)
        _limit("fields of one name side by side", max(names.values(), default=0), MOST_SAME_NAME)
        return total

    def width(self, selection_set: SelectionSetNode) -> int:
        """The fields at the top, those of fragments included."""
        count, waiting, seen = 0, [selection_set], set[str]()
        while waiting:
            for selection in _flat(waiting.pop()):
                if isinstance(selection, FieldNode):
                    count += 1
                elif (name := selection.name.value) not in seen and name in self._fragments:
                    seen.add(name)
                    waiting.append(self._fragments[name].selection_set)
        return count

    def _size_of_fragment(self, name: str) -> int:
        if name not in self._sizes:
            self._sizes[name] = 0  # a cycle ends here; validation refuses it
            fragment = self._fragments.get(name)
            self._sizes[name] = self.size(fragment) if fragment else 0
        return self._sizes[name]


def _flat(selection_set: SelectionSetNode) -> Iterator[FieldNode | FragmentSpreadNode]:
    for selection in selection_set.selections:
        if isinstance(selection, InlineFragmentNode):
            yield from _flat(selection.selection_set)
        else:
            assert isinstance(selection, FieldNode | FragmentSpreadNode)
            yield selection
