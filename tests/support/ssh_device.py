"""What a test does with a running sshd: connect, ask, and look at what is left there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from loopback import Loopback

from edgeproof.validators.targets.remote import Found, look
from edgeproof.validators.targets.ssh import SshTransport, destination_of

PATH = {"PATH": "/usr/bin:/bin"}


def connect(server: Loopback) -> SshTransport:
    """A connection that is not made yet."""
    return SshTransport(destination_of(server.target))


def asked(server: Loopback) -> Found:
    """What the machine says of itself."""
    with closing(connect(server)) as transport:
        return look(transport)


def runs(server: Loopback) -> list[str]:
    """The folders of runs that lie there."""
    return [path.name for path in (server.home / ".cache/edgeproof/runs").glob("*")]


def files(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
