"""Trusted documents as a folder holds them; apart from what answers requests, since a start only checks them."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

HEX: Final = re.compile(r"[0-9a-f]{64}")


class BadDocuments(Exception):  # noqa: N818 - it names what happened, not a fault
    """The folder cannot be used; the text says why, in one line for whoever starts the server."""


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
    if (actual := digest(text.encode())) != digits:
        raise BadDocuments(f"{file}: the document named {digits} has the SHA-256 {actual}")
    return digits, text


def digest(text: bytes) -> str:
    """The SHA-256 that a document is asked for by, in lower-case hexadecimal digits."""
    return hashlib.sha256(text).hexdigest()
