"""The /proc/cpuinfo of an emulated processor.

Emulators before 8.2 let the guest read the host's, and runtimes that look for an Arm processor in there crash.
"""

from __future__ import annotations

# A Cortex-A76 by its numbers; which instructions there are, runtimes ask the kernel.
CPUINFO = """\
processor\t: 0
BogoMIPS\t: 100.00
Features\t: fp asimd
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd0b
CPU revision\t: 0

"""
