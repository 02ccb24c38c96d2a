"""Filters: which clicks a question is about, as values and as SQL conditions on `click`."""

from dataclasses import dataclass, fields

from models.clicks import Device, VisitorKind
from models.ids import LinkId


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickFilter:
    """Fields are joined by and, the values of one by or; None as a value means unknown, as a field no condition."""

    link: tuple[LinkId, ...] | None = None
    country: tuple[str | None, ...] | None = None
    referrer: tuple[str | None, ...] | None = None
    browser: tuple[str | None, ...] | None = None
    os: tuple[str | None, ...] | None = None
    device: tuple[Device, ...] | None = None
    language: tuple[str | None, ...] | None = None
    utm_source: tuple[str | None, ...] | None = None
    utm_medium: tuple[str | None, ...] | None = None
    utm_campaign: tuple[str | None, ...] | None = None
    kind: tuple[VisitorKind, ...] | None = None


EVERY_CLICK = ClickFilter()
# Each is a column of `click` with text; `link` decides which clicks are read at all, and `kind` is a number.
_TEXTS = tuple(field.name for field in fields(ClickFilter) if field.name not in ("link", "kind"))


def conditions(asked: ClickFilter) -> str:
    """SQL on the click `c`, beginning with `and` unless empty; its values are `parameters`. `link` is not in it."""
    parts = [
        f"and (c.{name} = any(cast(:only_{name} as text[])){_or_unknown(asked, name)})"
        for name in _TEXTS
        if getattr(asked, name) is not None
    ]
    if asked.kind is not None:
        parts.append("and c.kind = any(cast(:only_kind as smallint[]))")
    return " ".join(parts)


def parameters(asked: ClickFilter) -> dict[str, object]:
    """The values of `conditions`."""
    values: dict[str, object] = {
        f"only_{name}": [str(value) for value in getattr(asked, name) if value is not None and _can_be_stored(value)]
        for name in _TEXTS
        if getattr(asked, name) is not None
    }
    if asked.kind is not None:
        values["only_kind"] = [int(kind) for kind in asked.kind]
    return values


def _can_be_stored(value: str) -> bool:
    """PostgreSQL refuses NUL and lone surrogates even as a value to compare with; no click has them."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _or_unknown(asked: ClickFilter, name: str) -> str:
    return f" or c.{name} is null" if None in getattr(asked, name) else ""
