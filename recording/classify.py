"""Who a visit was by: a person, or one of the kinds of machines; what kind of browser and device."""

from importlib.metadata import version
from typing import NamedTuple

from models.clicks import Device, VisitorKind
from recording.bots import Robots
from recording.browsers import browser_of
from recording.visit import Hint

RULES = 1  # raised with every change of ours that may call a visit something else
MEMO_ENTRIES = 20_000


class Classified(NamedTuple):
    """What a click's row says about its visitor."""

    kind: VisitorKind
    device: Device
    browser: str | None = None
    os: str | None = None
    bot: str | None = None


_SILENT = Classified(VisitorKind.TOOL, Device.OTHER)  # browsers always say what they are
_HINTED = {Hint.HEAD: VisitorKind.HEAD, Hint.PREFETCH: VisitorKind.PREFETCH}


class Classifier:
    """Classifies visits, each User-Agent once."""

    def __init__(self) -> None:
        """Loads and tries the tables, which takes some tenths of a second: not the first visit shall wait for it."""
        self._robots = Robots()
        self._memo: dict[str, Classified] = {}
        self.version = f"{RULES}; ua-parser-builtins {_of('ua-parser-builtins')}; crawlers {_of('crawler-user-agents')}"
        browser_of("Mozilla/5.0")

    def classify(self, user_agent: str | None, hint: Hint | None) -> Classified:
        """What the User-Agent tells. A hint wins: a HEAD request is nobody's visit, whoever sends it."""
        known = self._memo.get(user_agent) if user_agent else _SILENT
        if known is None:
            known = self._judge(user_agent or "")
        return known if hint is None else known._replace(kind=_HINTED[hint])

    def _judge(self, user_agent: str) -> Classified:
        robot = self._robots.recognise(user_agent)
        if robot is None:
            browser = browser_of(user_agent)
            judged = Classified(VisitorKind.PERSON, browser.device, browser.name, browser.os)
        else:
            judged = Classified(robot.kind, Device.OTHER, bot=robot.name)
        if len(self._memo) >= MEMO_ENTRIES:
            self._memo.clear()
        self._memo[user_agent] = judged
        return judged


def _of(package: str) -> str:
    return version(package)
