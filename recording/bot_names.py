"""What robots call themselves: our own table, and how to read the list of crawler-user-agents."""

from models.clicks import VisitorKind

CRAWLER, PREVIEW, MONITOR, TOOL = VisitorKind.CRAWLER, VisitorKind.PREVIEW, VisitorKind.MONITOR, VisitorKind.TOOL

# The first that matches names the robot. Messages before Facebook and X: Apple's previews call themselves both.
NAMED: tuple[tuple[VisitorKind, str, str], ...] = (
    (PREVIEW, "Apple Messages", r"facebookexternalhit/1\.1 Facebot Twitterbot/1\.0"),
    (PREVIEW, "LINE", r"line-poker"),
    (PREVIEW, "KakaoTalk", r"kakaotalk-scrap"),
    (PREVIEW, "Slack", r"Slackbot|Slack-ImgProxy"),
    (PREVIEW, "Telegram", r"TelegramBot"),
    (PREVIEW, "X", r"Twitterbot"),
    (
        PREVIEW,
        "Facebook",
        r"facebookexternalhit|facebookcatalog|Facebot|[Mm]eta-[Ee]xternal[Ff]etcher|Meta-ExternalHit",
    ),
    (PREVIEW, "LinkedIn", r"LinkedInBot"),
    (PREVIEW, "WhatsApp", r"^WhatsApp/"),
    (PREVIEW, "Discord", r"Discordbot"),
    (PREVIEW, "Microsoft Teams", r"SkypeUriPreview|TeamsBot|MicrosoftPreview"),
    (PREVIEW, "Bing", r"BingPreview"),
    (
        PREVIEW,
        "Google",
        r"Google Web Preview|Google-PageRenderer|/\+/web/snippet|Google(?:ImageProxy|-Chat|Messages|Docs;)",
    ),
    (PREVIEW, "Signal", r"^Signal"),
    (PREVIEW, "Viber", r"^Viber"),
    (PREVIEW, "Snapchat", r"Snap URL Preview|SnapURLPreview"),
    (PREVIEW, "Pinterest", r"Pinterestbot|^Pinterest/0|pinterest\.com/bot"),
    (PREVIEW, "Mastodon", r"(?:^|[ ;])Mastodon/\d|^Pleroma|^Akkoma|^Misskey|^gotosocial|^Friendica|Summaly"),
    (PREVIEW, "Bluesky", r"Bluesky Cardyb|Bluesky/"),
    (PREVIEW, "Matrix", r"^Synapse|matrix-media-repo"),
    (PREVIEW, "Mattermost", r"Mattermost-Bot"),
    (PREVIEW, "Rocket.Chat", r"Rocket\.Chat"),
    (PREVIEW, "XING", r"XING-contenttabreceiver"),
    (PREVIEW, "Zoom", r"ZoomBot|Zoom(?:Chat)?LinkPreview"),
    (PREVIEW, "Notion", r"NotionEmbedder|notionbot"),
    (PREVIEW, "Trello", r"TrelloBot"),
    (PREVIEW, "Nextcloud", r"Nextcloud Server Crawler"),
    (PREVIEW, "Flipboard", r"FlipboardProxy"),
    (PREVIEW, "Yahoo", r"Yahoo Link Preview|YahooMailProxy"),
    (PREVIEW, "Google Read Aloud", r"Google-Read-Aloud"),
    (CRAWLER, "Meta", r"meta-externalagent|meta-webindexer|FacebookBot"),
    (CRAWLER, "Bytespider", r"Bytespider|TikTokSpider"),
    (CRAWLER, "ChatGPT-User", r"ChatGPT-User"),
    (MONITOR, "Uptime Kuma", r"Uptime-Kuma"),
    (MONITOR, "Kubernetes", r"^kube-probe/|^GoogleHC/"),
    (MONITOR, "Amazon Route 53", r"Amazon-Route53-Health-Check|ELB-HealthChecker"),
    (MONITOR, "Prometheus", r"Blackbox[ -]Exporter|^Prometheus/"),
    (MONITOR, "Lighthouse", r"Chrome-Lighthouse|PageSpeed"),
    (TOOL, "HeadlessChrome", r"HeadlessChrome"),
    (TOOL, "Microsoft Office", r"ms-office|^Microsoft Office"),
)

# Which kind a tag of the list means; the first that a pattern has. Everything else crawls.
KINDS = (
    ("social-preview", PREVIEW),
    ("monitoring", MONITOR),
    ("browser-automation", TOOL),
    ("http-library", TOOL),
)

# Patterns of the list that also meet people: a build of Android 15, applications that show pages in a window of their
# own, and words too short to mean anything. They count only where the rest of the string is not a browser's.
AMBIGUOUS = frozenset(
    {
        r"AP3A\.240617\.008", r"MetaIAB Facebook", r"Code\/1\.", r"Trae\/", r"Fluid", r"Notion\/", "WhatsApp", "Viber",
        r"Tumblr\/", "Hatena", "Goodreads", r"Valve\/Steam", r"Chirp|gotosocial", "NextCloud", r"mail\.ru", r"RED\/",
        r"Buck\/", r"Uptime\/", r"Overcast\/", r"PocketCasts\/", "Podimo", "Splunk", "Expanse", "linko", r"Bluesky\/",
        "Mastodon", "Synapse", "Lemmy", "Feedly", "Fever", "inoreader", "NewsBlur", "Trove", "Authory", "Wayback",
        r"NING\/", r"newsai\/", r"Salesforce\.com", "Buttondown", "Collapsify", "Quora-Bot", "OneTrust", "Noibu",
        "Devin", "speedy", "fluffy", r"Readable\/", "Nikto", "axios", "Jetty", "okhttp", "Qualys", "Determ", "Sonic",
    }
)  # fmt: skip
