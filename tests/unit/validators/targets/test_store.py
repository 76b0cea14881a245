"""Parts of a target: whole or not there, whoever interrupts."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from edgeproof.converters.errors import NotRunnable
from edgeproof.validators.targets.architecture import ARM64
from edgeproof.validators.targets.installation.parts import Building, Built
from edgeproof.validators.targets.installation.store import Lock, Store
from edgeproof.validators.targets.installation.wheels import Fetched


def two_files(building: Building) -> Built:
    (building.folder / "a").write_text("one")
    (building.folder / "b").write_text("two")
    return Built(fetched=(Fetched(name="x", version="1", sha256="ab"),), facts={"python": "3.11"})


def fails(building: Building) -> Built:
    (building.folder / "a").write_text("half")
    raise NotRunnable("the network is gone", fix="try again")


def full(building: Building) -> Built:
    raise OSError(28, "No space left on device")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "arm64", ARM64)
    found.folder.mkdir()
    return found


def test_a_part_stands_whole_with_what_it_was_made_of(store: Store):
    part = store.build("root", two_files)
    assert (part.files, part.bytes) == (2, 6)
    assert store.part("root") == part
    assert store.facts == {"python": "3.11"}


def test_a_part_that_fails_leaves_nothing(store: Store):
    with pytest.raises(NotRunnable):
        store.build("root", fails)
    assert store.part("root") is None
    assert not any(store.folder.iterdir())


def test_a_full_disk_is_told_and_what_stood_stays(store: Store):
    before = store.build("root", two_files)
    with pytest.raises(NotRunnable) as caught:
        store.build("root", full)
    assert "No space left" in caught.value.message
    assert "EDGEPROOF_CACHE" in caught.value.fix
    assert store.part("root") == before


def test_a_part_of_which_something_was_removed_does_not_stand(store: Store):
    store.build("root", two_files)
    (store.place("root") / "a").unlink()
    assert store.part("root") is None


def test_a_file_that_was_cut_off_is_noticed(store: Store):
    store.build("root", two_files)
    (store.place("root") / "a").write_text("")
    assert store.part("root") is None


def test_files_that_python_adds_later_do_not_matter(store: Store):
    part = store.build("root", two_files)
    (store.place("root") / "a.pyc").write_bytes(b"cached")
    assert store.part("root") == part


def test_what_killed_installations_left_goes_under_the_lock(store: Store):
    (store.folder / ".building-abc").mkdir()
    (store.folder / ".removing-abc").mkdir()
    with store.locked():
        assert not any(store.folder.iterdir())


def test_a_second_installation_waits_for_the_first(store: Store):
    order: list[str] = []
    entered = threading.Event()

    def second() -> None:
        entered.wait()
        with store.locked():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with store.locked():
        entered.set()
        thread.join(timeout=0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_lock_file_lists_versions_and_hashes(store: Store):
    store.build("root", two_files)
    lock = msgspec.json.decode(store.write_lock().read_bytes(), type=Lock)
    assert lock.parts["root"].built.fetched[0].sha256 == "ab"


def test_removing_tells_how_much_it_was(store: Store):
    store.build("root", two_files)
    assert store.remove() >= 6
    assert not store.folder.exists()
    assert store.remove() == 0
