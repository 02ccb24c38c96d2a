"""The links of a batch as each item leaves them for the next: worked out before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from models.actors import Editor
from models.audit_log import Action, Change
from models.bulk import Outcome
from models.ids import LinkId
from models.link_changes import NOT_YOURS, difference, may_change, objections
from models.link_creation import external_id_taken
from models.links import ByCode, ByExternalId, ById, LinkLookup, LinkRecord
from models.refusals import Problem, ProblemCode, Refused


@dataclass(frozen=True, slots=True)
class LinkOrder:
    """One item: which link, the columns to write, and what is wrong with these already."""

    lookup: LinkLookup | None
    action: Action
    values: Mapping[str, str | datetime | None]
    problems: Sequence[Problem]
    expected_version: int | None = None

    @property
    def external_id(self) -> str | None:
        """The one that the link is to have, if it is to have another."""
        wanted = self.values.get("external_id")
        return wanted if isinstance(wanted, str) else None


class LinkStates:
    """The links of a batch, which nobody else changes meanwhile; `owners` says whose other external ids are."""

    def __init__(
        self, held: Mapping[LinkId, LinkRecord], owners: Mapping[str, LinkId], *, by: Editor, now: datetime
    ) -> None:
        self.entries: list[Change] = []
        self._held = held
        self._links = dict(held)
        self._by_code = {(link.domain_id, link.code): link.id for link in held.values()}
        self._owners = {**owners, **{link.external_id: link.id for link in held.values() if link.external_id}}
        self._by = by
        self._now = now

    def changed(self) -> list[LinkRecord]:
        """What is to be written, as it is at the end."""
        return [link for link in self._links.values() if link is not self._held[link.id]]

    def carry_out(self, order: LinkOrder) -> Outcome:
        """The link after the next item, or what there is against it."""
        link = self._find(order.lookup)
        if link is not None and not may_change(link, self._by):
            return Refused(Problem(ProblemCode.FORBIDDEN, NOT_YOURS, ("link",)))
        objected = objections(link, expected_version=order.expected_version)
        # Where nothing was named, nothing else is looked at.
        problems = objected if order.lookup is None else [*order.problems, *objected]
        if link is None or problems:
            return Refused(*problems)
        if order.action is Action.LINK_DEACTIVATE and link.deactivated_at is not None:
            return link
        return self._change(link, order)

    def _find(self, lookup: LinkLookup | None) -> LinkRecord | None:
        link_id: LinkId | None = None
        match lookup:
            case ById():
                link_id = lookup.id
            case ByCode():
                link_id = self._by_code.get((lookup.domain_id, lookup.code))
            case ByExternalId():
                link_id = self._owners.get(lookup.external_id)
        return None if link_id is None else self._links.get(link_id)

    def _change(self, link: LinkRecord, order: LinkOrder) -> Outcome:
        changed, entry = difference(link, order.values, action=order.action, now=self._now)
        if entry is None:
            return link
        wanted = order.external_id
        if wanted is not None and self._owners.get(wanted, link.id) != link.id:
            return Refused(external_id_taken(wanted))
        if "external_id" in changed:
            self._owners.pop(link.external_id or "", None)
            self._owners |= {wanted: link.id} if wanted is not None else {}
        self._links[link.id] = replace(link, **changed)
        self.entries.append(entry)
        return self._links[link.id]
