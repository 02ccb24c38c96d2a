"""Trusted documents as the settings name them: read by the application, checked before the start."""

import hashlib
from datetime import datetime
from pathlib import Path

import pytest

from models import instance as instances
from models.database import Database
from server.settings import Settings, read_settings
from tests.server.conftest import Client
from tests.serving import run_kurz

TRUSTED = "{ __typename }"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With one document."""
    made = tmp_path / "documents"
    made.mkdir()
    (made / f"{hashlib.sha256(TRUSTED.encode()).hexdigest()}.graphql").write_text(TRUSTED)
    return made


async def test_the_folders_documents_are_run(
    settings: Settings, database: Database, now: datetime, client_of: Client, folder: Path
) -> None:
    async with database.write() as session:
        instance = await instances.bootstrap(session, hostname="localhost", now=now)
    named = {"documentId": f"sha256:{hashlib.sha256(TRUSTED.encode()).hexdigest()}"}
    for only, status in (("off", 200), ("only", 422)):
        trusting = settings.model_copy(update={"trusted_documents_dir": folder, "trusted_documents": only})
        async with client_of(trusting, instance) as client:
            assert (await client.post("/graphql", json=named)).status_code == 200
            assert (await client.post("/graphql", json={"query": TRUSTED})).status_code == status


def test_graphiql_is_not_shown_where_its_introspection_is_refused(bare: Path, folder: Path) -> None:
    assert read_settings(trusted_documents_dir=folder, trusted_documents="off").graphiql
    for graphiql in (None, True):
        trusting = read_settings(trusted_documents_dir=folder, trusted_documents="only", graphiql=graphiql)
        assert not trusting.graphiql


def test_a_document_that_was_changed_stops_the_start(folder: Path, tmp_path: Path) -> None:
    (file,) = folder.iterdir()
    file.write_text(TRUSTED + "\n")

    variables = {"KURZ_TRUSTED_DOCUMENTS_DIR": str(folder), "KURZ_DATA_DIR": str(tmp_path / "data"), "KURZ_PORT": "0"}
    stopped = run_kurz("serve", settings=variables)

    assert stopped.returncode == 2
    assert file.name in stopped.stderr and len(stopped.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()
