"""What links are asked for and changed with, and how it reads as plain values."""

import ada_url
import strawberry
from strawberry import UNSET

from graph import ids
from graph.context import Context
from graph.defaults import given
from graph.scalars import URL
from models import codes
from models.ids import LinkId
from models.link_changes import UNCHANGED, LinkChanges
from models.link_creation import LinkDraft
from models.links import ByCode, ByExternalId, ById
from models.links import LinkLookup as Lookup
from models.refusals import Problem, ProblemCode, Refused


@strawberry.input(one_of=True, description="Names one link, in queries and mutations alike.")
class LinkLookup:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The link's id.")
    short_url: URL | None = strawberry.field(default=UNSET, description="The whole short URL.")
    code: str | None = strawberry.field(default=UNSET, description="On the default domain; elsewhere use shortUrl.")
    external_id: str | None = strawberry.field(default=UNSET, description="Your own key for the link.")


@strawberry.input(description="A link to make.")
class CreateLinkInput:
    destination_url: URL = strawberry.field(
        description="Where visitors are sent: http or https, without credentials, not back to this server."
    )
    code: str | None = strawberry.field(
        default=UNSET,
        description="1 to 64 of A-Z, a-z, 0-9, - and _; upper and lower case differ. Left out: a random code.",
    )
    title: str | None = strawberry.field(default=UNSET, description="For people, at most 200 characters.")
    notes: str | None = strawberry.field(default=UNSET, description="For people, at most 4,000 characters.")
    external_id: str | None = strawberry.field(
        default=UNSET, description="Your own key for the link, at most 200 characters, unique in the workspace."
    )


@strawberry.input(description="Changes to a link. Left out: unchanged. Null: cleared.")
class UpdateLinkInput:
    link: LinkLookup = strawberry.field(description="Which link.")
    expected_version: int | None = strawberry.field(
        default=UNSET, description="Change nothing unless the link is at this version."
    )
    destination_url: strawberry.Maybe[URL | None] = strawberry.field(
        description="Where visitors are sent. Cannot be cleared."
    )
    title: strawberry.Maybe[str | None] = strawberry.field(description="For people, at most 200 characters.")
    notes: strawberry.Maybe[str | None] = strawberry.field(description="For people, at most 4,000 characters.")
    external_id: strawberry.Maybe[str | None] = strawberry.field(
        description="Your own key for the link, at most 200 characters, unique in the workspace."
    )


@strawberry.input(description="A link to deactivate.")
class DeactivateLinkInput:
    link: LinkLookup = strawberry.field(description="Which link.")
    reason: str | None = strawberry.field(
        default=UNSET, description="Why, for people; at most 500 characters. Visitors never see it."
    )


@strawberry.input(description="A link to reactivate.")
class ReactivateLinkInput:
    link: LinkLookup = strawberry.field(description="Which link.")


def lookup_of(by: LinkLookup, context: Context) -> Lookup | None:
    """The lookup as `models` takes it, or None when it cannot name any link here."""
    if by.id:
        number = ids.decode(ids.LINK, by.id)
        return None if number is None else ById(LinkId(number))
    if by.external_id:
        # PostgreSQL cannot even be asked for a text with character 0.
        return None if "\0" in by.external_id else ByExternalId(by.external_id)
    code = code_in(by.short_url, base_url=context.config.base_url) if by.short_url else by.code
    return ByCode(context.instance.domain_id, code) if code and codes.is_well_formed(code) else None


def named(by: LinkLookup, context: Context) -> Lookup:
    """The link a mutation names; Refused (NOT_FOUND) for what cannot name any, as for one that is not there."""
    lookup = lookup_of(by, context)
    if lookup is None:
        raise Refused(Problem(ProblemCode.NOT_FOUND, "There is no such link.", ("link",)))
    return lookup


def code_in(short_url: str, *, base_url: str) -> str | None:
    """The code of a short URL of this server, or None for any other text; scheme, query and fragment don't matter."""
    try:
        asked, own = ada_url.URL(short_url), ada_url.URL(base_url)
    except ValueError:
        return None
    start = own.pathname.rstrip("/") + "/"
    if asked.host != own.host or not asked.pathname.startswith(start):
        return None
    return asked.pathname.removeprefix(start).rstrip("/")


def draft_of(input_: CreateLinkInput) -> LinkDraft:
    """The link to make, with None for what was left out."""
    return LinkDraft(
        destination_url=input_.destination_url,
        code=given(input_.code),
        title=given(input_.title),
        notes=given(input_.notes),
        external_id=given(input_.external_id),
    )


def changes_of(input_: UpdateLinkInput) -> LinkChanges:
    """The changes to make: what was left out is unchanged, null is None."""
    return LinkChanges(
        destination_url=input_.destination_url.value if input_.destination_url else UNCHANGED,
        title=input_.title.value if input_.title else UNCHANGED,
        notes=input_.notes.value if input_.notes else UNCHANGED,
        external_id=input_.external_id.value if input_.external_id else UNCHANGED,
    )
