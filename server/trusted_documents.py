"""The trusted documents that the settings name."""

from graph.document_folder import BadDocuments, read_documents
from server.settings import Settings
from server.start_error import UsageError


def read_trusted_documents(settings: Settings) -> dict[str, str]:
    """The texts in the folder by their SHA-256, none without one; UsageError when one is not what its name says."""
    folder = settings.trusted_documents_dir
    try:
        return read_documents(folder) if folder else {}
    except BadDocuments as error:
        raise UsageError(f"KURZ_TRUSTED_DOCUMENTS_DIR: {error}") from None
