"""Takes packages of another architecture from the machine's own archive, without touching the system's apt."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....converters.errors import NotRunnable
from .commands import run_tool

_RELEASE = Path("/etc/os-release")
_BY_HAND = "on a machine without Debian's packages, name a root and an emulator: --root DIR --qemu FILE"
_SETTINGS = """\
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::State::Lists "{folder}/lists";
Dir::Cache "{folder}/cache";
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "-";
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One that the machine takes packages from; `options` as in a line of sources.list, empty or in brackets."""

    options: str
    address: str
    release: str
    component: str

    def line(self, release: str) -> str:
        """The line of sources.list for a release of the same archive."""
        return " ".join(filter(None, ("deb", self.options, self.address, release, self.component)))


class Archive:
    """The machine's archive, asked for packages of an architecture; all that apt writes goes into `folder`."""

    def __init__(self, architecture: str, folder: Path, *, release: str | None = None) -> None:
        self._settings = folder / "apt.conf"
        self._packages = folder / "packages"
        for name in ("state", "lists/partial", "cache/archives/partial", "packages"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_bytes(b"")
        lines = [each.line(release or each.release) for each in _repositories() if _is_meant(each, release)]
        (folder / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._settings.write_text(_SETTINGS.format(architecture=architecture, folder=folder), encoding="utf-8")

    def update(self) -> None:
        """Fetch the lists; apt checks their signatures. Raises NotRunnable."""
        self._run("apt-get", "update", "-q")

    def candidate(self, package: str) -> str | None:
        """The version of a package that would be taken; None if there is none."""
        found = re.search(r"^ +Candidate: (\S+)$", self._run("apt-cache", "policy", package), re.MULTILINE)
        return None if found is None or found[1] == "(none)" else found[1]

    def download(self, packages: Sequence[str]) -> list[Path]:
        """Fetch packages; apt checks them against its lists. Raises NotRunnable."""
        self._run("apt-get", "download", "-q", *packages, folder=self._packages)
        return sorted(self._packages.glob("*.deb"))

    def _run(self, *command: str, folder: Path | None = None) -> str:
        return run_tool(command, fix=_BY_HAND, folder=folder, variables={"APT_CONFIG": str(self._settings)})


def require_apt() -> None:
    """Raises NotRunnable on a machine without apt."""
    if shutil.which("apt-get") is None:
        raise NotRunnable("there is no apt-get here to take an emulator and an Arm root from", fix=_BY_HAND)
    text = _RELEASE.read_text(encoding="utf-8") if _RELEASE.exists() else ""
    if re.search(r"^ID=\"?debian\"?$", text, re.MULTILINE) is None:
        # Others keep packages of other architectures at other addresses, in other components, packed in other ways.
        raise NotRunnable("an emulator and an Arm root are taken from Debian, and this is another system", fix=_BY_HAND)


def codename() -> str:
    """The name of the release that this machine runs, such as "bookworm"; NotRunnable where nothing tells."""
    text = _RELEASE.read_text(encoding="utf-8") if _RELEASE.exists() else ""
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)\"?$", text, re.MULTILINE)
    if found is None:
        raise NotRunnable("nothing tells which release of Debian this is", fix=_BY_HAND)
    return found[1]


def _is_meant(repository: Repository, release: str | None) -> bool:
    """Another release is taken from the archive itself, not from its updates."""
    own = codename()
    return repository.release == own if release else re.fullmatch(rf"{own}(-\w+)*", repository.release) is not None


def _repositories() -> Iterator[Repository]:
    """Those that the system's own apt has, of packages in the main component."""
    text = run_tool(("apt-get", "indextargets", "Created-By: Packages"), fix=_BY_HAND)
    seen: set[Repository] = set()
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        if fields.get("Component") != "main" or not {"Repo-URI", "Release"} <= fields.keys():
            continue
        repository = Repository(
            options=_options(fields.get("Sourcesentry", "")),
            address=fields["Repo-URI"],
            release=fields["Release"],
            component="main",
        )
        if repository not in seen:
            seen.add(repository)
            yield repository


def _options(entry: str) -> str:
    """The key that the sources entry "FILE:LINE" is signed by, as an option of a line in sources.list."""
    file = Path(entry.rpartition(":")[0])
    if not file.is_file():
        return ""
    text = file.read_text(encoding="utf-8", errors="replace")
    found = re.search(r"signed-by[:=] ?(/[^\s\]]+)", text, re.IGNORECASE)
    return f"[signed-by={found[1]}]" if found else ""


def version_numbers(version: str) -> tuple[int, ...]:
    """The upstream numbers of a Debian version: (10, 0, 13) for "1:10.0.13+ds-0+deb13u1"."""
    upstream = version.rpartition(":")[2]
    found = re.match(r"[\d.]+", upstream)
    return tuple(int(part) for part in found[0].strip(".").split(".")) if found else ()
