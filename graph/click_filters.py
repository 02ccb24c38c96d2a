"""Filters: which clicks a question is about, and the kinds of visitors and devices."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from enum import Enum
from typing import Final, TypeVar

import strawberry
from strawberry import UNSET

from graph import ids
from graph.connections import bad_argument
from graph.defaults import given
from models import click_filters, clicks
from models.ids import LinkId

MOST_VALUES: Final = 100
Value = TypeVar("Value")
Plain = TypeVar("Plain")


@strawberry.enum(description="What a visitor holds. More may be added: keep a default branch.")
class DeviceType(Enum):
    DESKTOP = strawberry.enum_value("DESKTOP", description="A computer.")
    MOBILE = strawberry.enum_value("MOBILE", description="A phone.")
    TABLET = strawberry.enum_value("TABLET", description="A tablet.")
    TV = strawberry.enum_value("TV", description="A television or a console.")
    OTHER = strawberry.enum_value("OTHER", description="Something else, or unknown.")


@strawberry.enum(description="Who came. All but PERSON are bots. More may be added: keep a default branch.")
class VisitorKind(Enum):
    PERSON = strawberry.enum_value("PERSON", description="A person: what counts as a click.")
    CRAWLER = strawberry.enum_value("CRAWLER", description="A search engine or another robot.")
    PREVIEW = strawberry.enum_value("PREVIEW", description="A messenger or network that shows a preview of the link.")
    MONITOR = strawberry.enum_value("MONITOR", description="A service that watches whether the link works.")
    PREFETCH = strawberry.enum_value("PREFETCH", description="A browser that loads ahead of its user.")
    HEAD = strawberry.enum_value("HEAD", description="A HEAD request.")
    TOOL = strawberry.enum_value("TOOL", description="A program, such as curl.")


@strawberry.input(
    description=(
        "Fields are joined by and, the values of a list (at most 100) by or; null in a list is the unknown value: "
        "`referrer: [null]` is direct. A list without values takes no click."
    )
)
class ClickFilter:
    link: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="Of these links.")
    country: list[str | None] | None = strawberry.field(default=UNSET, description="ISO 3166 codes, such as DE.")
    referrer: list[str | None] | None = strawberry.field(default=UNSET, description="Hosts, such as example.com.")
    browser: list[str | None] | None = strawberry.field(default=UNSET, description="Names, such as Firefox.")
    os: list[str | None] | None = strawberry.field(default=UNSET, description="Names, such as Android.")
    device: list[DeviceType] | None = strawberry.field(default=UNSET, description="What the visitor holds.")
    language: list[str | None] | None = strawberry.field(default=UNSET, description="Language codes, such as de.")
    utm_source: list[str | None] | None = strawberry.field(default=UNSET, description="Values of utm_source.")
    utm_medium: list[str | None] | None = strawberry.field(default=UNSET, description="Values of utm_medium.")
    utm_campaign: list[str | None] | None = strawberry.field(default=UNSET, description="Values of utm_campaign.")
    kind: list[VisitorKind] | None = strawberry.field(
        default=UNSET,
        description=(
            "Who came. Left out: everyone for analytics, which count people and bots apart; PERSON for lists of clicks."
        ),
    )


def filter_read(asked: ClickFilter | None) -> click_filters.ClickFilter:
    """The filter as `models` takes it; BAD_REQUEST for a list that is too long."""
    if not asked:
        return click_filters.EVERY_CLICK
    for field in fields(asked):
        values = given(getattr(asked, field.name))
        if values is not None and len(values) > MOST_VALUES:
            raise bad_argument("filter", f"{len(values)} values of {field.name} are more than {MOST_VALUES}")
    return click_filters.ClickFilter(
        link=_each(asked.link, _links),
        country=_each(asked.country, tuple),
        referrer=_each(asked.referrer, tuple),
        browser=_each(asked.browser, tuple),
        os=_each(asked.os, tuple),
        device=_each(asked.device, lambda values: tuple(clicks.Device[value.name] for value in values)),
        language=_each(asked.language, tuple),
        utm_source=_each(asked.utm_source, tuple),
        utm_medium=_each(asked.utm_medium, tuple),
        utm_campaign=_each(asked.utm_campaign, tuple),
        kind=_each(asked.kind, lambda values: tuple(clicks.VisitorKind[value.name] for value in values)),
    )


def _each(
    values: Sequence[Value] | None, read: Callable[[Sequence[Value]], tuple[Plain, ...]]
) -> tuple[Plain, ...] | None:
    found = given(values)
    return None if found is None else read(found)


def _links(texts: Iterable[str]) -> tuple[LinkId, ...]:
    """What is no link's id takes no click, as the id of a link that is not there."""
    numbers = (ids.decode(ids.LINK, text) for text in texts)
    return tuple(LinkId(number) for number in numbers if number is not None)
