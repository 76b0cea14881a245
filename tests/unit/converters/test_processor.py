"""The processor as /proc/cpuinfo describes it, on x86 and on Arm."""

from __future__ import annotations

from edgeproof.converters.processor import processor_from, this_processor

X86 = "processor\t: 0\nmodel name\t: Maker Model 7\nflags\t\t: fpu sse4_1 avx2 avx512_vnni ht\n\nprocessor\t: 1\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n"


def test_x86_has_a_name_and_the_features_that_choose_kernels():
    found = processor_from(X86, machine="x86_64")
    assert (found.machine, found.name) == ("x86_64", "Maker Model 7")
    assert found.features == ("sse4_1", "avx2", "avx512_vnni")


def test_arm_has_numbers():
    found = processor_from(ARM, machine="aarch64")
    assert found.name == "implementer 0x41 part 0xd0b"
    assert found.features == ("asimd", "asimddp", "i8mm")


def test_without_cpuinfo_there_is_still_a_name():
    assert processor_from("", machine="arm64", fallback="arm").name == "arm"
    assert processor_from("", machine="arm64").name == "arm64"


def test_this_machine_has_a_processor():
    assert this_processor().machine
    assert this_processor().name
