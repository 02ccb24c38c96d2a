"""The audit of npm's graphql-http: every MUST holds, and where Kurz differs the present draft is the reason."""

import json
from pathlib import Path

import pytest

from tests.clients.conftest import Packages, Served

pytestmark = pytest.mark.clients

# SHOULDs of an older draft. The present one (https://graphql.github.io/graphql-over-http/draft/, August 2026):
DISAGREEMENTS = {
    # "... as if the request had specified `Accept: application/graphql-response+json`", also in its statuses.
    "572B": "wants 200 for a syntax error where application/json is accepted; the draft has 400",
    "FDE2": "wants 200 for an invalid document where application/json is accepted; the draft has 4xx",
    "7B9B": "wants 200 for variables that do not fit where application/json is accepted; the draft has 422",
    # "If the variable values cannot be coerced ..., status code 422 SHOULD be used."
    "86EE": "wants 400 for variables that do not fit; the draft has 422",
}
# What the audit calls free to choose (MAY): 400 for parameters that are missing or of another type. The draft: "If the
# request is not a well-formed GraphQL-over-HTTP request, status code 422 SHOULD be used."
CHOICES = {"423L", "3E3A", *(f"{group}{number}" for group in ("LKJ", "6C0", "476", "58B") for number in range(4))}
CHECKS = 61


def test_the_audit_finds_nothing_but_what_the_draft_has_changed(
    clients: Packages, served: Served, tmp_path: Path
) -> None:
    clients.run("node", "audit.mjs", str(tmp_path / "audit.json"), variables=served.environment())

    checks = json.loads((tmp_path / "audit.json").read_text())
    told = {check["id"]: check["status"] for check in checks if check["status"] != "ok"}
    assert len(checks) == CHECKS
    assert {number for number, status in told.items() if status == "error"} == set()
    assert {number for number, status in told.items() if status == "warn"} == set(DISAGREEMENTS)
    assert {number for number, status in told.items() if status == "notice"} == CHOICES
