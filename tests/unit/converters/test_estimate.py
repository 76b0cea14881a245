from __future__ import annotations

import pytest

from edgeproof.converters.estimate import Estimate, parse_summary, together

SUMMARY = """\
experiment,network,accelerator_configuration,system_config,memory_mode,core_clock,inference_time,sram_memory_used,\
dram_memory_used,on_chip_flash_memory_used,off_chip_flash_memory_used,cycles_npu,cycles_total
default,out,Ethos_U55_128,Ethos_U55_High_End_Embedded,Shared_Sram,500000000.0,4.776e-06,1.53125,0.0,0.0,0.375,1605,2388
"""


def test_the_summary_of_vela_is_read():
    assert parse_summary(SUMMARY, by="Vela 5.1.0", operators=(6, 1)) == Estimate(
        by="Vela 5.1.0",
        accelerator="Ethos_U55_128",
        system="Ethos_U55_High_End_Embedded",
        memory="Shared_Sram",
        cycles=2388,
        milliseconds=pytest.approx(0.004776),
        sram_bytes=1568,
        flash_bytes=384,
        operators_on_npu=6,
        operators_on_cpu=1,
    )


@pytest.mark.parametrize("text", ["", "experiment,network\n", "experiment,network\ndefault,out\n"])
def test_another_file_is_no_summary(text: str):
    with pytest.raises(ValueError, match="Vela's summary has no"):
        parse_summary(text, by="Vela", operators=(0, 0))


def test_parts_run_one_after_another():
    part = parse_summary(SUMMARY, by="Vela 5.1.0", operators=(6, 0))
    whole = together([part, part], operators_on_cpu=3)
    assert whole is not None
    assert (whole.cycles, whole.operators_on_npu, whole.operators_on_cpu) == (4776, 12, 3)
    assert whole.milliseconds == pytest.approx(2 * part.milliseconds)
    assert (whole.sram_bytes, whole.flash_bytes) == (part.sram_bytes, 2 * part.flash_bytes)
    assert together([], operators_on_cpu=3) is None


def test_it_calls_itself_an_estimate():
    text = parse_summary(SUMMARY, by="Vela 5.1.0", operators=(6, 1)).text
    assert text.startswith("estimate by Vela 5.1.0, not a measurement: 2388 cycles, 0.00478 ms")
    assert "6 operators on the NPU, 1 on the CPU" in text
