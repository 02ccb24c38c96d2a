"""Opaque ids: a prefix that names the type, then the number inside as eleven base-62 digits."""

from typing import Final

import strawberry

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS: Final = {character: value for value, character in enumerate(ALPHABET)}
LENGTH: Final = 11  # 62 ** 11 is just above 2 ** 63, the largest number there is
LARGEST: Final = 2**63 - 1

LINK: Final = "lnk_"
DOMAIN: Final = "dom_"
WORKSPACE: Final = "wsp_"
API_KEY: Final = "key_"
USER: Final = "usr_"
MEMBER: Final = "mem_"
AUDIT_ENTRY: Final = "aud_"
CLICK: Final = "clk_"


@strawberry.interface(description="Anything with an id. Ask for it again with `node`.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque, unique over all types, and never given to anything else. Its prefix names the type."
    )


def encode(prefix: str, number: int) -> strawberry.ID:
    """The id of a type's number (0 to 2**63 - 1)."""
    digits = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return strawberry.ID(prefix + "".join(reversed(digits)))


def decode(prefix: str, text: str) -> int | None:
    """The number in an id of this type, or None for anything `encode` did not make."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or len(digits) != LENGTH or not DIGITS.keys() >= set(digits):
        return None
    number = 0
    for digit in digits:
        number = number * len(ALPHABET) + DIGITS[digit]
    return number if number <= LARGEST else None
