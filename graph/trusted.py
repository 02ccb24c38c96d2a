"""Trusted documents: operations that were stored beforehand, and are asked for by the hash of their text."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson

from graph.asked import Asked, RequestRefused
from graph.failures import FailureCode

HEX: Final = re.compile(r"[0-9a-f]{64}")
# Relay's, urql's and Apollo's clients look for this text, where they do not look for the code.
NOT_FOUND_MESSAGE: Final = "PersistedQueryNotFound"


class BadDocuments(Exception):  # noqa: N818 - it names what happened, not a fault
    """The folder cannot be used; the text says why, in one line for whoever starts the server."""


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
        if asked.document_id != f"sha256:{_digest(asked.query.encode())}":
            raise RequestRefused(422, "The document is not the one that its id names.")
        return asked.query


def read_documents(folder: Path) -> dict[str, str]:
    """The texts in a folder by their SHA-256; BadDocuments where one is not what its name says.

    `<sha256>.graphql` holds one document, byte for byte; `*.json` an object of many, text by hash, as graphql-codegen's
    client preset and Relay's compiler write it. Other files are passed over.
    """
    documents: dict[str, str] = {}
    try:
        for file in sorted(folder.iterdir()):
            if file.suffix == ".graphql":
                documents |= [_checked(file, file.stem, _text(file))]
            elif file.suffix == ".json":
                documents |= (_checked(file, digits, text) for digits, text in _manifest(file))
    except OSError as error:
        raise BadDocuments(f"{error.filename}: {error.strerror}") from error
    return documents


def _manifest(file: Path) -> Iterator[tuple[str, str]]:
    try:
        manifest = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadDocuments(f"{file}: not JSON: {error}") from error
    if not isinstance(manifest, dict) or not all(isinstance(text, str) for text in manifest.values()):
        raise BadDocuments(f"{file}: expected an object of documents by their SHA-256")
    yield from manifest.items()


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise BadDocuments(f"{file}: not UTF-8") from error


def _checked(file: Path, digits: str, text: str) -> tuple[str, str]:
    if not HEX.fullmatch(digits):
        raise BadDocuments(f"{file}: {digits!r} is no SHA-256 in 64 lower-case hexadecimal digits")
    if (actual := _digest(text.encode())) != digits:
        raise BadDocuments(f"{file}: the document named {digits} has the SHA-256 {actual}")
    return digits, text


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
