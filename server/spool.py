"""The spool of the settings: where visits wait for the loader."""

import tempfile
from pathlib import Path

from recording.segments import FOLDER_MODE
from server.settings import Settings
from server.start_error import StartError


def spool_folder(settings: Settings) -> Path:
    """Where visits wait for the database; in the data folder, also when the database is a server of its own."""
    return settings.data_dir / "spool"


def make_spool(settings: Settings) -> None:
    """Makes the folder; raises StartError where it cannot be written, since every visit would be dropped."""
    folder = spool_folder(settings)
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or "not a folder"
        raise StartError(f"KURZ_DATA_DIR={settings.data_dir}: {folder} cannot be written ({reason})") from error
