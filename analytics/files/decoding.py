"""A large file of a one-byte encoding as UTF-8, a part of it in each process: Python decodes on one core only.

Run as a script by its path, importing the standard library alone, a process is ready in some hundredths of a second.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

BLOCK = 1 << 20
PART = 32 << 20  # bytes, at least: for less a process is not worth its start
REPLACEMENT = "\ufffd"


def decode_in_parts(path: Path, target: Path, encoding: str) -> dict[str, int] | None:
    """Write `target`, and say what is in it: newlines, quotes, returns, replaced characters.

    Of quotes and returns only whether there are any is told (0 or more).

    The encoding has one byte for each character. None, and nothing written, when the file is small, there is one core
    only, or a process could not do it.
    """
    size = path.stat().st_size
    parts = min(os.cpu_count() or 1, size // PART)
    if parts < 2 or not sys.executable:
        return None
    ends = [size * part // parts for part in range(parts + 1)]
    files = [target, *(target.with_name(f"{target.name}.{part}") for part in range(1, parts))]
    command = [sys.executable, "-I", "-S", __file__, encoding, str(path)]
    running = [
        subprocess.Popen(
            [*command, str(file), str(start), str(stop)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for file, start, stop in zip(files, ends, ends[1:], strict=False)
    ]
    try:
        told = [process.communicate()[0] for process in running]
    finally:
        for process in running:
            process.kill()
    if any(process.returncode for process in running):
        for file in files:
            file.unlink(missing_ok=True)
        return None
    with target.open("ab") as out:
        for file in files[1:]:
            with file.open("rb") as rest:
                shutil.copyfileobj(rest, out, BLOCK)
            file.unlink()
    counts = [json.loads(words) for words in told]
    return {name: sum(count[name] for count in counts) for name in counts[0]}


def _decode(encoding: str, path: Path, target: Path, start: int, stop: int) -> dict[str, int]:
    counts = dict.fromkeys(("newlines", "quotes", "returns", "replaced"), 0)
    with path.open("rb", buffering=0) as source, target.open("wb", buffering=0) as out:
        source.seek(start)
        while block := source.read(min(BLOCK, stop - source.tell())):
            text = block.decode(encoding, "replace").replace("\0", REPLACEMENT)
            utf8 = text.encode("utf-8", "replace")
            counts["newlines"] += utf8.count(b"\n")
            counts["quotes"] |= b'"' in utf8
            counts["returns"] |= b"\r" in utf8
            counts["replaced"] += text.count(REPLACEMENT)
            out.write(utf8)
    return counts


if __name__ == "__main__":
    encoding, path, target, start, stop = sys.argv[1:]
    print(json.dumps(_decode(encoding, Path(path), Path(target), int(start), int(stop))))
