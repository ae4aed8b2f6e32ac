"""Voronoi cells of points inside a region's polygons, without a geometry library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]  # (points, 2) of x and y, not closed


def signed_area(ring: Ring) -> float:
    """The area of a ring in squared units: positive counter-clockwise, negative clockwise."""
    x, y = ring[:, 0], ring[:, 1]
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def contains(rings: list[Ring], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """For each of (n, 2) points: is it inside the rings, holes taken out (even-odd rule)?"""
    inside = np.zeros(len(points), dtype=bool)
    for ring in rings:
        near = (points > ring.min(axis=0)).all(axis=1) & (points < ring.max(axis=0)).all(axis=1)
        if near.any():
            inside[near] ^= _odd_crossings(ring, points[near])
    return inside


def _odd_crossings(ring: Ring, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    x, y = points[:, :1], points[:, 1:]
    ax, ay = ring[:, 0], ring[:, 1]
    bx, by = np.roll(ax, -1), np.roll(ay, -1)
    rise = np.where(by == ay, 1.0, by - ay)
    crosses = ((ay > y) != (by > y)) & (x < ax + (y - ay) * ((bx - ax) / rise))
    return (crosses.sum(axis=1) % 2).astype(bool)


def voronoi_cells(rings: list[Ring], seeds: NDArray[np.float64]) -> list[list[Ring]]:
    """For each of (n, 2) seeds the rings of the part of the polygons that is nearer to it than to any other seed.

    `rings` are outer rings and holes that wind the opposite way; the pieces keep their winding.
    """
    cells: list[list[Ring]] = [[] for _ in seeds]
    shared = []
    for ring in rings:
        nearest = _nearest(ring, seeds)
        # A Voronoi cell is convex: a ring with all its points in one cell lies in it wholly. A hole may be shared
        # all the same by its outer ring, so only rings that stand alone are given away here.
        if len(rings) > 1 and signed_area(ring) * signed_area(rings[0]) > 0 and (nearest == nearest[0]).all():
            cells[nearest[0]].append(ring)
        else:
            shared.append(ring)
    for cell, seed in zip(cells, seeds, strict=True):
        cell.extend(_cell_of(shared, seed, seeds))
    return cells


def _nearest(points: Ring, seeds: NDArray[np.float64]) -> NDArray[np.intp]:
    return ((points[:, None, :] - seeds[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)


def _cell_of(rings: list[Ring], seed: NDArray[np.float64], seeds: NDArray[np.float64]) -> list[Ring]:
    distance = np.hypot(*(seeds - seed).T)
    for other in np.argsort(distance)[1:]:
        reach = max((float(np.hypot(*(ring - seed).T).max()) for ring in rings), default=0.0)
        if distance[other] / 2 > reach:
            break  # this seed and all farther ones cut nothing more
        rings = cut(rings, (seed + seeds[other]) / 2, seeds[other] - seed)
    return rings


def cut(rings: list[Ring], middle: NDArray[np.float64], outward: NDArray[np.float64]) -> list[Ring]:
    """The part of the rings before the line through `middle` across `outward`; one ring may fall into several."""
    whole, chains = [], []
    for ring in rings:
        depth = (ring - middle) @ outward
        if (depth <= 0).all():
            whole.append(ring)
        elif (depth <= 0).any():
            chains += _chains(ring, depth)
    return whole + _joined(chains, np.array([-outward[1], outward[0]])) if chains else whole


def _chains(ring: Ring, depth: NDArray[np.float64]) -> list[Ring]:
    """The stretches of a ring before the line, each from the point where it comes in to the point where it leaves."""
    inside = depth <= 0
    start = int(np.flatnonzero(inside & ~np.roll(inside, 1))[0])
    ring, depth, inside = (np.roll(ring, -start, axis=0), np.roll(depth, -start), np.roll(inside, -start))
    firsts = np.flatnonzero(inside & ~np.roll(inside, 1))
    lasts = np.flatnonzero(inside & ~np.roll(inside, -1))

    def crossing(i: int, j: int) -> Ring:
        return ring[i] + (ring[j] - ring[i]) * (depth[i] / (depth[i] - depth[j]))

    return [
        np.vstack([crossing(first - 1, first), ring[first : last + 1], crossing(last, (last + 1) % len(ring))])
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]


def _joined(chains: list[Ring], along: NDArray[np.float64]) -> list[Ring]:
    """Rings from chains: on the line, inside and outside alternate, so neighbouring crossings belong together."""
    places = [float(chain[end] @ along) for chain in chains for end in (0, -1)]
    order = np.argsort(places, kind="stable")
    partner = np.empty(len(order), dtype=int)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    rings, left = [], set(range(len(chains)))
    while left:
        current, pieces = left.pop(), []
        while True:
            pieces.append(chains[current])
            current = int(partner[2 * current + 1]) // 2
            if current not in left:
                break
            left.discard(current)
        rings.append(np.vstack(pieces))
    return rings


def polygons(rings: list[Ring]) -> list[list[Ring]]:
    """Rings as the coordinates of a MultiPolygon: each outer (clockwise) ring with its holes; slivers are dropped."""
    outers = [[ring] for ring in rings if len(ring) > 2 and signed_area(ring) < 0]
    for hole in (ring for ring in rings if len(ring) > 2 and signed_area(ring) > 0):
        around = [outer for outer in outers if contains([outer[0]], hole.mean(axis=0)[None, :])[0]]
        if around:
            around[0].append(hole)
    return outers
