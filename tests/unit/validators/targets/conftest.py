"""A running sshd, and it as a device."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from loopback import Loopback, loopback
from ssh_device import connect

from edgeproof.validators.targets.remote import Remote, look


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Loopback]:
    with loopback(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def server(shared: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    monkeypatch.setenv("EDGEPROOF_SSH_OPTIONS", shared.options)
    return shared


@pytest.fixture
def ssh_device(server: Loopback, tmp_path: Path) -> Generator[Remote]:
    with closing(connect(server)) as transport:
        found = Remote(transport, look(transport), locks=tmp_path / "locks")
        yield found
        found.clean()
