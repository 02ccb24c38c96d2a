"""What may be written into a link's fields, whoever writes: the judge of drafts and changes alike."""

from collections.abc import Mapping
from functools import partial

from models import targets
from models.links import EXTERNAL_ID_LIMIT, NOTES_LIMIT, TITLE_LIMIT
from models.refusals import Problem, ProblemCode, Refused
from models.targets import TargetPolicy
from models.texts import clean

_TEXTS = {
    "title": partial(clean, limit=TITLE_LIMIT, path=("title",)),
    "notes": partial(clean, limit=NOTES_LIMIT, path=("notes",), multiline=True),
    "external_id": partial(clean, limit=EXTERNAL_ID_LIMIT, path=("externalId",)),
}


def judged(fields: Mapping[str, str | None], *, policy: TargetPolicy, problems: list[Problem]) -> dict[str, str | None]:
    """The fields, by column, as they are stored; what is wrong with them is added to `problems`."""
    values = {column: rule(fields[column], problems=problems) for column, rule in _TEXTS.items() if column in fields}
    if "destination_url" in fields:
        values["destination_url"] = _destination(fields["destination_url"], policy=policy, problems=problems)
    return values


def _destination(raw: str | None, *, policy: TargetPolicy, problems: list[Problem]) -> str | None:
    path = ("destinationUrl",)
    if raw is None:
        problems.append(Problem(ProblemCode.INVALID, "A link needs a destination.", path))
        return None
    try:
        return targets.judge(raw, policy, path=path)
    except Refused as refused:
        problems.extend(refused.problems)
        return None
