"""What the settings mean for recording: where the spool lies, who writes to it and who loads it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import structlog

from recording.loader import LoaderConfig
from recording.recorder import Recorder, RecorderConfig
from recording.segments import FOLDER_MODE
from server.settings import Settings
from server.start_error import StartError

log = structlog.get_logger(__name__)


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


def make_recorder(settings: Settings, *, spool_id: int) -> Recorder:
    """The recorder of one worker, not started yet."""
    config = RecorderConfig(
        folder=spool_folder(settings),
        database_url=settings.database_address,
        instance_id=spool_id,
        sync=settings.spool_sync,
        max_bytes=settings.spool_max_bytes,
        trusted_proxies=settings.trusted_proxies,
        geoip_database=settings.geoip_database,
        heed_privacy_signals=settings.heed_privacy_signals,
    )
    try:
        return Recorder(config)
    except (OSError, ValueError) as error:
        # The file was there when Kurz started. A worker that is replaced later must redirect without it, too.
        log.error("the table of countries cannot be read: the one that comes with Kurz is used", reason=str(error))
        return Recorder(replace(config, geoip_database=None))


def loader_config(settings: Settings, *, spool_id: int) -> LoaderConfig:
    """For the one loader of this host; past a pooler, since making partitions takes locks that belong to a session."""
    return LoaderConfig(
        folder=spool_folder(settings),
        database_url=settings.direct_database_address,
        instance_id=spool_id,
        max_bytes=settings.spool_max_bytes,
        click_days=settings.click_retention_days,
        audit_days=settings.audit_retention_days,
    )
