//! The workload's chain as a market with accounts, for the calls of users: revalue everything, assess one account.

use dice::Dice;
use margin::method::universal::rules::Rules;
use margin::method::universal::{self, PARAMS};
use margin::params::Params;
use model::{Account, Market, Portfolio};
use pricing::Right;
use pricing::black76::{Black76, Inputs};
use serde_json::{Value, json};
use units::Timestamp;

use crate::workload::{Chain, FUTURES, INDEX, OPTIONS, STRIKES};

/// The rules that come with the program.
pub fn rules() -> Params<Rules> {
    universal::parse(PARAMS).expect("the program's own parameters are valid")
}

/// 600 options, a perpetual and four dated futures on one coin.
pub fn market(chain: &Chain) -> Market {
    let time: Timestamp = "2026-11-20T08:00:00Z".parse().expect("a moment");
    let after = |years: f64| Timestamp::from_micros(time.micros() + (years * 365.0).round() as i64 * 86_400_000_000);
    let expiries: Vec<Value> = (0..chain.forward.len())
        .map(
            |e| json!({"expiry": after(chain.years[e]).to_string(), "forward": text(chain.forward[e]), "rate": "0.04"}),
        )
        .collect();
    let listing = |name: String, kind: &str, mark: f64| {
        json!({"instrument": name, "kind": kind, "underlying": "BTC", "payoff": "linear", "quote": "USDC",
               "settle": "USDC", "contract_size": "1", "mark": text(mark)})
    };
    let mut instruments = Vec::new();
    for option in 0..OPTIONS {
        let (expiry, call) = (option / STRIKES, chain.sign[option] > 0.0);
        let inputs = Inputs {
            right: if call { Right::Call } else { Right::Put },
            forward: chain.forward[expiry],
            strike: chain.strike[option],
            vol: chain.vol[option],
            years: chain.years[expiry],
            discount: chain.discount[expiry],
        };
        let mark = Black76::new(inputs).expect("the workload is priceable").price().max(0.01);
        let mut option_listing = listing(format!("option-{option}"), "option", mark);
        option_listing["expiry"] = json!(after(chain.years[expiry]).to_string());
        option_listing["strike"] = json!(text(chain.strike[option]));
        option_listing["right"] = json!(if call { "call" } else { "put" });
        option_listing["iv"] = json!(text(chain.vol[option]));
        instruments.push(option_listing);
    }
    instruments.push(listing("perpetual".to_owned(), "perpetual", INDEX));
    for future in 1..FUTURES {
        let expiry = future * 6;
        let mut future_listing = listing(format!("future-{future}"), "future", chain.forward[expiry]);
        future_listing["expiry"] = json!(after(chain.years[expiry]).to_string());
        instruments.push(future_listing);
    }
    let document = json!({
        "format": "upm.market/1",
        "time": time.to_string(),
        "assets": [{"asset": "USDC", "price": "1"}],
        "underlyings": [{"underlying": "BTC", "index": text(INDEX), "expiries": expiries}],
        "instruments": instruments,
    });
    Market::parse(&document.to_string()).expect("a valid market")
}

/// An account with a deposit and that many different positions.
pub fn account(market: &Market, positions: usize) -> Account {
    let mut dice = Dice::new(3);
    // The positions are 3 places apart: 3 and 605 have no common divisor, so no instrument comes twice.
    let position = |place: usize| {
        let instrument = &market.instruments[place * 3 % market.instruments.len()].name;
        let quantity = dice.between(1, 50) as f64 * dice.pick(&[1.0, -1.0]) / 10.0;
        json!({"instrument": instrument, "quantity": text(quantity)})
    };
    let positions: Vec<Value> = (0..positions).map(position).collect();
    let account =
        json!({"account": "bench", "balances": [{"asset": "USDC", "amount": "1000000"}], "positions": positions});
    let document = json!({"format": "upm.portfolio/1", "accounts": [account]});
    Portfolio::parse(&document.to_string(), market).expect("a valid portfolio").accounts.remove(0)
}

fn text(value: f64) -> String {
    format!("{value:.4}")
}
