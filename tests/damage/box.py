"""A box: a copy of the run to damage, and around it all that no damage may ever reach."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

SECRET = "canary-4f1d-of-somebody-else"
BENCH = ("outputs/bench", "outputs/.bench")  # where `callsheet bench` keeps what belongs to no run
Print = dict[str, tuple[object, ...]]


class Image:
    """A run directory in memory: written out faster than it is copied."""

    def __init__(self, run: Path) -> None:
        self.folders, self.files = [""], {}
        for path in sorted(run.rglob("*")):
            name = str(path.relative_to(run))
            if path.is_dir():
                self.folders.append(name)
            else:
                self.files[name] = path.read_bytes()

    def write(self, run: Path) -> None:
        for name in self.folders:
            os.mkdir(f"{run}/{name}")
        for name, content in self.files.items():
            descriptor = os.open(f"{run}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(descriptor, content)
            os.close(descriptor)


class Box:
    """`run` is the copy. `outside` holds what planted links name; `cwd`, `home` and `tmp` are those of the commands."""

    def __init__(self, folder: Path, image: Image, material: Path) -> None:
        self.folder, self.image = folder, image
        self.run, self.outside, self.said = folder / "run", folder / "outside", folder.with_name(f"{folder.name}.said")
        self.cwd, self.home, self.tmp = folder / "cwd", folder / "home", folder / "tmp"
        for place in (folder, self.cwd, self.home, self.tmp, self.outside, self.outside / "folder", self.said):
            place.mkdir(parents=True)
        for path in (self.outside / "file", self.outside / "folder" / "file", self.home / "file", self.tmp / "file"):
            path.write_text(f'{{"secret": "{SECRET}"}}\n', encoding="utf-8")
        for name in ("checkpoint-3", "x-0123456789ab", "pending", "done", "main-step-000000006"):
            (self.outside / "folder" / name).mkdir()
            shutil.copy(self.outside / "file", self.outside / "folder" / name)
        for place in BENCH:
            (self.cwd / place).mkdir(parents=True)
        for path in material.iterdir():
            if path.name != "run":
                (shutil.copytree if path.is_dir() else shutil.copy)(path, self.cwd / path.name)

        self._copy_to_compare_with(material / "run", self.cwd / "twin")

    def _copy_to_compare_with(self, run: Path, twin: Path) -> None:
        """What `callsheet compare` reads of a run."""
        (twin / "predictions").mkdir(parents=True)
        for path in (*run.glob("*.json*"), *run.glob("predictions/*")):
            shutil.copy(path, twin / path.relative_to(run))

    def fill(self) -> None:
        """A new copy of the run, in place of what is left of the last one."""
        remove(self.run)
        self.image.write(self.run)

    def print(self) -> Print:
        """All that can be seen of what lies around the run, but when it was read."""
        found: Print = {}
        for folder, folders, files in os.walk(self.folder):
            if folder == str(self.folder):
                folders.remove("run") if "run" in folders else None
                continue
            if folder == str(self.cwd / "outputs"):
                folders.clear()
                continue
            if folder == str(self.tmp):  # a courier that is killed cannot remove what it has made there
                folders.clear()
                files = ["file"]
            for name in ("", *files):
                path = os.path.join(folder, name)
                about = os.lstat(path)
                content = Path(path).read_bytes() if stat.S_ISREG(about.st_mode) else b""
                # Python's tempfile tries the folder that it is given.
                times = (about.st_nlink, about.st_mtime_ns, about.st_ctime_ns) if path != f"{self.tmp}/" else ()
                kept = (about.st_mode, about.st_uid, about.st_ino, *times)
                found[os.path.relpath(path, self.folder)] = (*kept, content)
        found["."] = (*sorted(name for name in os.listdir(self.folder) if name != "run"),)
        return found


def remove(path: Path) -> None:
    """Whatever it is, and whatever modes its folders have."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for folder, folders, _ in os.walk(path):
        for name in folders:
            where = os.path.join(folder, name)
            if not os.path.islink(where):
                os.chmod(where, 0o700)
    shutil.rmtree(path)
