"""What the settings mean for recording, as a worker does it."""

from dataclasses import replace

import structlog

from recording.recorder import Recorder, RecorderConfig
from server.settings import Settings
from server.spool import spool_folder

log = structlog.get_logger(__name__)


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
