"""A plugin from source text is installed as pip would have done it."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

from gadfly.testing import install_plugin


def test_an_installed_plugin_is_a_distribution_with_an_entry_point(tmp_path: Path) -> None:
    folder = install_plugin(
        tmp_path / "site", "my-tool", "x = 1", version="3.1", requires=["gadfly>=0.1"]
    )

    (found,) = distributions(path=[str(folder)])

    (point,) = found.entry_points
    assert (found.name, found.version, found.requires) == ("gadfly-my-tool", "3.1", ["gadfly>=0.1"])
    assert (point.group, point.name, point.value) == ("gadfly", "my-tool", "gadfly_my_tool")
    assert all((folder / file).is_file() for file in found.files or ())
    assert (folder / "gadfly_my_tool.py").read_text() == "x = 1"


def test_a_plugin_with_files_is_a_package(tmp_path: Path) -> None:
    install_plugin(tmp_path, "data", "x = 1", files={"data.txt": "d", "b.bin": b"\0"})

    assert (tmp_path / "gadfly_data" / "__init__.py").read_text() == "x = 1"
    assert (tmp_path / "gadfly_data" / "data.txt").read_text() == "d"
    assert (tmp_path / "gadfly_data" / "b.bin").read_bytes() == b"\0"


def test_several_plugins_share_a_folder(tmp_path: Path) -> None:
    install_plugin(tmp_path, "a", "")
    install_plugin(tmp_path, "b", "")

    assert {found.name for found in distributions(path=[str(tmp_path)])} == {
        "gadfly-a",
        "gadfly-b",
    }
