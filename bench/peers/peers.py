"""The peers in Python, one a process: `python peers.py NAME FOLDER ANSWER` (the conversation is that of peer.h).

Fair because nothing of Python is timed but a few dozen calls a run: NumPy and SciPy work on whole arrays into buffers
allocated once, what prices share is hoisted out of the broadcast, and Numba has compiled before the first round. Every
library runs on one thread; sizes of blocks are the fastest of those tried.
"""

import sys
import time

import numpy as np

EXPIRIES, STRIKES, SCENARIOS = 30, 20, 99
_, NAME, FOLDER, ANSWER = sys.argv


def array(name, *shape, dtype=np.float64):
    return np.fromfile(f"{FOLDER}/{name}.{'f64' if dtype is np.float64 else 'i32'}", dtype).reshape(shape)


def market():
    by_expiry = [array(name, EXPIRIES) for name in ("forward", "years", "discount")]
    by_option = [array(name, EXPIRIES, STRIKES) for name in ("sign", "strike", "vol")]
    by_scenario = [array(name, SCENARIOS) for name in ("price_factor", "vol_factor")]
    return *by_expiry, *by_option, *by_scenario


def accounts():
    return array("rows", -1, SCENARIOS), array("starts", -1, dtype=np.int32), array("columns", -1, dtype=np.int32), array("quantity", -1)


def reprice_scipy():
    from scipy.special import ndtr

    forward, years, discount, sign, strike, vol, price_factor, vol_factor = market()
    shape = (EXPIRIES, STRIKES, SCENARIOS)
    d1, d2, stdev, prices = (np.empty(shape) for _ in range(4))

    def work():
        shocked = forward[:, None] * price_factor
        unit = sign * vol * np.sqrt(years)[:, None]  # signed: both distances come out times the sign
        np.multiply(unit[:, :, None], vol_factor, out=stdev)
        np.subtract(np.log(shocked)[:, None, :], np.log(strike)[:, :, None], out=d1)
        np.multiply(d1, (1 / unit)[:, :, None], out=d1)
        np.multiply(d1, 1 / vol_factor, out=d1)
        stdev_half = np.multiply(stdev, 0.5, out=stdev)
        np.subtract(d1, stdev_half, out=d2)
        np.add(d1, stdev_half, out=d1)
        ndtr(d1, out=d1)
        ndtr(d2, out=d2)
        weight = discount[:, None] * sign
        np.multiply(d1, shocked[:, None, :], out=prices)
        np.multiply(d2, strike[:, :, None], out=d2)
        np.subtract(prices, d2, out=prices)
        np.multiply(prices, weight[:, :, None], out=prices)
        return prices

    return work


def reprice_numba():
    import math

    import numba

    inputs = market()
    prices = np.empty((EXPIRIES, STRIKES, SCENARIOS))

    @numba.njit(fastmath=True, error_model="numpy")
    def kernel(forward, years, discount, sign, strike, vol, price_factor, vol_factor, prices):
        shocked = np.empty(SCENARIOS)
        log_shocked = np.empty(SCENARIOS)
        for e in range(EXPIRIES):
            for j in range(SCENARIOS):
                shocked[j] = forward[e] * price_factor[j]
                log_shocked[j] = math.log(shocked[j])
            for i in range(STRIKES):
                theta = -math.sqrt(0.5) * sign[e, i]
                stdev = vol[e, i] * math.sqrt(years[e])
                log_strike = math.log(strike[e, i])
                weight = 0.5 * sign[e, i] * discount[e]
                for j in range(SCENARIOS):
                    middle = theta * (log_shocked[j] - log_strike) / (stdev * vol_factor[j])
                    half = 0.5 * theta * stdev * vol_factor[j]
                    prices[e, i, j] = weight * (
                        shocked[j] * math.erfc(middle + half) - strike[e, i] * math.erfc(middle - half)
                    )

    def work():
        kernel(*inputs, prices)
        return prices

    return work


def accounts_scipy(block):
    """`block` accounts a product: all of them as one writes it, or so few that the sums stay in the cache."""
    from scipy.sparse import csr_matrix

    rows, starts, columns, quantity = accounts()
    count = len(starts) - 1
    block = block or count
    worst = np.empty(count)
    blocks = []
    for first in range(0, count, block):
        bounds = starts[first : first + block + 1]
        span = slice(bounds[0], bounds[-1])
        matrix = csr_matrix((quantity[span], columns[span], bounds - bounds[0]), shape=(len(bounds) - 1, len(rows)))
        blocks.append((matrix, worst[first : first + block]))

    def work():
        for matrix, out in blocks:
            (matrix @ rows).min(axis=1, out=out)
        return worst

    return work


def accounts_numba(constant):
    """`constant`: whether the compiler knows how many scenarios there are."""
    import numba

    rows, starts, columns, quantity = accounts()
    worst = np.empty(len(starts) - 1)

    @numba.njit(fastmath=True, error_model="numpy")
    def kernel(rows, starts, columns, quantity, worst):
        width = SCENARIOS if constant else rows.shape[1]
        sums = np.empty(width)
        for account in range(len(worst)):
            sums[:] = 0.0
            for place in range(starts[account], starts[account + 1]):
                row = rows[columns[place]]
                held = quantity[place]
                for j in range(width):
                    sums[j] += held * row[j]
            least = sums[0]
            for j in range(1, width):
                least = min(least, sums[j])
            worst[account] = least

    def work():
        kernel(rows, starts, columns, quantity, worst)
        return worst

    return work


work = {
    "reprice-scipy": reprice_scipy,
    "reprice-numba": reprice_numba,
    "accounts-scipy": lambda: accounts_scipy(None),
    "accounts-scipy-blocks": lambda: accounts_scipy(500),
    "accounts-numba": lambda: accounts_numba(False),
    "accounts-numba-constant": lambda: accounts_numba(True),
}[NAME]()
work().tofile(ANSWER)
print("ready", flush=True)
for line in sys.stdin:
    budget = float(line) * 1e6
    start = time.thread_time_ns()
    runs = 0
    while (spent := time.thread_time_ns() - start) < budget or runs == 0:
        work()
        runs += 1
    print(spent / runs, flush=True)
