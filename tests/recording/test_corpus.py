"""Who is a person: held to strings of real browsers and real robots."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.clicks import Device, VisitorKind
from recording.classify import Classifier
from recording.visit import Hint

CORPUS = Path(__file__).parent / "user_agents"


def lines(name: str) -> list[str]:
    return [line for line in (CORPUS / name).read_text().splitlines() if not line.startswith("#")]


def robots() -> list[tuple[VisitorKind, str, str]]:
    fields = [line.split("\t") for line in lines("robots.txt")]
    return [(VisitorKind[kind], name, user_agent) for kind, name, user_agent in fields]


def test_robots_are_what_they_say(classifier: Classifier) -> None:
    wrong = [
        (expected.name, name, judged, user_agent)
        for expected, name, user_agent in robots()
        if (judged := classifier.classify(user_agent, None)).kind is not expected or name not in ("-", judged.bot)
    ]
    assert not wrong


def test_no_browser_is_called_a_robot(classifier: Classifier) -> None:
    judged = {user_agent: classifier.classify(user_agent, None) for user_agent in lines("browsers.txt")}
    assert not {user_agent: one for user_agent, one in judged.items() if one.kind is not VisitorKind.PERSON}


def test_the_corpus_is_large_enough() -> None:
    assert len(set(robots())) >= 300
    assert len(set(lines("browsers.txt"))) >= 200
    assert {kind for kind, _, _ in robots()} == {
        VisitorKind.CRAWLER,
        VisitorKind.PREVIEW,
        VisitorKind.MONITOR,
        VisitorKind.TOOL,
    }


@pytest.mark.parametrize(
    "name",
    [
        "Slack",
        "X",
        "Facebook",
        "LinkedIn",
        "WhatsApp",
        "Telegram",
        "Discord",
        "Microsoft Teams",
        "Apple Messages",
        "Google",
        "Bing",
    ],
)
def test_every_named_preview_is_in_the_corpus(name: str) -> None:
    assert any(kind is VisitorKind.PREVIEW and named == name for kind, named, _ in robots())


@pytest.mark.parametrize("hint", list(Hint))
@pytest.mark.parametrize("user_agent", [lines("browsers.txt")[0], robots()[0][2], None])
def test_a_hint_of_the_request_wins(classifier: Classifier, hint: Hint, user_agent: str | None) -> None:
    assert classifier.classify(user_agent, hint).kind.name == hint.name


def test_silence_is_a_tools(classifier: Classifier) -> None:
    assert classifier.classify(None, None).kind is VisitorKind.TOOL
    assert classifier.classify("", None).kind is VisitorKind.TOOL


@pytest.mark.parametrize(
    ("part", "browser", "os", "device"),
    [
        ("(Windows NT 10.0; Win64; x64) AppleWebKit/537.36", "Chrome", "Windows", Device.DESKTOP),
        ("(X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/114.0", "Firefox", "Linux", Device.DESKTOP),
        ("CriOS/123.0.6312.52", "Chrome", "iOS", Device.MOBILE),
        ("(iPad; CPU OS 17_4 like Mac OS X)", "Safari", "iOS", Device.TABLET),
        ("Pixel 6)", "Chrome", "Android", Device.MOBILE),
        ("SM-T510", "Samsung Internet", "Android", Device.TABLET),
        ("EdgA/", "Edge", "Android", Device.MOBILE),
        ("Google/google; Pixel 7", "Instagram", "Android", Device.MOBILE),
        ("Web0S", "Chrome", "webOS", Device.TV),
        ("BRAVIA 4K VH2", "Chrome", "Android", Device.TV),
        ("PlayStation 4", "Safari", None, Device.OTHER),
        ("MSIE 9.0", "Internet Explorer", "Windows", Device.DESKTOP),
        ("J2ME/MIDP; Opera Mini", "Opera Mini", None, Device.MOBILE),
    ],
)
def test_browser_system_and_device(
    classifier: Classifier, part: str, browser: str, os: str | None, device: Device
) -> None:
    user_agent = next(line for line in lines("browsers.txt") if part in line)
    judged = classifier.classify(user_agent, None)
    assert (judged.browser, judged.os, judged.device) == (browser, os, device)


def test_any_string_is_judged(classifier: Classifier) -> None:
    @settings(deadline=None, derandomize=True, max_examples=100)
    @given(st.text(max_size=300))
    def judge(user_agent: str) -> None:
        judged = classifier.classify(user_agent, None)
        assert judged.kind in VisitorKind
        assert judged.bot is None or 0 < len(judged.bot) <= 64

    judge()
