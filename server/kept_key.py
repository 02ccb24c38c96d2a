"""The first owner key's secret, kept in the data folder for its owner's eyes only."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KeptKey:
    """The file of the first key; it exists only while that key is valid."""

    file: Path

    @classmethod
    def of(cls, data_dir: Path) -> "KeptKey":
        """The file's place in a data folder, whether it exists or not."""
        return cls(data_dir / "first-key")

    def read(self) -> str | None:
        """The secret, or None when none is kept."""
        try:
            return self.file.read_text().strip() or None
        except FileNotFoundError:
            return None

    def keep(self, secret: str) -> None:
        """Writes the secret to the disk, readable by its owner alone; there must be none yet."""
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(f"{secret}\n")
            opened.flush()
            os.fsync(opened.fileno())

    def forget(self, *, public_id: str | None = None) -> None:
        """Deletes what is kept; with `public_id` only the secret of that key."""
        if public_id is None or f"_{public_id}_" in (self.read() or ""):
            self.file.unlink(missing_ok=True)
