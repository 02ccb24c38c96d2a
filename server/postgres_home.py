"""Where the embedded PostgreSQL lies, and as which system user it runs."""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server.start_error import StartError

STATE_ROOT = Path("/var/lib/kurz")
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing NUL and "/.s.PGSQL.5432" included.
LONGEST_SOCKET_FOLDER = 86


@dataclass(frozen=True)
class SystemUser:
    """The user PostgreSQL runs as when Kurz itself is root, which PostgreSQL refuses."""

    name: str
    uid: int
    gid: int

    def reaches(self, path: Path) -> bool:
        """Whether that user may execute or enter `path`, as the operating system judges it."""
        test = shutil.which("test", path="/usr/bin:/bin") or "test"
        # The check runs in a process of that user: only the kernel knows about access lists and mounts.
        command = [test, "-x", str(path)]
        return subprocess.run(command, user=self.uid, group=self.gid, extra_groups=[], check=False).returncode == 0  # noqa: S603


@dataclass(frozen=True)
class PostgresHome:
    """A folder with everything of one embedded server; `user` is None when it runs as whoever started Kurz."""

    folder: Path
    user: SystemUser | None

    @property
    def cluster(self) -> Path:
        return self.folder / "postgres"

    @property
    def lock(self) -> Path:
        return self.folder / "postgres.lock"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def uid(self) -> int | None:
        return self.user.uid if self.user else None

    @property
    def gid(self) -> int | None:
        return self.user.gid if self.user else None

    @property
    def groups(self) -> list[int] | None:
        return [] if self.user else None

    def make_private(self, path: Path) -> Path:
        """`path` as a new folder that only the server's user (and root) may enter."""
        path.mkdir(mode=0o700)
        if self.user:
            os.chown(path, self.user.uid, self.user.gid)
        return path

    def open_file(self, path: Path, flags: int) -> int:
        """A descriptor of a file of the server's user that nobody else may read; made when missing. Raises OSError."""
        # The folder may belong to that user: as root we must not follow a link that leads elsewhere.
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            return os.open(path, flags | os.O_NOFOLLOW)
        if self.user:
            os.fchown(descriptor, self.user.uid, self.user.gid)
        return descriptor

    def socket_folder(self) -> Path:
        """The private folder of the server's socket, short enough for a socket's address; made when missing."""
        folder = self.folder / "socket"
        if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER:
            digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
            folder = Path("/tmp") / f"kurz-{digest}"  # noqa: S108  # ownership is checked below
        if not folder.exists():
            return self.make_private(folder)
        return folder if self._is_private(folder) else self._elsewhere()

    def _is_private(self, folder: Path) -> bool:
        found = folder.lstat()
        owner = self.user.uid if self.user else os.geteuid()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == 0o700

    def _elsewhere(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="kurz-", dir="/tmp"))  # mkdtemp makes it 0700
        if self.user:
            os.chown(folder, self.user.uid, self.user.gid)
        return folder


def find_home(wanted: Path, *, state_root: Path = STATE_ROOT) -> PostgresHome:
    """The home in `wanted`, or, for root when the server's user cannot enter that, in a folder of `state_root`;
    folders are made when missing and no permission of an existing one is changed. Raises StartError."""
    wanted = wanted.resolve()
    _make_folder(wanted)
    if os.geteuid() != 0:
        return PostgresHome(wanted, None)
    user = _user_for(wanted / "postgres")
    if user.reaches(wanted):
        return PostgresHome(wanted, user)
    folder = state_root / hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
    user = _user_for(folder / "postgres")
    _make_folder(folder)
    if user.reaches(folder):
        return PostgresHome(folder, user)
    raise StartError(f"neither {wanted} nor {folder} can be entered by the user {user.name}, whom PostgreSQL runs as")


def _user_for(cluster: Path) -> SystemUser:
    # A cluster that exists keeps its owner: PostgreSQL accepts no other.
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return SystemUser(f"#{owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemUser(name, entry.pw_uid, entry.pw_gid)
    raise StartError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _make_folder(folder: Path) -> None:
    """`folder` with its parents; new ones may be entered, not listed, by others when root makes them."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        if not folder.is_dir():
            raise NotADirectoryError(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StartError(f"KURZ_DATA_DIR={folder}: cannot be written ({error.strerror or 'not a folder'})") from error
