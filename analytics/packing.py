"""What was learned of events as one text and one row of numbers, to be kept; no code is kept with it."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from analytics.event_learning import EventEffects, Kinds

KNOWN = {one.__name__: one for one in (EventEffects, Kinds)}


def packed(value: Any) -> tuple[str, np.ndarray]:
    """A dataclass of KNOWN, with lists, tuples, dicts by whole numbers and arrays in it: its JSON, and its numbers."""
    numbers: list[np.ndarray] = []
    told = _told(value, numbers)
    flat = np.concatenate([one.ravel() for one in numbers]) if numbers else np.zeros(0)
    return json.dumps(told), flat.astype(np.float32)


def unpacked(words: str, numbers: np.ndarray) -> Any:
    """What was packed; its arrays in single precision."""
    return _made(json.loads(words), numbers, [0])


def _told(value: Any, numbers: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        numbers.append(value)
        return {"array": list(value.shape), "whole": bool(np.issubdtype(value.dtype, np.integer))}
    if is_dataclass(value):
        named = {one.name: _told(getattr(value, one.name), numbers) for one in fields(value)}
        return {"class": type(value).__name__, "fields": named}
    if isinstance(value, dict):
        return {"dict": [[int(key), _told(one, numbers)] for key, one in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_told(one, numbers) for one in value], "tuple": isinstance(value, tuple)}
    return value


def _made(told: Any, numbers: np.ndarray, at: list[int]) -> Any:
    """`at`: how many numbers have been read."""
    if not isinstance(told, dict):
        return told
    if "array" in told:
        size = int(np.prod(told["array"]))
        part = numbers[at[0] : at[0] + size].reshape(told["array"])
        at[0] += size
        return np.rint(part).astype(int) if told["whole"] else part
    if "class" in told:
        return KNOWN[told["class"]](**{name: _made(one, numbers, at) for name, one in told["fields"].items()})
    if "dict" in told:
        return {key: _made(one, numbers, at) for key, one in told["dict"]}
    parts = [_made(one, numbers, at) for one in told["list"]]
    return tuple(parts) if told["tuple"] else parts
