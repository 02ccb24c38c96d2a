"""A visit's line put together from parts that are known before the visit: the same bytes as `encode` makes of a Visit.

The parts follow one another as Visit has its fields: time, link, facts about the request, campaign.
"""

from datetime import UTC, datetime

import msgspec

from recording.visit import Hash, Hint, Utm, Visit, encode

_END = b"}\n"
_START = b'{"line":"visit","at":'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode_instant = msgspec.json.Encoder().encode
_campaigns = msgspec.json.Decoder(Visit)
_EMPTY = encode(Visit(at=_EPOCH, link_id=0, workspace_id=0)).removesuffix(_END)
_BEFORE_LINK = len(_START + _encode_instant(_EPOCH))

NO_CAMPAIGN = _END  # the last part of a line without a campaign

# What a visit's line says about its link, and the workspace's id once more as a number. A plain tuple, because the
# redirect's cache is full of them: see redirect/entry.py.
LinkParts = tuple[int, bytes, bytes]  # workspace id, ids and version, destination's campaign with the line's end


def link_parts(*, link_id: int, workspace_id: int, version: int, utm: Utm) -> LinkParts:
    """The parts for a link; `utm` is its destination's campaign (recording/campaign.py: utm_of)."""
    whole = encode(Visit(at=_EPOCH, link_id=link_id, workspace_id=workspace_id, version=version))
    return workspace_id, whole[_BEFORE_LINK:].removesuffix(_END), campaign_part(utm)


def facts_part(
    *,
    visitor: Hash | None,
    hint: Hint | None,
    country: str | None,
    user_agent: str | None,
    referrer: str | None,
    language: str | None,
) -> bytes:
    """What a line says about the request; texts are cleaned (recording/cleaning.py)."""
    whole = Visit(
        at=_EPOCH,
        link_id=0,
        workspace_id=0,
        visitor=visitor,
        hint=hint,
        country=country,
        user_agent=user_agent,
        referrer=referrer,
        language=language,
    )
    return encode(whole)[len(_EMPTY) :].removesuffix(_END)


def campaign_part(utm: Utm) -> bytes:
    """What a line says about the campaign, and its end."""
    if not any(utm):
        return NO_CAMPAIGN
    source, medium, campaign = utm
    whole = Visit(at=_EPOCH, link_id=0, workspace_id=0, utm_source=source, utm_medium=medium, utm_campaign=campaign)
    return encode(whole)[len(_EMPTY) :]


def campaign_in(part: bytes) -> Utm:
    """The campaign that `campaign_part` made the part of."""
    visit = _campaigns.decode(_EMPTY + part)
    return Utm(visit.utm_source, visit.utm_medium, visit.utm_campaign)


def line_of(at: datetime, link: bytes, facts: bytes, campaign: bytes) -> bytes:
    """The whole line of a visit at that time, in UTC."""
    return b"".join((_START, _encode_instant(at), link, facts, campaign))
