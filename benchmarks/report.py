"""The table and the chart of docs/performance.md, written from the results."""

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "performance.md"
CHART = DOCS / "performance.svg"
SAY = {
    "cached": "one cached link",
    "cached, later": "one cached link; its visits are loaded later",
    "browsers": "one cached link, by 5,000 browsers in turn",
    "strangers": "one cached link, by a new visitor each time",
    "strangers, later": "by a new visitor each time; the visits are loaded later",
    "full cache": "99,000 cached links in turn",
    "missed": "not in the cache: PostgreSQL is asked",
    "unknown": "no such link: 404",
    "page": "the front page",
}
NAMES = {
    "kurz": "Kurz",
    "route": "Kurz without the fast lane",
    "uncounted": "Kurz without recording",
    "uncounted route": "Kurz without recording or fast lane",
    "two workers": "Kurz with two workers on that core",
    "bare": "bare ASGI application",
    "nginx": "nginx",
}
COLOURS = {
    "kurz": "#2563eb",
    "route": "#60a5fa",
    "uncounted": "#93c5fd",
    "uncounted route": "#dbeafe",
    "two workers": "#bfdbfe",
    "bare": "#94a3b8",
    "nginx": "#cbd5e1",
}
BAR, GAP, LEFT, WIDTH = 18, 14, 250, 760


def write_report(results: dict[str, Any]) -> None:
    """Replaces the figures in the page, and the chart beside it."""
    write_figures("redirect", [*_table(results), "", *_facts(results)])
    CHART.write_text(_chart(results["figures"]))


def write_figures(name: str, lines: list[str]) -> None:
    """Replaces what stands in the page between the marks of that name."""
    begin, end = f"<!-- figures: {name} -->", "<!-- end of figures -->"
    text = "\n".join([begin, *lines, end])
    found = f"{re.escape(begin)}.*?{re.escape(end)}"
    PAGE.write_text(re.sub(found, lambda _: text, PAGE.read_text(), flags=re.S))


def _table(results: dict[str, Any]) -> list[str]:
    rows = [
        f"| {SAY[one['scenario']]} | {NAMES[one['contestant']]} | {one['rate_ratio']:.2f} | {one['cpu_ratio']:.2f} "
        f"| {one['cpu']:.1f} | {one['rate']:,.0f} | {one['p50']:.2f} | {one['p99']:.1f} | {one['p99_ratio']:.2f} |"
        for one in results["figures"]
    ]
    columns = (
        "asked for",
        "answered by",
        "throughput, of bare",
        "by CPU, of bare",
        "CPU us/request",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "p99, of bare",
    )
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows]


def _facts(results: dict[str, Any]) -> list[str]:
    memory, cold = results["memory_mb"], results["cold"]
    return [
        f"Resident memory of a worker: {memory['started']:.0f} MB started, {memory['full cache']:.0f} MB full cache.",
        (
            f"The first {results['seconds']:g} seconds after a start, with nothing cached: "
            f"{cold['rate']:,.0f} requests/s, p99 {cold['p99']:.1f} ms."
        ),
        "",
        taken_on(results["machine"], f"{results['rounds']} rounds of {results['seconds']:g} seconds each"),
    ]


def taken_on(machine: dict[str, Any], how: str) -> str:
    """A line that says when, on what and with which versions."""
    facts = (
        machine["date"],
        f"{machine['processor']}, {machine['cores']} cores",
        machine["system"],
        f"Python {machine['python']}",
        *(f"{name} {version}" for name, version in machine["packages"].items()),
        f"nginx {machine['nginx']}",
        f"wrk {machine['wrk']}",
        how,
    )
    return f"Taken on: {'; '.join(facts)}."


def _chart(figures: list[dict[str, Any]]) -> str:
    largest = max(one["rate_ratio"] for one in figures)
    bars, top = [], 34
    for scenario in dict.fromkeys(one["scenario"] for one in figures):
        of_it = [one for one in figures if one["scenario"] == scenario]
        bars.append(f'<text x="0" y="{top + BAR * len(of_it) / 2 + 4:.0f}">{SAY[scenario]}</text>')
        for one in of_it:
            bars.append(_bar(one, top, largest))
            top += BAR
        top += GAP
    title = "Redirects a second, as a ratio to a bare ASGI application on the same uvicorn"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" role="img" aria-label="{title}" '
        f'font-family="system-ui, sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="0" y="16" font-size="13" font-weight="bold">{title}</text>{"".join(bars)}</svg>\n'
    )


def _bar(one: dict[str, Any], top: float, largest: float) -> str:
    length = one["rate_ratio"] / largest * (WIDTH - LEFT - 220)
    label = f"{one['rate_ratio']:.2f} {NAMES[one['contestant']]}"
    return (
        f'<rect x="{LEFT}" y="{top}" width="{length:.0f}" height="{BAR - 3}" fill="{COLOURS[one["contestant"]]}"/>'
        f'<text x="{LEFT + length + 6:.0f}" y="{top + 12}">{label}</text>'
    )
