"""Build a small Python image without a registry, of the packages of this Debian or Ubuntu machine.

    python sandboxes/docker/images/build.py gadfly-python
    python sandboxes/docker/images/build.py gadfly-science numpy sympy

The base is what the machine's own apt gives: python3, sh, bash, coreutils, libstdc++, and all that
these need, some 25 MB in a few seconds. Nothing is installed on the machine, and no root is needed
beside the right to talk to docker. Python packages come by this interpreter's pip, as wheels, so
whatever pip is set up to use here is used.

Where an image can be pulled there is no need for this: any image with Python 3.9 or later does.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

APT_GET, DPKG_DEB = "/usr/bin/apt-get", "/usr/bin/dpkg-deb"
PACKAGES = ("python3", "bash", "coreutils", "dash", "libstdc++6")
LIBRARIES = ("/usr/lib", "/usr/local/lib")
LEFT_OUT = re.compile(r"\./usr/share/(?:doc|info|locale|man)(?:/|$)")
FILES = {
    "etc/passwd": "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


def main() -> None:
    """Build the image and hand it to the engine that `DOCKER_HOST`, or docker's default, names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", help="what to call the image, NAME or NAME:TAG")
    parser.add_argument("packages", nargs="*", help="Python packages to put into it")
    parser.add_argument("--constraint", help="a constraints file for pip")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gadfly-image-") as folder:
        root = Path(folder, "root")
        fetch(Path(folder, "debs"))
        unpack(Path(folder, "debs"), root)
        if arguments.packages:
            add_python_packages(root, arguments.packages, arguments.constraint)
        archive = Path(folder, "root.tar")
        pack(root, archive)
        load(archive, arguments.name)


def fetch(folder: Path) -> None:
    """Download the packages and all they depend on: to apt, it looks as if nothing were there."""
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    status = folder / "status"
    status.touch()
    settings = {
        "APT::Sandbox::User": "",  # the folder is ours alone, and apt's own user cannot enter
        "Debug::NoLocking": "true",
        "Dir::Cache": folder,
        "Dir::State::status": status,
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    command = [APT_GET, "-qq", "-y", "--no-install-recommends", "--download-only"]
    subprocess.run([*command, *options, "install", *PACKAGES], check=True)


def unpack(folder: Path, root: Path) -> None:
    """Lay the packages out as a root. Their scripts are not run; Python needs none of them."""
    # In the order of names: where `base-files` makes links of the top folders, it comes first.
    for package in sorted(folder.glob("archives/*.deb")):
        subprocess.run([DPKG_DEB, "-x", str(package), str(root)], check=True)
    for path, text in FILES.items():
        (root / path).write_text(text, encoding="utf-8")


def add_python_packages(root: Path, packages: list[str], constraint: str | None) -> None:
    """Install wheels that fit the image's Python, where Debian's Python looks for them."""
    (library,) = (path for path in root.glob("usr/lib/python3.*") if path.is_dir())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    command += ["--python-version", library.name.removeprefix("python")]
    command += ["--target", str(root / "usr/local/lib" / library.name / "dist-packages")]
    command += ["--constraint", constraint] if constraint else []
    subprocess.run([*command, *packages], check=True)


def pack(root: Path, archive: Path) -> None:
    """Make one archive, all of it root's and for everybody to read, whoever runs this."""

    def for_everybody(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if LEFT_OUT.match(member.name):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mode |= 0o555 if member.mode & 0o100 else 0o444
        return member

    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=for_everybody)


def load(archive: Path, name: str) -> None:
    """Give the archive to the engine as an image, with all of Python compiled.

    A sandbox's root is read-only: what is not compiled here would be compiled by every job anew.
    """
    repository, _, tag = name.partition(":")
    docker: Any = importlib.import_module("docker")  # it has no types
    client = docker.APIClient(**docker.utils.kwargs_from_env())
    raw = json.loads(client.import_image(src=str(archive)))["status"]
    container = client.create_container(
        raw, ["python3", "-m", "compileall", "-q", *LIBRARIES], network_disabled=True
    )
    client.start(container)
    # Some packages carry files for other versions of Python, and those do not compile.
    client.wait(container)
    client.commit(
        container, repository, tag or "latest", changes=["ENV LANG=C.UTF-8", 'CMD ["python3"]']
    )
    client.remove_container(container)
    size = client.inspect_image(name)["Size"] / 2**20
    sys.stdout.write(f"{name}: {size:.0f} MiB\n")


if __name__ == "__main__":
    main()
