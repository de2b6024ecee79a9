#!/usr/bin/env python3
"""Reference values of the functions of `pricing`, in 60-digit arithmetic: prints the contents of `values.txt`.

Run:   python3 generate.py > values.txt      (needs mpmath; a few seconds; always the same output)

A line is a function, its arguments, and its exact values. Arguments are `f64`s printed so that they read back exactly.
A value is two `f64`s, the nearest one and the remainder, so that an error far below one rounding can be seen; a Greek
is the nearest one only.
"""

import random

from mpmath import mp, mpf

mp.dps = 60
random.seed(20260101)


def two(value):
    high = float(value)
    return f"{high!r} {float(value - mpf(high))!r}"


def show(name, arguments, *values):
    print(name, *[repr(a) for a in arguments], *[two(v) for v in values])


def sign():
    return random.choice((-1, 1))


def cdf(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


def pdf(z):
    return mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)


def option(forward, strike, vol, years):
    """Undiscounted call and put, and the Greeks of the call: delta, gamma, vega, theta, vanna, volga."""
    f, k, v, t = map(mpf, (forward, strike, vol, years))
    s = v * mp.sqrt(t)
    d1 = mp.log(f / k) / s + s / 2
    d2 = d1 - s
    call = f * cdf(d1) - k * cdf(d2)
    put = k * cdf(-d2) - f * cdf(-d1)
    vega = f * pdf(d1) * mp.sqrt(t)
    greeks = (cdf(d1), pdf(d1) / (f * s), vega, -vega * v / (2 * t), -pdf(d1) * d2 / v, vega * d1 * d2 / v)
    return call, put, greeks


def main():
    for i in range(200):
        x = random.uniform(-708, 709) if i % 2 else random.uniform(-2, 2)
        show("exp", [x], mp.exp(mpf(x)))
    for i in range(200):
        x = 10 ** random.uniform(-307, 308) if i % 2 else random.uniform(0.5, 2)
        show("ln", [x], mp.log(mpf(x)))
    for exponent in range(1, 16):  # close to 1, where ln is small
        for x in (1 + 10.0**-exponent, 1 - 10.0**-exponent):
            show("ln", [x], mp.log(mpf(x)))
    for i in range(200):
        x, y = 10 ** random.uniform(-5, 5), random.uniform(-3, 3) if i % 2 else random.uniform(-50, 50)
        show("pow", [x, y], mp.power(mpf(x), mpf(y)))
    for i in range(240):
        z = random.uniform(-37, 37) if i % 3 == 0 else random.uniform(-8, 8) if i % 3 == 1 else sign() * 10 ** random.uniform(-12, 0)
        show("normal", [z], cdf(mpf(z)), pdf(mpf(z)))
    for i in range(200):
        z = mpf(random.uniform(-37, 0) if i % 2 else random.uniform(-5, 8))
        p = float(cdf(z))
        for _ in range(6):  # invert exactly at the rounded p
            z -= (cdf(z) - mpf(p)) / pdf(z)
        show("quantile", [p], z)
    for i in range(240):
        forward = 10 ** random.uniform(-3, 6)
        s = 10 ** random.uniform(-4, 0.9)
        years = 10 ** random.uniform(-4.5, 1)
        strike = forward * float(mp.exp(min(abs(s) * random.uniform(0, 9), 6) * sign())) if i % 4 else forward
        vol = s / years**0.5
        call, put, greeks = option(forward, strike, vol, years)
        print("option", forward, strike, vol, years, two(call), two(put), *[repr(float(greek)) for greek in greeks])
    for _ in range(100):  # out of the money, down to the smallest prices
        forward, years, s = 10 ** random.uniform(-2, 5), 10 ** random.uniform(-4, 1), 10 ** random.uniform(-5, 0.5)
        strike = forward * float(mp.exp(s * random.uniform(0, 36 - s) * sign()))
        vol = s / years**0.5
        call, put, _ = option(forward, strike, vol, years)
        show("implied", [forward, strike, vol, years], min(call, put))


main()
