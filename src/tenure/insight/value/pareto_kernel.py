"""The compiled pass of Pareto/NBD: what `pareto.py` works out in matrices, customer by customer, for very many of them.

Compiling takes seconds once and loading half a second, so few customers are not worth it.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.compiled import compiled

Numbers = NDArray[np.float64]

_THREADS = 2
_AT_ONCE = 32_768  # customers a thread takes at a time; sums are taken in their order, whoever is done first
_SUMS = 15  # the value, four slopes, and the upper half of sixteen curvatures
_UPPER = np.triu_indices(4)

# The fall past which nothing is left; how far a logarithm may fall for each rule but the last; how many nodes each
# rule has, their places on 0 to 1 and their weights.
Rules = tuple[float, Numbers, NDArray[np.int64], Numbers, Numbers]


def sums(
    parameters: Numbers, x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers, rules: Rules
) -> tuple[float, Numbers, Numbers]:
    """What the customers' integrals add to the log-likelihood, its gradient and, upper half, its curvature."""

    def part(begin: int) -> Numbers:
        found = np.zeros(_SUMS)
        here = slice(begin, begin + _AT_ONCE)
        _added(*parameters, x[here], t_x[here], T[here], weight[here], *rules, found)
        return found

    with ThreadPoolExecutor(_THREADS, "lives") as pool:
        found = sum(pool.map(part, range(0, len(x), _AT_ONCE)), np.zeros(_SUMS))
    second = np.zeros((4, 4))
    second[_UPPER] = found[5:]
    return float(found[0]), found[1:5], second


@compiled
def _added(
    r: Any, alpha: Any, s: Any, beta: Any, x: Any, t_x: Any, T: Any, weight: Any,
    last_digit: Any, most: Any, nodes: Any, places: Any, weights: Any, out: Any,
) -> None:  # fmt: skip
    for row in range(len(x)):
        shape = r + x[row]
        from_a, from_b = alpha + t_x[row], beta + t_x[row]
        end = T[row] - t_x[row]
        end_a, end_b = np.log1p(end / from_a), np.log1p(end / from_b)
        # Where the integrand has fallen past the last digit, the stretch ends.
        until = end
        fall = shape * end_a + (s + 1) * end_b
        if fall > last_digit:
            until = min(until, from_a * np.expm1(last_digit / shape))
            until = min(until, from_b * np.expm1(last_digit / (s + 1)))
            until = min(until, max(from_a, from_b) * np.expm1(last_digit / (shape + s + 1)))
            fall = shape * np.log1p(until / from_a) + (s + 1) * np.log1p(until / from_b)
        a_is_near = alpha <= beta
        near, far = (from_a, from_b) if a_is_near else (from_b, from_a)
        length = np.log1p(until / near)
        rule = 0
        while rule < len(most) and most[rule] < max(fall, 2 * length):
            rule += 1

        # The end first: those still there at T.
        total = np.exp(-shape * end_a - s * end_b)
        by_a, by_b = 1 / (alpha + T[row]), 1 / (beta + T[row])
        # The node's own gradient but for its sign, told from the last purchase on.
        g0, g1, g2, g3 = end_a, shape * by_a, end_b, s * by_b
        m0, m1, m2, m3 = total * g0, total * g1, total * g2, total * g3
        v00, v01, v02, v03 = m0 * g0, m0 * g1, m0 * g2, m0 * g3
        v11, v12, v13, v22, v23, v33 = m1 * g1, m1 * g2, m1 * g3, m2 * g2, m2 * g3, m3 * g3
        c01, c11, c22, c23, c33 = total * by_a, m1 * by_a, 0.0, total * by_b, m3 * by_b
        for node in range(nodes[rule]):
            y = places[rule, node] * length
            stay = near * np.expm1(y)
            other = np.log1p(stay / far)
            a, b = (y, other) if a_is_near else (other, y)
            by_a, by_b = 1 / (from_a + stay), 1 / (from_b + stay)
            share = np.exp(-shape * a - s * b) * weights[rule, node] * s * length * (near + stay) * by_b
            g0, g1, g2, g3 = a, shape * by_a, b - 1 / s, (s + 1) * by_b
            total += share
            p0, p1, p2, p3 = share * g0, share * g1, share * g2, share * g3
            m0, m1, m2, m3 = m0 + p0, m1 + p1, m2 + p2, m3 + p3
            v00, v01, v02, v03 = v00 + p0 * g0, v01 + p0 * g1, v02 + p0 * g2, v03 + p0 * g3
            v11, v12, v13 = v11 + p1 * g1, v12 + p1 * g2, v13 + p1 * g3
            v22, v23, v33 = v22 + p2 * g2, v23 + p2 * g3, v33 + p3 * g3
            c01, c11, c22 = c01 + share * by_a, c11 + p1 * by_a, c22 + share
            c23, c33 = c23 + share * by_b, c33 + p3 * by_b

        # ln α and ln β are taken off customer by customer, so that large parameters cancel nothing.
        log_a, log_b = np.log1p(t_x[row] / alpha), np.log1p(t_x[row] / beta)
        one, w = 1 / total, weight[row]
        m0, m1, m2, m3 = m0 * one, m1 * one, m2 * one, m3 * one
        out[0] += w * (np.log(total) - shape * log_a - s * log_b - x[row] * np.log(alpha))
        out[1] -= w * (m0 + log_a)
        out[2] -= w * m1
        out[3] -= w * (m2 + log_b)
        out[4] -= w * m3
        out[5] += w * (v00 * one - m0 * m0)
        out[6] += w * (v01 * one - m0 * m1 - c01 * one)
        out[7] += w * (v02 * one - m0 * m2)
        out[8] += w * (v03 * one - m0 * m3)
        out[9] += w * (v11 * one - m1 * m1 + c11 * one)
        out[10] += w * (v12 * one - m1 * m2)
        out[11] += w * (v13 * one - m1 * m3)
        out[12] += w * (v22 * one - m2 * m2 - c22 * one / s**2)
        out[13] += w * (v23 * one - m2 * m3 - c23 * one)
        out[14] += w * (v33 * one - m3 * m3 + c33 * one)
