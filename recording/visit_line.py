"""A visit's line put together from parts that are known before the visit: the same bytes as `encode` makes of a Visit.

The parts follow one another as Visit has its fields: time, link, facts about the request (a `member` for each),
campaign. Only the time is written otherwise where it is a whole second: with six zeros.
"""

from datetime import UTC, datetime

import msgspec

from recording.visit import Utm, Visit, encode

_END = b"}\n"
_START = b'{"line":"visit","at":'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode_value = msgspec.json.Encoder().encode
_campaigns = msgspec.json.Decoder(Visit)
_EMPTY = encode(Visit(at=_EPOCH, link_id=0, workspace_id=0)).removesuffix(_END)
_BEFORE_LINK = len(_START + _encode_value(_EPOCH))

# The milliseconds of a time, and the microseconds with its end: formatting them would take longer.
THREE_DIGITS = [b"%03d" % number for number in range(1_000)]
LAST_DIGITS = [b'%03dZ"' % number for number in range(1_000)]

NO_CAMPAIGN = _END  # the last part of a line without a campaign

# What a visit's line says about its link, and the workspace's id once more as a number. A plain tuple, because the
# redirect's cache is full of them: see redirect/entry.py.
LinkParts = tuple[int, bytes, bytes]  # workspace id, ids and version, destination's campaign with the line's end


def link_parts(*, link_id: int, workspace_id: int, version: int, utm: Utm) -> LinkParts:
    """The parts for a link; `utm` is its destination's campaign (recording/campaign.py: utm_of)."""
    whole = encode(Visit(at=_EPOCH, link_id=link_id, workspace_id=workspace_id, version=version))
    return workspace_id, whole[_BEFORE_LINK:].removesuffix(_END), campaign_part(utm)


def beginning_of(second: datetime) -> bytes:
    """What the lines of the visits of that whole second (UTC) begin with; THREE_DIGITS and LAST_DIGITS go on."""
    return _START + _encode_value(second).removesuffix(b'Z"') + b"."


def member(name: str, value: str | int | None) -> bytes:
    """What a line says in that field, as a text (cleaned: recording/cleaning.py) or a number; nothing for None."""
    return b"" if value is None else b',"%b":%b' % (name.encode(), _encode_value(value))


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
