"""Installing a small plugin from source text, without pip."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from gadfly._hooks import GROUP


def install_plugin(
    folder: Path,
    name: str,
    source: str,
    *,
    distribution: str | None = None,
    version: str = "1.0",
    module: str | None = None,
    points: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    files: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Write a plugin's distribution into a folder, as pip would leave it there.

    It counts as installed for every Python that has the folder on its path (`PYTHONPATH`, or
    pytest's `monkeypatch.syspath_prepend`).

    Args:
        folder: Where to install; made if need be, and shared by any number of plugins.
        name: The plugin's name: its entry point in the group `gadfly`.
        source: The module's text.
        distribution: The distribution's name; `gadfly-NAME` by default.
        version: Its version.
        module: The module's import name; by default the distribution's with underscores.
        points: Entry points by name instead of the one called `name`, for plugins that are wrong.
        requires: What it depends on, as in `Requires-Dist`.
        files: Further files by name, to lie beside the source; the plugin is then a package.

    Returns:
        The folder, to put on a path.
    """
    distribution = distribution or f"gadfly-{name}"
    stem = distribution.replace("-", "_")
    module = module or stem
    points = {name: module} if points is None else points
    info = f"{stem}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    entries = "".join(f"{point} = {target}\n" for point, target in points.items())
    written: dict[str, str | bytes] = {
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}"
        ),
        f"{info}/entry_points.txt": f"[{GROUP}]\n{entries}",
        f"{info}/INSTALLER": "gadfly.testing\n",
    }
    if files is None:
        written[f"{module}.py"] = source
    else:
        written[f"{module}/__init__.py"] = source
        written |= {f"{module}/{path}": content for path, content in files.items()}
    record = f"{info}/RECORD"
    # Without hashes, which the format allows.
    written[record] = "".join(f"{path},,\n" for path in (*written, record))
    for path, content in written.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    importlib.invalidate_caches()
    return folder
