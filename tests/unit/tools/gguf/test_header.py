"""Headers of strangers: the `gguf` package reads whole files as we do, and broken ones end in one sentence."""

import random
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubestill.ground.errors import UserError
from kubestill.tools.gguf.header import read_header
from kubestill.tools.gguf.kinds import KINDS
from kubestill.tools.gguf.read import check
from unit.tools.gguf.tiny import entry, file, make_folder, text

pytest.importorskip("gguf")
pytest.importorskip("xllamacpp")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    from kubestill.tools.gguf.write import write_gguf

    folder = make_folder(tmp_path_factory.mktemp("qwen3"), "qwen3", layers=1)
    write_gguf(folder, folder / "model.gguf", "q8_0", {"general.name": "tiny"})
    return folder / "model.gguf"


def test_kinds_are_those_of_the_gguf_package():
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    for kind in KINDS.values():
        code = GGMLQuantizationType(kind.code)
        assert code.name.lower() == kind.name and GGML_QUANT_SIZES[code] == (kind.block, kind.block_bytes)


def test_a_whole_file_is_read_as_the_gguf_package_reads_it(whole):
    from gguf import GGUFReader

    header, theirs = check(whole), GGUFReader(whole)
    assert {name for name in theirs.fields if not name.startswith("GGUF.")} == set(header.metadata)
    for name, value in header.metadata.items():
        other = theirs.fields[name].contents()
        assert list(value) == list(other) if isinstance(value, list | np.ndarray) else value == other
    assert [(t.name, t.data_offset, t.n_bytes, t.tensor_type) for t in theirs.tensors] == [
        (t.name, t.start, t.file_bytes, t.kind.code) for t in header.tensors.values()
    ]
    assert all(tuple(t.shape[::-1]) == header.tensors[t.name].shape for t in theirs.tensors)


NUMBER = struct.pack("<I", 7)
ONE = ("a", (4,), 0, 0)
BROKEN = {
    "an empty file": b"",
    "another format": b"PK\x03\x04" + b"\0" * 60,
    "version 1": file(version=1),
    "big-endian": file(version=3 << 24),
    "a count beyond all files": file(counts=(2**63, 0)),
    "entries beyond the file": file(counts=(0, 60_000)),
    "a key of 2^60 bytes": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**60),
    "a key that is not UTF-8": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2) + b"\xff\xfe" + struct.pack("<IB", 7, 1),
    "an unknown type": file([entry("a", 99, NUMBER)]),
    "an array of arrays": file([entry("a", 9, struct.pack("<IQ", 9, 1) + NUMBER)]),
    "an array of 2^61 numbers": file([entry("a", 9, struct.pack("<IQ", 4, 2**61))]),
    "an array of 2^61 texts": file([entry("a", 9, struct.pack("<IQ", 8, 2**61))]),
    "a key twice": file([entry("a", 4, NUMBER)] * 2),
    "an odd alignment": file([entry("general.alignment", 4, NUMBER)]),
    "no dimension": file(tensors=[("a", (), 0, 0)]),
    "a dimension of zero": file(tensors=[("a", (0, 4), 0, 0)]),
    "a shape beyond 64 bits": file(tensors=[("a", (2**40, 2**40), 0, 0)]),
    "rows that no block fits": file(tensors=[("a", (33,), 8, 0)], data=b"\0" * 64),
    "an unknown kind of numbers": file(tensors=[("a", (4,), 77, 0)], data=b"\0" * 32),
    "data that are cut": file(tensors=[ONE], data=b"\0" * 8),
    "data that lie elsewhere": file(tensors=[("a", (4,), 0, 64)], data=b"\0" * 96),
    "data that overlap": file(tensors=[ONE, ("b", (4,), 0, 0)], data=b"\0" * 64),
    "two tensors of one name": file(tensors=[ONE, ("a", (4,), 0, 32)], data=b"\0" * 64),
    "a second file behind it": file(tensors=[ONE], data=b"\0" * 32) + file(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_malformed_is_refused_in_a_sentence(name, tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(BROKEN[name])
    with pytest.raises(UserError) as told:
        read_header(path)
    assert str(path) in str(told.value) and len(str(told.value)) < 400 and "\n" not in str(told.value)


def test_files_that_are_not_there_or_no_files_are_told(tmp_path):
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(UserError, match=str(path)):
            read_header(path)


@pytest.mark.parametrize(
    ("key", "size", "value", "told"),
    [
        ("qwen3.rope.dimension_count", 4, 255, "not 32, the size of a head"),  # llama.cpp ends the process over it
        ("qwen3.block_count", 4, 2, "blk.1.attn_norm.weight is missing"),
        ("qwen3.block_count", 4, 2**31, "block_count"),
        ("qwen3.attention.head_count_kv", 4, 0, "head_count_kv is 0"),
        ("qwen3.feed_forward_length", 4, 511, "expected"),
        ("qwen3.rope.freq_base", 4, 0x7FC00000, "freq_base is nan"),
        ("tokenizer.ggml.eos_token_id", 4, 60_000, "eos_token_id is 60000"),
    ],
)
def test_numbers_that_cannot_be_are_told(whole, tmp_path, key, size, value, told):
    data = bytearray(whole.read_bytes())
    place = data.index(text(key)) + len(text(key)) + 4
    data[place : place + size] = value.to_bytes(size, "little")
    path = tmp_path / "changed.gguf"
    path.write_bytes(data)
    with pytest.raises(UserError, match=told):
        check(path)


def test_every_cut_is_noticed(whole, tmp_path):
    data = whole.read_bytes()
    path, rng = tmp_path / "cut.gguf", random.Random(1)
    places = [*range(0, 200), *(rng.randrange(len(data) - 32) for _ in range(60)), len(data) - 33]
    for place in places:
        path.write_bytes(data[:place])
        with pytest.raises(UserError):
            read_header(path)


def test_a_flipped_bit_in_the_numbers_is_noticed(whole, tmp_path):
    data, header = bytearray(whole.read_bytes()), read_header(whole)
    path, rng = tmp_path / "flipped.gguf", random.Random(2)
    for tensor in rng.sample(list(header.tensors.values()), 4):
        place = tensor.start + rng.randrange(tensor.file_bytes)
        data[place] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        with pytest.raises(UserError, match="sha256 differs"):
            check(path)
        data[place] = whole.read_bytes()[place]


def test_whatever_is_changed_before_the_numbers_ends_in_a_header_or_a_sentence(whole, tmp_path):
    data, start = whole.read_bytes(), read_header(whole).start
    table = data.index(text("token_embd.weight"))  # most of the head are tokens: aim at what has a meaning, too
    path, rng = tmp_path / "changed.gguf", random.Random(3)
    refused = 0
    for number in range(400):
        changed = bytearray(data)
        low, high = ((0, 900), (table, start), (0, start))[number % 3]
        for _ in range(rng.choice((1, 1, 4))):
            changed[rng.randrange(low, high)] = rng.choice((0, 1, 255, rng.randrange(256)))
        path.write_bytes(changed)
        try:
            check(path)
        except UserError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused > 100


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 3), st.integers(0, 3))
def test_any_bytes_after_the_magic_end_in_a_header_or_a_sentence(tmp_path, tail, tensors, entries):
    path = tmp_path / "any.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, tensors, entries) + tail)
    try:
        read_header(path)
    except UserError as error:
        assert str(path) in str(error)
