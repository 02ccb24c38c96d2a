"""Which Kurz this is."""

from importlib.metadata import PackageNotFoundError, version


def kurz_version() -> str:
    """The installed version; "unknown" in a checkout that was never installed."""
    try:
        return version("kurz")
    except PackageNotFoundError:
        return "unknown"
