"""The build hook: GraphiQL is bundled by npm before a wheel is packed; an editable install is left alone."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is not ours
    """KURZ_BUILD_UI: `require` fails without a bundle, `skip` packs what is there; else it is built where npm is."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        mode = os.environ.get("KURZ_BUILD_UI", "auto")
        if mode not in ("auto", "require", "skip"):
            raise RuntimeError(f"KURZ_BUILD_UI is {mode!r}: leave it out, or say require or skip")
        if version == "editable" or mode == "skip":
            return
        root = Path(self.root)
        if is_stale(root):
            self._build(root, required=mode == "require")

    def _build(self, root: Path, *, required: bool) -> None:
        npm = shutil.which("npm")
        if npm is None and required:
            raise RuntimeError("GraphiQL is not built, and there is no npm to build it")
        if npm is None:
            self.app.display_warning("There is no npm: this wheel is packed without a fresh GraphiQL")
            return
        for command in (["ci", "--no-audit", "--no-fund", "--loglevel", "error"], ["run", "--silent", "build"]):
            subprocess.run([npm, "--prefix", str(root / "ui"), *command], check=True)  # noqa: S603  # npm, found by name


def is_stale(root: Path) -> bool:
    """Whether there is no bundle, or one older than a source that it was made of."""
    manifest = root / "server" / "graphiql_files" / "manifest.json"
    if not manifest.exists():
        return True
    ui = root / "ui"
    sources = [*ui.glob("*.*"), *ui.glob("src/**/*.*")]
    return any(source.stat().st_mtime > manifest.stat().st_mtime for source in sources)
