"""What the venue's own engine answers for the documents beside this file.

    pip install --no-deps paradex-py==0.8.2
    python3 engine.py          writes engine-night.json, engine-settlement.json and scenario-prices.json

The engine margins one underlying a call; its answers are added up. Parameters are those of `crates/margin/params/`.
"""

import json
import tomllib
from datetime import datetime
from pathlib import Path

from paradex_py.margin.black_scholes import bs_delta
from paradex_py.margin.cross_margin import compute_xm
from paradex_py.margin.portfolio_margin import _scenario_price, compute_pm

HERE = Path(__file__).parent
PARAMS = HERE.parents[1] / "params"


def plain(node):
    """A parameter file without its evidence."""
    if isinstance(node, dict):
        return plain(node["value"]) if "value" in node else {key: plain(child) for key, child in node.items()}
    return node


def rules(method):
    text = (PARAMS / method / "2026-06.toml").read_text()
    return plain(tomllib.loads(text))


def of_class(method, underlying):
    return next(one for one in rules(method)["class"].values() if underlying in one["members"])


def pm_config(underlying):
    general, vol, one = rules("paradex")["general"], rules("paradex")["vol_shock"], of_class("paradex", underlying)
    return {
        "base_asset": underlying,
        "hedged_margin_factor": one["hedged_margin_factor"],
        "unhedged_margin_factor": one["unhedged_margin_factor"],
        "mmf_factor": general["maintenance_factor"],
        "scenarios": [dict(zip(("spot_shock", "vol_shock", "weight"), row)) for row in one["scenarios"]],
        "vol_shock_params": {
            "dte_floor_days": vol["days_floor"],
            "vega_power_short_dte": vol["short_power"],
            "vega_power_long_dte": vol["long_power"],
            "min_vol_shock_up": one["vol_floor_up"],
        },
    }


def time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def markets(document):
    """Market data and specifications as the engine takes them."""
    now, data, specs = time(document["time"]), {}, {}
    underlyings = {one["underlying"]: one for one in document["underlyings"]}
    for one in document["instruments"]:
        underlying = underlyings[one["underlying"]]
        spot, rate = float(underlying["index"]), float(underlying["expiries"][0]["rate"])
        cross = of_class("paradex-cross", one["underlying"])
        iv = float(one["iv"]) if "iv" in one else None
        if one["kind"] == "perpetual":
            delta = 1.0
            fractions = {"imf_base": cross["perpetual"], "mmf_factor": rules("paradex-cross")["general"]["maintenance_factor"]}
            specs[one["instrument"]] = {"asset_kind": "PERP", "delta1_cross_margin_params": fractions}
        else:
            years = (time(one["expiry"]) - now).total_seconds() / 86400 / 365
            call = one["right"] == "call"
            delta = bs_delta(spot, float(one["strike"]), years, rate, iv, call)
            specs[one["instrument"]] = {
                "asset_kind": "OPTION",
                "option_type": one["right"].upper(),
                "strike_price": one["strike"],
                "option_cross_margin_params": {"imf": cross["initial"], "mmf": cross["maintenance"]},
                "expiry_at": int(time(one["expiry"]).timestamp() * 1000),
            }
        data[one["instrument"]] = {
            "mark_price": float(one["mark"]),
            "delta": float(one.get("delta", delta)),
            "mark_iv": iv,
            "underlying_price": spot,
            "funding_rate": float(one.get("funding_rate_8h", 0)),
            "interest_rate": rate,
            "fee_rate": float(one["fee_rate"]),
        }
    for asset in document["assets"]:
        price = float(asset["price"])
        data[f"{asset['asset']}-USD"] = {"mark_price": price, "underlying_price": price}
    return now, data, specs


def answer(account, now, data, specs):
    positions = [
        {"market": one["instrument"], "side": "SELL" if one["quantity"].startswith("-") else "BUY",
         "size": abs(float(one["quantity"]))}
        for one in account["positions"]
    ]
    orders = [
        {"market": one["instrument"], "side": one["side"].upper(), "size": float(one["quantity"]), "price": float(one["limit"])}
        for one in account["orders"]
    ]
    balances = [{"token": one["asset"], "size": float(one["amount"])} for one in account["balances"]]
    cross = compute_xm(positions, orders, data, specs, balances)
    initial = maintenance = cross["spot_balance_margin"]
    underlyings = []
    for name in sorted({one["market"].split("-")[0] for one in positions + orders}):
        mine = [[one for one in items if one["market"].startswith(f"{name}-")] for items in (positions, orders)]
        portfolio = compute_pm(*mine, data, specs, pm_config(name), now=now)
        initial += portfolio["IMR"]
        maintenance += portfolio["MMR"]
        underlyings.append({
            "underlying": name,
            "scan": repr(portfolio["worst_loss"]),
            "scenario": portfolio["worst_idx"] + 1,
            "minimum_delta": repr(portfolio["delta_min"]),
            "funding": repr(portfolio["fund_p"]),
            "fee_initial": repr(portfolio["fee_provision_imr"]),
            "fee_maintenance": repr(portfolio["fee_provision_mmr"]),
        })
    shown = ("IMR", "MMR", "net_mmr", "fee_provision_imr", "fee_provision_mmr", "open_loss", "spot_balance_margin")
    return {
        "cross": {field: repr(cross[field]) for field in shown},
        "portfolio": {"initial": repr(initial), "maintenance": repr(maintenance), "underlyings": underlyings},
    }


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1) + "\n")


def main():
    accounts = json.loads((HERE / "portfolio.json").read_text())["accounts"]
    for moment in ("night", "settlement"):
        inputs = markets(json.loads((HERE / f"market-{moment}.json").read_text()))
        write(f"engine-{moment}.json", {account["account"]: answer(account, *inputs) for account in accounts})
    now, data, specs = markets(json.loads((HERE / "market-night.json").read_text()))
    names, spot = ("BTC-USD-PERP", "BTC-USD-8MAY26-78000-C"), data["BTC-USD-PERP"]["underlying_price"]
    basis = (data["BTC-USD-PERP"]["mark_price"] - spot) / spot
    shock = {"interest_rate": 0.0, "dte_floor": 1.0, "vp_short": 0.30, "vp_long": 0.13, "min_vol_shock_up": 0.40}
    write("scenario-prices.json", [
        [repr(_scenario_price(name, data, specs, spot, basis, float(move), float(vol), now, shock)) for name in names]
        for move, vol, _ in of_class("paradex", "BTC")["scenarios"]
    ])


main()
