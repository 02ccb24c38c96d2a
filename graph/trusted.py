"""Trusted documents: operations that were stored beforehand, and are asked for by the hash of their text."""

from collections.abc import Mapping
from typing import Final

from graph.asked import Asked, RequestRefused
from graph.document_folder import digest
from graph.failures import FailureCode

# Relay's, urql's and Apollo's clients look for this text, where they do not look for the code.
NOT_FOUND_MESSAGE: Final = "PersistedQueryNotFound"


class TrustedDocuments:
    """The documents by their ids; with `only`, nothing else is run."""

    def __init__(self, documents: Mapping[str, str], *, only: bool) -> None:
        """`documents` are texts by the hexadecimal SHA-256 of their UTF-8 bytes."""
        self._texts = {f"sha256:{digits}": text for digits, text in documents.items()}
        self._only = only

    def text_of(self, asked: Asked) -> str:
        """The document to run; RequestRefused (404, 422) when it is not known, not allowed, or not what its id says."""
        if asked.document_id is None:
            if self._only:
                raise RequestRefused(422, "This server runs trusted documents only: send the id of one.")
            assert asked.query is not None
            return asked.query
        known = self._texts.get(asked.document_id)
        if asked.query is None or self._only:
            if known is None:
                raise RequestRefused(404, NOT_FOUND_MESSAGE, code=FailureCode.PERSISTED_QUERY_NOT_FOUND)
            if asked.query not in (None, known):
                raise RequestRefused(422, "The document is not the one that its id names.")
            return known
        if asked.document_id != f"sha256:{digest(asked.query.encode())}":
            raise RequestRefused(422, "The document is not the one that its id names.")
        return asked.query
