"""The examples of a bundle: which languages an artifact gets, and the files that all examples of a language share."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from ....converters import preprocessing
from ....converters.preprocessing.kinds import AudioSpec, ImageSpec, Spec
from ..manifest import BundledArtifact, BundleManifest, Platform
from . import cpp, kotlin, micro, python, swift
from .facts import RUNTIMES, Facts, facts_of, template

FOLDER = "examples"
_LANGUAGES = {
    Platform.ANDROID: ("kotlin", "cpp"),
    Platform.IOS: ("swift", "cpp"),
    Platform.LINUX_ARM64: ("python", "cpp"),
    Platform.MICRO: (),
}
_ON_HOSTS = ("python", "cpp")


def examples_of(manifest: BundleManifest, artifact: BundledArtifact, spec: Spec | None) -> dict[str, bytes]:
    """The examples of an artifact by their paths in the bundle; of a format without a runtime of ours there are none.

    `spec` makes one of its inputs; where the artifact has another layout, the examples have that one.
    """
    if artifact.format not in RUNTIMES:
        return {}
    facts = facts_of(manifest, artifact, spec)
    texts = {_NAMED[language](facts): _WRITERS[language](facts) for language in _languages(artifact)}
    if micro.runs_on_micro(artifact):
        texts[f"cpp/{facts.stem}_micro.cpp"] = cpp.micro_example(facts)
    return {f"{FOLDER}/{name}": text.encode() for name, text in texts.items()}


def shared_files(manifest: BundleManifest, spec: Spec | None) -> dict[str, bytes]:
    """The files that the examples of a language share, by their paths in the bundle, for the languages it has."""
    wanted = {language for artifact in manifest.artifacts for language in (*_languages(artifact), "cpp")}
    shared = {name: text for language in sorted(wanted) for name, text in _shared_by(language, spec).items()}
    return {f"{FOLDER}/{name}": text.encode() for name, text in shared.items()}


def _languages(artifact: BundledArtifact) -> tuple[str, ...]:
    """Those that need an operating system; TorchScript has no runtime of its own on phones any more."""
    if micro.is_micro_only(artifact):
        return ()
    languages = dict.fromkeys(language for platform in artifact.platforms for language in _LANGUAGES[platform])
    return tuple(language for language in languages if artifact.format != "torchscript" or language in _ON_HOSTS)


def _shared_by(language: str, spec: Spec | None) -> dict[str, str]:
    names = [*_SHARED[language]]
    if isinstance(spec, ImageSpec | AudioSpec):
        names.append(_PREPROCESS[language])
    return {f"{language}/{name}": _text(language, name, spec) for name in names}


def _text(language: str, name: str, spec: Spec | None) -> str:
    """A shared file: a template without slots, or one of those that implement preprocessing."""
    if name != _PREPROCESS[language]:
        return template(language, name)
    if language == "python":
        module = "image.py" if isinstance(spec, ImageSpec) else "audio.py"
        return (files(preprocessing.__name__) / module).read_text(encoding="utf-8")
    return (files(__package__) / "shipped" / name).read_text(encoding="utf-8")


_WRITERS = {"python": python.example, "cpp": cpp.example, "kotlin": kotlin.example, "swift": swift.example}
_NAMED: dict[str, Callable[[Facts], str]] = {
    "python": lambda facts: f"python/{facts.stem}.py",
    "cpp": lambda facts: f"cpp/{facts.stem}.cpp",
    "kotlin": lambda facts: f"kotlin/{facts.class_name}.kt",
    "swift": lambda facts: f"swift/{facts.class_name}.swift",
}
_SHARED = {
    "python": ("bundle.py", "README.md"),
    "cpp": ("bundle.hpp", "litert_c_api.h", "CMakeLists.txt", "README.md"),
    "kotlin": ("Bundle.kt", "README.md"),
    "swift": ("Bundle.swift", "README.md"),
}
_PREPROCESS = {
    "python": "preprocess.py",
    "cpp": "preprocess.hpp",
    "kotlin": "Preprocess.kt",
    "swift": "Preprocess.swift",
}
