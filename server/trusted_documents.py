"""The trusted documents that the settings name, read once per process."""

from graph.trusted import BadDocuments, TrustedDocuments, read_documents
from server.settings import Settings
from server.start_error import UsageError


def trusted_documents(settings: Settings) -> TrustedDocuments:
    """The documents of the folder, none without one; UsageError when one of them is not what its name says."""
    folder = settings.trusted_documents_dir
    try:
        documents = read_documents(folder) if folder else {}
    except BadDocuments as error:
        raise UsageError(f"KURZ_TRUSTED_DOCUMENTS_DIR: {error}") from None
    return TrustedDocuments(documents, only=settings.trusted_documents == "only")
