"""Texts people type: trimmed, bounded, and free of what a screen or a log cannot show."""

import re

from models.refusals import LimitReached, Problem, ProblemCode

# C0, DEL and C1 controls; the separators U+2028 and U+2029, which break lines in some readers; and lone surrogates,
# which are no characters at all (Unicode 17, section 23).
_NOT_ALLOWED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_ALLOWED_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


# What is trimmed: every Unicode blank that is no control character. (str.strip() alone would also swallow control
# characters, which must be refused.)
_BLANKS = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def unprintable(text: str, *, multiline: bool = False) -> str | None:
    """The first character that is not allowed, as U+XXXX; `multiline` allows newline and tab."""
    found = (_NOT_ALLOWED_IN_LINES if multiline else _NOT_ALLOWED).search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"


def clean(
    raw: str | None, *, limit: int, path: tuple[str, ...], problems: list[Problem], multiline: bool = False
) -> str | None:
    """The text trimmed, blank as None; what is wrong with it is added to `problems`. `limit` counts characters."""
    text = trimmed(raw, multiline=multiline)
    if text is None:
        return None
    bad = unprintable(text, multiline=multiline)
    if bad is not None:
        problems.append(Problem(ProblemCode.INVALID, f"{path[-1]} contains the character {bad}, not allowed.", path))
    if len(text) > limit:
        message = f"{path[-1]} has {len(text)} characters; at most {limit} are allowed."
        problems.append(LimitReached(ProblemCode.LIMIT_REACHED, message, path, limit=limit))
    return text


def trimmed(raw: str | None, *, multiline: bool = False) -> str | None:
    """The text without blanks around it, and None when nothing is left."""
    if raw is None:
        return None
    if multiline:
        raw = raw.replace("\r\n", "\n")  # what forms in browsers send
    return raw.strip(_BLANKS + "\t\n" if multiline else _BLANKS) or None
