"""The peer of the outbreak test, written out for many series at once, gives what R gives."""

from __future__ import annotations

import numpy as np
import pytest

from tests.accuracy.flexible import WEEK, p_values

OF_R = {  # the last 14 days by `Rscript tests/accuracy/farrington.R` (surveillance 1.20.3), rounded
    "weekday": [
        "0.110039 0.569988 0.067352 0.854188 0.049759 0.994747 0.793872 "
        "0.346629 0.305702 0.976091 0.108229 0.849796 0.725083 0.889251",
        "1 1 1 1 1 0.040509 1 1 1 1 1 1 0.064611 1",
        "1 1 1 0.092297 1 0 0.00122 1 1 1 0.091921 1 1 1",
    ],
    "week": [
        "0.626735 0.744359 0.605669 0.543563 0.10788 0.144126 0.264 "
        "0.396273 0.298695 0.768927 0.458776 0.824794 0.710917 0.749745",
        "1 1 1 1 1 0.607974 0.607077 0.625563 0.617534 0.619416 0.649567 0.631487 0.6288 0.625525",
        "0.048076 0.048245 1 0.21397 0.22752 0.126727 0.038644 0.038832 0.036697 0.021015 0.021436 0.036272 0.056705 "
        "0.232474",
    ],
}


def made() -> np.ndarray:
    """A busy series with a season and an outbreak, a sparse one, and one that was empty for years."""
    day, random = np.arange(330 * WEEK), np.random.default_rng(5)
    busy = 20 * np.exp(0.5 * np.sin(day / 58.1)) * np.where(day % WEEK > 4, 0.4, 1)
    means = np.stack([busy, np.full(len(day), 0.15), np.where(day < 2000, 0.02, 0.4)])
    counts = random.negative_binomial(means / 0.6, 1 / 1.6)
    counts[:, 1500:1510] += 9
    return np.asarray(counts)


@pytest.mark.parametrize("kind", OF_R)
def test_p_values_are_those_of_r(kind: str) -> None:
    wanted = np.array([[float(value) for value in line.split()] for line in OF_R[kind]])
    np.testing.assert_allclose(p_values(made(), 2 * WEEK, kind), wanted, atol=1e-6)
