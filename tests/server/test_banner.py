"""What a start says, and that what it says can be typed."""

import sys
from pathlib import Path

import pytest

from server.banner import print_banner
from server.settings import read_settings

OWN = Path(sys.executable).with_name("kurz")


@pytest.mark.skipif(not OWN.exists(), reason="Kurz is not installed beside this Python: there is no command to show")
@pytest.mark.parametrize(
    ("folder", "path", "command"),
    [
        (OWN.parents[1], "", f"{OWN.parent.name}/kurz"),
        (Path("/"), "", str(OWN)),
        (Path(__file__).parent, "", str(OWN)),
        (Path("/"), str(OWN.parent), "kurz"),
    ],
)
def test_the_command_is_shown_as_it_can_be_typed_here(
    folder: Path, path: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", path)
    print_banner(read_settings(database_url="postgresql://nowhere/none"), place=None, first_key=None)
    assert f" {command} keys create NAME" in capsys.readouterr().out
