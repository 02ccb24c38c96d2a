"""A key's secret: how it is made, how its parts are told, and what is kept of it."""

import hashlib
import secrets
import zlib

PREFIX = "kurz"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_ID_LENGTH = 12
SECRET_LENGTH = 43  # 256 bits in base 62
CHECKSUM_LENGTH = 6  # 32 bits in base 62


def random_digits(length: int) -> str:
    """So many digits that nobody can guess."""
    return "".join(secrets.choice(DIGITS) for _ in range(length))


def hash_of(secret: str) -> bytes:
    """What is kept of a secret."""
    # A plain hash is enough: the secret has 256 random bits, so there is nothing to guess slowly.
    return hashlib.sha256(secret.encode()).digest()


def secret_text(public_id: str, secret: str) -> str:
    """What the holder is given: prefix, public id, then secret and checksum."""
    return f"{PREFIX}_{public_id}_{secret}{_checksum(public_id, secret)}"


def _checksum(public_id: str, secret: str) -> str:
    number = zlib.crc32(f"{public_id}_{secret}".encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def secret_parts(secret: str) -> tuple[str, str] | None:
    """The public id and the secret without its checksum; None for a typing error, found without asking the database."""
    pieces = secret.split("_")
    if len(pieces) != 3 or pieces[0] != PREFIX or not (secret.isascii() and "".join(pieces).isalnum()):
        return None
    _, public_id, tail = pieces
    core, checksum = tail[:-CHECKSUM_LENGTH], tail[-CHECKSUM_LENGTH:]
    if len(public_id) != PUBLIC_ID_LENGTH or len(core) != SECRET_LENGTH or checksum != _checksum(public_id, core):
        return None
    return public_id, core
