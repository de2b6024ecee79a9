"""A second computation of Deribit's margins, written from the venue's words and not from ours.

    python3 second.py          reads market.json, portfolio.json and ../../params/, writes second.json

It shares nothing with the program: other language, other normal distribution (erfc), other order of operations.
"""

import json
import math
import tomllib
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
PARAMS = HERE.parents[1] / "params"


def plain(node):
    """A parameter file without its evidence, in numbers."""
    if isinstance(node, dict):
        return plain(node["value"]) if "value" in node else {key: plain(child) for key, child in node.items()}
    if isinstance(node, list):
        return [plain(child) for child in node]
    try:
        return float(node)
    except ValueError:
        return node


def rules(method):
    return plain(tomllib.loads((PARAMS / method / "2026-02-16.toml").read_text()))


def years(market, expiry):
    since, until = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (market["time"], expiry))
    return (until - since).total_seconds() / 31_536_000


def normal(x):
    return math.erfc(-x / math.sqrt(2)) / 2


def black76(forward, strike, time, vol, sign):
    """Price and delta of an option, undiscounted: no rate is given in the market document."""
    deviation = vol * math.sqrt(time)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    price = sign * (forward * normal(sign * d1) - strike * normal(sign * (d1 - deviation)))
    return price, sign * normal(sign * d1)


class Instrument:
    def __init__(self, market, listing):
        underlying = next(one for one in market["underlyings"] if one["underlying"] == listing["underlying"])
        self.underlying, self.index = listing["underlying"], float(underlying["index"])
        self.inverse, self.option = listing["payoff"] == "inverse", listing["kind"] == "option"
        self.mark, self.contract_size = float(listing["mark"]), float(listing["contract_size"])
        self.years = years(market, listing["expiry"]) if "expiry" in listing else 0.0
        self.delta = 1.0
        prices = {one["asset"]: float(one["price"]) for one in market["assets"]}
        self.currency = listing["settle"]
        self.usd = prices[self.currency]
        if not self.inverse:
            # All that is linear here is quoted in what it settles in.
            assert listing["quote"] == listing["settle"]
            self.index /= self.usd
        if self.option:
            expiry = next(one for one in underlying["expiries"] if one["expiry"] == listing["expiry"])
            self.forward, self.strike, self.vol = float(expiry["forward"]), float(listing["strike"]), float(listing["iv"])
            if not self.inverse:
                self.forward /= self.usd
            self.sign = 1 if listing["right"] == "call" else -1
            model = black76(self.forward, self.strike, self.years, self.vol, self.sign)[1]
            self.delta = float(listing.get("delta", model))

    def coins(self, contracts):
        size = contracts * self.contract_size
        return size / self.mark if self.inverse and not self.option else size

    def price(self, move, state, column, floor):
        """In the unit of the mark."""
        if not self.option:
            return self.mark * (1 + move)
        days = self.years * 365
        power = column["short_term_vega_power" if days < 30 else "long_term_vega_power"]
        term = (30 / max(floor, days)) ** power
        vol = {
            "up": max(self.vol * (1 + column["volatility_range_up"] * term), column["min_volatility_for_shock_up"]),
            "same": self.vol,
            "down": max(self.vol * (1 - column["volatility_range_down"] * term), 0),
        }[state]
        forward = self.forward * (1 + move)
        price = black76(forward, self.strike, self.years, vol, self.sign)[0]
        return price / forward if self.inverse else price

    def profit(self, coins, entry, price):
        """In the settlement currency."""
        if self.inverse and not self.option:
            return coins * self.mark * (1 / entry - 1 / price)
        return coins * (price - entry)


def words(move):
    percent = round(move * 1000) / 10
    return f"{'−' if percent < 0 else '+'}{abs(percent):g} %"


def tables(held, ordered, column, general):
    """The aggregated vectors of one pair, each with its words."""
    any_one = (held + ordered)[0][0]
    inverse, index, name = any_one.inverse, any_one.index, any_one.underlying
    width = column["price_range"]

    def profit(move, state):
        total = 0.0
        for one, coins in held:
            total += one.profit(coins, one.mark, one.price(move, state, column, general["days_floor"]))
        for one, coins, limit in ordered:
            total += min(one.profit(coins, limit, one.price(move, state, column, general["days_floor"])), 0)
        return total

    rows = []
    for share in general["buckets"]:
        for state in ("up", "same", "down"):
            rows.append((profit(width * share, state), f"{name} {words(width * share)} vol {state}"))
    for move in general["extended_moves"]:
        edge = 1 + math.copysign(width, move)
        part = column["extended_table_factor"] * width / abs(move) * ((1 + move) / edge if inverse else 1)
        dampener = (max(abs(move) / width, 1) - 1) * column["extended_dampener"] / (edge * index if inverse else 1)
        total = profit(move, "up") * part
        rows.append((math.copysign(max(abs(total) - dampener, 0), total), f"{name} {words(move)} vol up, extended"))
    return [(min(pnl, 0) + column["pnl_offset"] * max(pnl, 0), text) for pnl, text in rows]


