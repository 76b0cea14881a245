from __future__ import annotations

import struct

import pytest

from edgeproof.converters.errors import ConversionError
from edgeproof.converters.from_torch.micro.vela_output import Left, count_inputs, parse_counts, parse_left

SAID = """\
Warning (supported operators) operator: CUMSUM, ofm: 'net/cumsum;3'
Reason: Unsupported opType

Warning (supported operators) operator: MEAN, ofm: 'net/mean'
Reason: Operation has tensor with unsupported DataType Float32
Feature-map dataTypes must be one of {"INT16", "INT32", "INT64", "INT8", "UINT8"}

CPU operators = 12 (80.0%)
NPU operators = 3 (20.0%)
"""


def test_what_stays_with_the_cpu_is_read_with_its_reason():
    assert parse_left(SAID) == (
        Left(operator="CUMSUM", tensor="net/cumsum;3", reason="Unsupported opType"),
        Left(operator="MEAN", tensor="net/mean", reason="Operation has tensor with unsupported DataType Float32"),
    )
    assert parse_left("nothing of the kind") == ()


def test_operators_are_counted_where_they_run():
    assert parse_counts(SAID) == (3, 12)


def test_a_compiler_that_counts_nothing_is_not_believed():
    with pytest.raises(ConversionError, match="did not say what it compiled"):
        parse_counts("done")


def block(name: bytes, payload: bytes) -> bytes:
    padded = payload + bytes(-len(payload) % 16)
    return struct.pack("<16sI12x", name, len(payload)) + padded


def test_a_part_says_how_many_tensors_it_reads():
    part = block(b"vela_bin_stream", b"") + block(b"cmd_data", bytes(20)) + block(b"inputs", struct.pack("<i36x", 2))
    assert count_inputs(part + block(b"vela_end_stream", b"")) == 2


def test_other_bytes_are_no_part():
    with pytest.raises(ValueError, match="does not say what it reads"):
        count_inputs(b"none of it")


def test_long_tensor_names_are_shown_by_their_end():
    text = Left(operator="MEAN", tensor="a" * 80 + "z", reason="because").text
    assert len(text) < 90
    assert text.endswith("z): because")
