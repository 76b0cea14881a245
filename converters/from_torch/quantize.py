"""Quantises PyTorch sources, and simulates their artifacts."""

from __future__ import annotations

from ..job import Quantized, QuantizeJob, RunResult, SimulateJob
from .program import program_of
from .quantization.jobs import quantize_program, simulate_program


def quantize(job: QuantizeJob) -> Quantized:
    """Write the recipe of a source; raises QuantizationError, UsageError (see jobs.py), ConversionError."""
    return quantize_program(program_of(job.program), job)


def simulate(job: SimulateJob) -> RunResult:
    """Run the program that a source's artifacts are made of on stored calls."""
    return simulate_program(program_of(job.program), job)