def shocks(held, column):
    if not held:
        return 0.0
    per_coin = 1 if held[0][0].inverse else held[0][0].index
    expiries = {}
    for one, coins in held:
        expiries[one.years] = expiries.get(one.years, 0) + coins * one.delta
    roll = sum(
        abs(delta) * max(column["min_annualised_move"], math.exp(column["annualised_move_risk"] * time) - 1)
        for time, delta in expiries.items()
    )
    d1 = sum(coins * one.delta for one, coins in held if one.option and coins > 0)
    d2 = sum(coins * one.delta for one, coins in held if not (one.option and coins > 0))
    delta = abs(min(max(d1 + d2, d2), 0) if d2 < 0 else max(min(d1 + d2, d2), 0))
    beyond = max(delta - column["delta_total_liq_shock_threshold"] / held[0][0].index, 0)
    return per_coin * (roll + min(beyond * delta * column["m_inc"], column["max_delta_shock"] * delta))


def portfolio_margin(positions, orders):
    own, general = rules("deribit")["underlying"], rules("deribit")["general"]
    books, pairs, currencies, worst_usd = {}, {}, {}, 0.0
    for item in positions + orders:
        books.setdefault((item[0].underlying, item[0].inverse), [[], []])[len(item) - 2].append(item)
    for (underlying, inverse), (held, ordered) in books.items():
        column, one = own[underlying], (held + ordered)[0][0]
        pnl, text = min(tables(held, [], column, general), key=lambda row: row[0]) if held else (0.0, "")
        worst, text = (-pnl, text) if pnl < 0 else (0.0, "nothing loses")
        with_orders = max(-min(pnl for pnl, _ in tables(held, ordered, column, general)), 0)
        matrix, open_orders, usd = currencies.get(one.currency, (0.0, 0.0, one.usd))
        matrix += round(worst, 9) + shocks(held, column)
        currencies[one.currency] = (matrix, open_orders + with_orders - worst, usd)
        worst_usd += round(worst, 9) * one.usd
        pairs[f"{underlying}_{one.currency}".lower()] = {"worst_case_usd": worst * one.usd, "words": text}
    return {
        "worst_case_usd": worst_usd,
        "initial_usd": sum(round(matrix + orders, 9) * usd for matrix, orders, usd in currencies.values()),
        "maintenance_usd": sum(general["maintenance_factor"] * matrix * usd for matrix, _, usd in currencies.values()),
        "pairs": pairs,
    }


def standard_row(one, coins):
    """Initial and maintenance margin of one position, in its settlement currency."""
    own = rules("deribit-standard")
    if not one.option:
        row, size, unit = own["future"][one.underlying], abs(coins), 1 if one.inverse else one.index
        return [size * (row[name] + row["slope"] * size) * unit for name in ("initial", "maintenance")]
    if coins >= 0:
        return [0.0, 0.0]
    option, unit = own["option"], 1 if one.inverse else one.forward
    out = max(one.sign * (one.strike - one.forward), 0) / one.forward * unit
    initial = max(option["initial_itm"] * unit - out, option["initial_otm"] * unit) + one.mark
    maintenance = option["maintenance"] * unit + one.mark
    if one.sign < 0:
        maintenance = max(option["maintenance"] * unit, option["maintenance"] * one.mark) + one.mark
        initial = max(initial, maintenance)
    return [initial * -coins, maintenance * -coins]


def standard_margin(positions, orders):
    initial = maintenance = 0.0
    for one in {item[0] for item in positions + orders}:
        held = sum(coins for other, coins in positions if other is one)
        mine = [(coins, limit) for other, coins, limit in orders if other is one]
        bought, sold = sum(max(coins, 0) for coins, _ in mine), sum(max(-coins, 0) for coins, _ in mine)
        sides = [standard_row(one, size)[0] for size in (held, held + bought, held - sold)]
        premium = sum(max(coins, 0) * limit for coins, limit in mine) if one.option else 0
        initial += (max(sides) + premium) * one.usd
        maintenance += standard_row(one, held)[1] * one.usd
    return {"initial_usd": initial, "maintenance_usd": maintenance}


def main():
    market = json.loads((HERE / "market.json").read_text())
    instruments = {one["instrument"]: Instrument(market, one) for one in market["instruments"]}
    answers = {}
    for account in json.loads((HERE / "portfolio.json").read_text())["accounts"]:
        positions, orders = [], []
        for item in account["positions"]:
            one = instruments[item["instrument"]]
            positions.append((one, one.coins(float(item["quantity"]))))
        for item in account["orders"]:
            one, sign = instruments[item["instrument"]], 1 if item["side"] == "buy" else -1
            orders.append((one, one.coins(sign * float(item["quantity"])), float(item["limit"])))
        answers[account["account"]] = {
            "portfolio": portfolio_margin(positions, orders),
            "standard": standard_margin(positions, orders),
        }
    (HERE / "second.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")


main()
