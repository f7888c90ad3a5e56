"""The folder that is kept: looked for without a trace, written privately, never half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gadfly import StorageError
from gadfly._home import (
    checkpoints_file,
    disabled_plugins,
    home_folder,
    private_folder,
    runs_folder,
    set_disabled,
    storage,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GADFLY_HOME", str(tmp_path / "state" / "gadfly"))
    return tmp_path / "state" / "gadfly"


def test_looking_creates_nothing(home: Path) -> None:
    assert home_folder() == home
    assert checkpoints_file().parent == runs_folder().parent == home
    assert disabled_plugins() == frozenset()

    assert not home.parent.exists()


def test_without_a_wish_it_is_the_users_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GADFLY_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert home_folder() == tmp_path / "gadfly"


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GADFLY_HOME", "kept")

    assert home_folder() == tmp_path / "kept"


def test_the_folder_of_an_unknown_user_is_a_name_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GADFLY_HOME", "~nobody-of-that-name/x")

    assert home_folder() == tmp_path / "~nobody-of-that-name" / "x"


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)

    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()

    with pytest.raises(StorageError, match=r"cannot make .*home: Not a directory"):
        private_folder(tmp_path / "home")
    with pytest.raises(StorageError, match=r"cannot make .*runs"):
        private_folder(tmp_path / "home" / "runs")


def test_a_full_disk_says_what_is_kept() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")

    with (
        pytest.raises(StorageError, match="cannot write /dev/full: no space is left") as caught,
        storage("write", full),
    ):
        full.write_text("x")

    assert "kept" in str(caught.value)


def test_disabling_holds_until_enabling(home: Path) -> None:
    set_disabled("one", disabled=True)
    set_disabled("two", disabled=True)
    set_disabled("two", disabled=True)
    assert disabled_plugins() == {"one", "two"}

    set_disabled("one", disabled=False)
    set_disabled("never-there", disabled=False)
    assert disabled_plugins() == {"two"}


def test_enabling_what_is_enabled_writes_nothing(home: Path) -> None:
    set_disabled("one", disabled=False)

    assert not home.exists()


@pytest.mark.parametrize("damage", ["", '["one"', '{"one": true}', '"one"', "\xff"])
def test_a_damaged_list_is_named_and_never_read_as_empty(home: Path, damage: str) -> None:
    home.mkdir(parents=True)
    (home / "disabled.json").write_bytes(damage.encode("latin-1"))

    with pytest.raises(StorageError, match=r"disabled\.json"):
        disabled_plugins()
    with pytest.raises(StorageError, match=r"disabled\.json"):
        set_disabled("two", disabled=True)


def test_a_list_that_cannot_be_replaced_leaves_nothing_behind(home: Path) -> None:
    (home / "disabled.json").mkdir(parents=True)

    with pytest.raises(StorageError):
        set_disabled("one", disabled=True)

    assert [path.name for path in home.iterdir()] == ["disabled.json"]
