"""What a User-Agent says about the visitor's browser, system and device."""

import re
from typing import NamedTuple

import ua_parser

from models.clicks import Device

_PLATFORM = (
    r"Windows|Macintosh|X11|Linux|Android|iPhone|iPad|iPod|CrOS|BSD|PlayStation|PLAYSTATION|Nintendo|Xbox|Tizen|Web0S"
    r"|webOS|SMART-TV|SmartTV|BlackBerry|BB10|PlayBook|Symbian|KAIOS|Mobile|Tablet|OS/2|Haiku|SunOS|Fuchsia|OpenHarmony"
)
_ENGINE = r"AppleWebKit/?|Gecko|Trident/|MSIE |Presto/|Goanna/|KHTML/|Servo/|LibWeb/"
_GRAPHICAL = re.compile(
    rf"Mozilla/[3-5]\.0 \((?=[^)]*(?:{_PLATFORM}))(?!compatible; (?!MSIE|Konqueror)).*(?:{_ENGINE})"
)
# Those that never took part in calling themselves Mozilla: old, small, in text mode, or on feature phones.
_OTHER = re.compile(
    r"Opera/\d|(?:Lynx|w3m|ELinks|Dillo|NetSurf|amaya|Links|Offpunk|edbrowse|retawq|UCWEB|JUC|Nokia|BlackBerry|SAMSUNG"
    r"|SonyEricsson|LG|LGE|MOT|SIE|HTC|ZTE|Huawei|HUAWEI|Alcatel|PHILIPS|Micromax|Lava|Spice|KDDI|DoCoMo|SoftBank|J-PHONE)"
    r"[-_/ (\d]"
)

_FAMILIES = {
    "Amazon Silk": "Silk",
    "Android": "Android Browser",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Android WebView",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Firefox Focus": "Firefox Focus",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "iOS WebView",
    "Opera Mobile": "Opera",
    "Opera Tablet": "Opera",
    "DuckDuckGo Mobile": "DuckDuckGo",
    "Vivaldi Mobile": "Vivaldi",
    "Yandex Browser": "Yandex",
    "Brave Mobile": "Brave",
}
_SYSTEMS = {
    "Mac OS X": "macOS",
    "Mac OS": "macOS",
    "Chrome OS": "ChromeOS",
    "Ubuntu": "Linux",
    "Debian": "Linux",
    "Fedora": "Linux",
    "Red Hat": "Linux",
    "SUSE": "Linux",
    "Arch Linux": "Linux",
    "Gentoo": "Linux",
    "Linux Mint": "Linux",
    "Kubuntu": "Linux",
    "CentOS": "Linux",
    "Slackware": "Linux",
    "Mageia": "Linux",
    "PCLinuxOS": "Linux",
    "Mandriva": "Linux",
    "Windows Mobile": "Windows Phone",
    "Web0S": "webOS",
    "Chromecast Linux": "Chromecast",
}

# The first that fits. A television or console says so besides naming an ordinary system; so does a tablet.
_DEVICES = (
    (
        Device.OTHER,
        re.compile(r"PlayStation|PLAYSTATION|Xbox|Nintendo|Quest|OculusBrowser|Pico |Watch|Tesla/|QtCarBrowser"),
    ),
    (
        Device.TV,
        re.compile(
            r"\bTV\b|SmartTV|SMART-TV|Smart-TV|HbbTV|AppleTV|GoogleTV|BRAVIA|Web0S|NetCast|NETTV|Roku"
            r"|CrKey|\bAFT[A-Z0-9]+\b|MiTV|MIBOX|Chromecast|DTV|Viera|VIDAA"
        ),
    ),
    (
        Device.TABLET,
        re.compile(
            r"iPad|Tablet|tablet|PlayBook|Kindle|\bKF[A-Z]{2,6}\b|Nexus (?:7|9|10)\b"
            r"|^(?!.*(?:\bMobi|Opera Mini)).*Android"
        ),
    ),
    (
        Device.MOBILE,
        re.compile(
            r"Mobi|iPhone|iPod|Android|Windows Phone|BlackBerry|BB10|Opera Mini|Opera Mobi|UCWEB|JUC|Nokia|Symbian"
            r"|MIDP|KAIOS|webOS|DoCoMo|KDDI|SoftBank|SonyEricsson|OpenHarmony"
        ),
    ),
    (Device.DESKTOP, re.compile(r"Windows|Macintosh|Mac OS|X11|CrOS|Linux|BSD|Haiku|SunOS")),
)


class Browser(NamedTuple):
    """Families, without versions; None for what the string does not tell."""

    name: str | None
    os: str | None
    device: Device


def looks_like_browser(user_agent: str) -> bool:
    """Whether the string is built as browsers build theirs; robots that imitate one closely do so too."""
    return bool(_GRAPHICAL.match(user_agent) or _OTHER.match(user_agent))


def browser_of(user_agent: str) -> Browser:
    """Browser, system and device of a User-Agent, with the variants of one family under one name."""
    parsed = ua_parser.parse(user_agent)
    name = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    return Browser(
        name=_FAMILIES.get(name, name) if name else None,
        os=_SYSTEMS.get(system, system) if system else None,
        device=next((device for device, pattern in _DEVICES if pattern.search(user_agent)), Device.OTHER),
    )
