#!/usr/bin/env python3
"""Fit every polynomial and rational function of the crate `pricing`, in 50-digit arithmetic.

Run:   python3 fit.py            (needs mpmath; about a minute)
Output: Rust constants, each with the error reached by the *rounded* coefficients.

Method (Lawson's): fit P(t)/Q(t), Q(0) = 1, by linearised weighted least squares, then multiply the importance of every
grid point by its error, and repeat: the error levels out towards the smallest possible maximum. How near it came is
printed as `best possible`: by de la Vallee-Poussin no fit of these degrees has a maximum below the smallest of the
deg P + deg Q + 2 alternating extrema (one less where `first` pins P(0)).
"""

from mpmath import mp, mpf

mp.dps = 50
LN2 = mp.log(2)
# w = SCALE * z turns exp(-z^2/2) into 2^(-w^2).
SCALE = mp.sqrt(1 / LN2 / 2)


def evaluate(coefficients, t):
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * t + c
    return total


def nodes_on(lo, hi, points, stretch):
    """Chebyshev extrema; `stretch` > 0 crowds them towards `lo`, where a tail function does its bending."""
    unit = [(1 - mp.cos(mp.pi * i / points)) / 2 for i in range(points + 1)]
    return [lo + (hi - lo) * u / (1 + stretch * (1 - u)) for u in unit]


def lawson(f, weight, lo, hi, m, n, stretch, first, rounds=80):
    grid = nodes_on(lo, hi, 12 * (m + n + 2), stretch)
    values = [(t, f(t), weight(t)) for t in grid]
    importance, denominator = [mpf(1)] * len(grid), [mpf(1)] * len(grid)
    p = q = None
    for _ in range(rounds):
        powers = range(m + 1) if first is None else range(1, m + 1)
        size = len(powers) + n
        normal, rhs = mp.zeros(size, size), mp.zeros(size, 1)
        for (t, value, w), lam, d in zip(values, importance, denominator):
            row = [t**k for k in powers] + [-value * t**k for k in range(1, n + 1)]
            scale = lam * (w / d) ** 2
            for i in range(size):
                rhs[i] += scale * row[i] * (value - (first or 0))
                for j in range(i, size):
                    normal[i, j] += scale * row[i] * row[j]
        for i in range(size):
            for j in range(i):
                normal[i, j] = normal[j, i]
        solution = mp.lu_solve(normal, rhs)
        p = ([] if first is None else [first]) + [solution[k] for k in range(len(powers))]
        q = [mpf(1)] + [solution[len(powers) + k] for k in range(n)]
        denominator = [evaluate(q, t) for t in grid]
        errors = [abs(w * (evaluate(p, t) / d - value)) for (t, value, w), d in zip(values, denominator)]
        mean = mp.fdot(importance, errors) / mp.fsum(importance)
        importance = [lam * e / mean for lam, e in zip(importance, errors)]
    return p, q


def extrema(error, lo, hi, count, stretch, density=40):
    """The alternating local extrema of `error`: one per interval between its sign changes."""
    grid = nodes_on(lo, hi, count * density, stretch)
    values = [error(t) for t in grid]
    best = []
    for t, v in zip(grid, values):
        if best and (v > 0) == (best[-1][1] > 0):
            if abs(v) > abs(best[-1][1]):
                best[-1] = (t, v)
        else:
            best.append((t, v))
    while len(best) > count:  # drop the weaker end
        best.pop(0 if abs(best[0][1]) < abs(best[-1][1]) else -1)
    return best


def show(name, values):
    print(f"const {name}: [f64; {len(values)}] = [")
    for v in values:
        print(f"    {float(v)!r},")
    print("];")


def report(name, f, weight, lo, hi, m, n, stretch=0, first=None):
    lo, hi = mpf(lo), mpf(hi)
    p, q = lawson(f, weight, lo, hi, m, n, stretch, first)
    count = m + n + (2 if first is None else 1)
    found = extrema(lambda t: weight(t) * (evaluate(p, t) / evaluate(q, t) - f(t)), lo, hi, count, stretch)
    p, q = [mpf(float(c)) for c in p], [mpf(float(c)) for c in q]
    grid = nodes_on(lo, hi, 3000, stretch)
    rounded = max(abs(weight(t) * (evaluate(p, t) / evaluate(q, t) - f(t))) for t in grid)
    print(f"// {name}: degrees {m}/{n} on [{mp.nstr(lo, 8)}, {mp.nstr(hi, 8)}],"
          f" error {mp.nstr(max(abs(v) for _, v in found), 3)},"
          f" best possible {mp.nstr(min(abs(v) for _, v in found) if len(found) == count else mpf(0), 3)},"
          f" with coefficients rounded to f64 {mp.nstr(rounded, 3)}")
    show(f"{name}_P", p)
    if n:
        show(f"{name}_Q", q)


def tail(w):
    """N(-z) e^(z^2/2) at w = SCALE z."""
    z = w / SCALE
    return mp.erfc(z / mp.sqrt(2)) / 2 * mp.exp(z * z / 2)


def exp_rest(r):
    """(e^r - 1 - r) / r^2."""
    if abs(r) < mpf(10) ** -8:
        return mpf(1) / 2 + r / 6 + r * r / 24
    return (mp.exp(r) - 1 - r) / r**2


def ln_rest(v):
    """(2 atanh(s) / s - 2) / s^2 at v = s^2."""
    if v < mpf(10) ** -12:
        return mpf(2) / 3 + v * 2 / 5
    s = mp.sqrt(v)
    return (2 * mp.atanh(s) / s - 2) / v


if __name__ == "__main__":
    # The kernel's tail: best absolute error of N(-z), whatever z.
    report("KERNEL", tail, lambda w: mpf(2) ** (-w * w), 0, 8, 5, 6, 1, mpf("0.5"))
    # The kernel's 2^f, f in [-1/2, 1/2]: best relative error.
    report("EXP2", lambda f: mpf(2) ** f, lambda f: mpf(2) ** -f, "-0.5", "0.5", 10, 0)
    # The full tail of `math::cdf`: best relative error up to z = 38.6, where N(-z) leaves the f64 range.
    full = lambda z: tail(z * SCALE)
    report("MILLS", full, lambda z: 1 / full(z), 0, "38.6", 9, 10, 8, mpf("0.5"))
    half = LN2 / 2 * mpf("1.0001")
    report("EXP", exp_rest, lambda r: mpf(1), -half, half, 9, 0)
    s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mpf("1.0001")
    report("LN", ln_rest, lambda v: mpf(1), 0, s * s, 6, 0)
    hi = mpf(float(mp.floor(LN2 * 2**32) / 2**32))
    print(f"// ln 2 = {float(hi)!r} + {float(LN2 - hi)!r}; log2 e = {float(1 / LN2)!r}; SCALE = {float(SCALE)!r}")
    print(f"// sqrt(2 pi) = {float(mp.sqrt(2 * mp.pi))!r}; 1/sqrt(2 pi) = {float(1 / mp.sqrt(2 * mp.pi))!r}")
