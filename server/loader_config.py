"""What the settings mean for the loader; apart from what workers import, which classify no visits."""

from recording.loader import LoaderConfig
from server.settings import Settings
from server.spool import spool_folder


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
