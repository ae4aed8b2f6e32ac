"""Decoding in several processes gives what decoding in one gives, to the byte."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from analytics.files import decoding, encodings


@pytest.mark.parametrize("encoding", encodings.ONE_BYTE)
def test_parts_decoded_beside_each_other_are_the_file_decoded_in_one_go(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PART", 10_000)
    source, parts, whole = tmp_path / "source.csv", tmp_path / "parts.utf8", tmp_path / "whole.utf8"
    source.write_bytes(bytes(random.Random(1).choices(range(256), k=100_001)))  # NULs and unknown bytes among them
    found = encodings._decoded_in_parts(source, parts, encoding)
    counts, replaced = encodings._decoded(source, whole, encoding)
    assert found is not None
    assert parts.read_bytes() == whole.read_bytes()
    assert (found[1], found[0].newlines) == (replaced, counts.newlines)
    assert (found[0].has_quotes, found[0].has_returns) == (True, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.utf8", "source.csv", "whole.utf8"]


def test_a_small_file_is_not_worth_a_process(tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("вода;нет\n" * 100, encoding="cp1251")
    assert decoding.decode_in_parts(tmp_path / "small.csv", tmp_path / "out", "cp1251") is None
    assert not (tmp_path / "out").exists()
