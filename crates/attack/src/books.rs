//! The reference books: a table of names and the legs that each is built of, anew at every snapshot.
//!
//! A leg is one coin of notional. Books of one coin are built for bitcoin and for ether.

use Coin::{Btc, Eth, One};

/// The coin of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coin {
    /// The coin for which the book is built.
    One,
    /// Bitcoin, whatever the book is built for.
    Btc,
    /// Ether, whatever the book is built for.
    Eth,
}

/// A strike of one expiry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strike {
    /// The nearest to the forward.
    Money,
    /// The one whose option has the delta nearest to this, without its sign.
    Delta(f64),
    /// The nearest to this part of the forward.
    Part(f64),
}

/// An expiry of options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Term {
    /// The nearest to so many days.
    Days(f64),
    /// The one that comes next.
    Next,
}

/// A contract that is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// The perpetual of the coin.
    Perpetual,
    /// The dated future nearest to so many days.
    Future(f64),
    /// A call of an expiry and a strike.
    Call(Term, Strike),
    /// A put of an expiry and a strike.
    Put(Term, Strike),
    /// The perpetual, as many coins as the other legs lack to a delta of 0.
    Hedge,
}

/// A leg of a book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Coins of notional, negative when short. A hedge has its own.
    pub coins: f64,
    /// The coin that the contract is on.
    pub coin: Coin,
    /// The contract that is looked for.
    pub wanted: Wanted,
}

/// A reference book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The name of the book, as tables show it.
    pub name: &'static str,
    /// The legs that it is built of.
    pub parts: &'static [Part],
    /// Whether who pays its price can lose no more than that.
    pub bought: bool,
}

const fn leg(coins: f64, wanted: Wanted) -> Part {
    Part { coins, coin: One, wanted }
}

const fn of(coin: Coin, coins: f64, wanted: Wanted) -> Part {
    Part { coins, coin, wanted }
}

const fn perpetual(coins: f64) -> Part {
    leg(coins, Wanted::Perpetual)
}

const fn future(coins: f64, days: f64) -> Part {
    leg(coins, Wanted::Future(days))
}

const fn call(coins: f64, term: Term, strike: Strike) -> Part {
    leg(coins, Wanted::Call(term, strike))
}

const fn put(coins: f64, term: Term, strike: Strike) -> Part {
    leg(coins, Wanted::Put(term, strike))
}

const fn book(name: &'static str, parts: &'static [Part]) -> Rule {
    Rule { name, parts, bought: false }
}

const fn bought(name: &'static str, parts: &'static [Part]) -> Rule {
    Rule { name, parts, bought: true }
}

const WEEK: Term = Term::Days(7.0);
const MONTH: Term = Term::Days(30.0);
const MONEY: Strike = Strike::Money;
const QUARTER: Strike = Strike::Delta(0.25);
const HEDGE: Part = leg(0.0, Wanted::Hedge);

/// Every reference book.
pub const BOOKS: [Rule; 54] = [
    book("long perpetual", &[perpetual(1.0)]),
    book("short perpetual", &[perpetual(-1.0)]),
    book("long future", &[future(1.0, 60.0)]),
    book("short future", &[future(-1.0, 60.0)]),
    book("calendar of futures", &[future(-1.0, 30.0), future(1.0, 120.0)]),
    book("covered call", &[perpetual(1.0), call(-1.0, MONTH, QUARTER)]),
    book("protective put", &[perpetual(1.0), put(1.0, MONTH, QUARTER)]),
    book("collar", &[perpetual(1.0), put(1.0, MONTH, QUARTER), call(-1.0, MONTH, QUARTER)]),
    bought("long call, money, 7 d", &[call(1.0, WEEK, MONEY)]),
    bought("long call, money, 30 d", &[call(1.0, MONTH, MONEY)]),
    bought("long call, 25 delta, 7 d", &[call(1.0, WEEK, QUARTER)]),
    bought("long call, 25 delta, 30 d", &[call(1.0, MONTH, QUARTER)]),
    bought("long put, money, 7 d", &[put(1.0, WEEK, MONEY)]),
    bought("long put, money, 30 d", &[put(1.0, MONTH, MONEY)]),
    bought("long put, 25 delta, 7 d", &[put(1.0, WEEK, QUARTER)]),
    bought("long put, 25 delta, 30 d", &[put(1.0, MONTH, QUARTER)]),
    book("short call, money, 7 d", &[call(-1.0, WEEK, MONEY)]),
    book("short call, money, 30 d", &[call(-1.0, MONTH, MONEY)]),
    book("short call, 25 delta, 7 d", &[call(-1.0, WEEK, QUARTER)]),
    book("short call, 25 delta, 30 d", &[call(-1.0, MONTH, QUARTER)]),
    book("short put, money, 7 d", &[put(-1.0, WEEK, MONEY)]),
    book("short put, money, 30 d", &[put(-1.0, MONTH, MONEY)]),
    book("short put, 25 delta, 7 d", &[put(-1.0, WEEK, QUARTER)]),
    book("short put, 25 delta, 30 d", &[put(-1.0, MONTH, QUARTER)]),
    bought("long straddle, 7 d", &[call(1.0, WEEK, MONEY), put(1.0, WEEK, MONEY)]),
    bought("long straddle, 30 d", &[call(1.0, MONTH, MONEY), put(1.0, MONTH, MONEY)]),
    book("short straddle, 7 d", &[call(-1.0, WEEK, MONEY), put(-1.0, WEEK, MONEY)]),
    book("short straddle, 30 d", &[call(-1.0, MONTH, MONEY), put(-1.0, MONTH, MONEY)]),
    bought("long strangle, 7 d", &[call(1.0, WEEK, QUARTER), put(1.0, WEEK, QUARTER)]),
    bought("long strangle, 30 d", &[call(1.0, MONTH, QUARTER), put(1.0, MONTH, QUARTER)]),
    book("short strangle, 7 d", &[call(-1.0, WEEK, QUARTER), put(-1.0, WEEK, QUARTER)]),
    book("short strangle, 30 d", &[call(-1.0, MONTH, QUARTER), put(-1.0, MONTH, QUARTER)]),
    bought("debit call vertical", &[call(1.0, MONTH, MONEY), call(-1.0, MONTH, Strike::Part(1.1))]),
    bought("debit put vertical", &[put(1.0, MONTH, MONEY), put(-1.0, MONTH, Strike::Part(0.9))]),
    book("credit call vertical", &[call(-1.0, MONTH, MONEY), call(1.0, MONTH, Strike::Part(1.1))]),
    book("credit put vertical", &[put(-1.0, MONTH, MONEY), put(1.0, MONTH, Strike::Part(0.9))]),
    bought(
        "long fly",
        &[call(1.0, MONTH, Strike::Part(0.9)), call(-2.0, MONTH, MONEY), call(1.0, MONTH, Strike::Part(1.1))],
    ),
    book(
        "long condor",
        &[
            call(1.0, MONTH, Strike::Part(0.85)),
            call(-1.0, MONTH, Strike::Part(0.95)),
            call(-1.0, MONTH, Strike::Part(1.05)),
            call(1.0, MONTH, Strike::Part(1.15)),
        ],
    ),
    book(
        "short condor",
        &[
            call(-1.0, MONTH, Strike::Part(0.85)),
            call(1.0, MONTH, Strike::Part(0.95)),
            call(1.0, MONTH, Strike::Part(1.05)),
            call(-1.0, MONTH, Strike::Part(1.15)),
        ],
    ),
    book("calendar, short near", &[call(-1.0, WEEK, MONEY), call(1.0, MONTH, MONEY)]),
    book("calendar, long near", &[call(1.0, WEEK, MONEY), call(-1.0, MONTH, MONEY)]),
    book("ratio spread", &[call(1.0, MONTH, MONEY), call(-2.0, MONTH, Strike::Part(1.1))]),
    book("risk reversal", &[call(1.0, MONTH, QUARTER), put(-1.0, MONTH, QUARTER)]),
    book(
        "box",
        &[
            call(1.0, MONTH, Strike::Part(0.9)),
            call(-1.0, MONTH, Strike::Part(1.1)),
            put(-1.0, MONTH, Strike::Part(0.9)),
            put(1.0, MONTH, Strike::Part(1.1)),
        ],
    ),
    book("conversion", &[perpetual(1.0), put(1.0, MONTH, MONEY), call(-1.0, MONTH, MONEY)]),
    book("hedged short straddle", &[call(-1.0, MONTH, MONEY), put(-1.0, MONTH, MONEY), HEDGE]),
    book("perpetual, next put", &[perpetual(1.0), put(1.0, Term::Next, MONEY)]),
    book("short perpetual, next call", &[perpetual(-1.0), call(1.0, Term::Next, MONEY)]),
    book("perpetual, next call sold", &[perpetual(1.0), call(-1.0, Term::Next, MONEY)]),
    book("far put sold", &[put(-1.0, MONTH, Strike::Part(0.5))]),
    book("far call sold", &[call(-1.0, MONTH, Strike::Part(1.5))]),
    book("long BTC, short ETH", &[of(Btc, 1.0, Wanted::Perpetual), of(Eth, -1.0, Wanted::Perpetual)]),
    book("long BTC, short 30 ETH", &[of(Btc, 1.0, Wanted::Perpetual), of(Eth, -30.0, Wanted::Perpetual)]),
    book(
        "both short straddles",
        &[
            of(Btc, -1.0, Wanted::Call(MONTH, MONEY)),
            of(Btc, -1.0, Wanted::Put(MONTH, MONEY)),
            of(Eth, -30.0, Wanted::Call(MONTH, MONEY)),
            of(Eth, -30.0, Wanted::Put(MONTH, MONEY)),
        ],
    ),
];

impl Rule {
    /// Whether the book is built once for each coin; otherwise it names its coins.
    pub fn of_each_coin(&self) -> bool {
        self.parts.iter().all(|part| part.coin == One)
    }

    /// Its legs in words, for a list of the books.
    pub fn words(&self) -> String {
        let words: Vec<String> = self.parts.iter().map(Part::words).collect();
        words.join(", ")
    }
}

impl Part {
    fn words(&self) -> String {
        let coin = match self.coin {
            One => "",
            Btc => " BTC",
            Eth => " ETH",
        };
        let contract = match self.wanted {
            Wanted::Perpetual => "perpetual".to_owned(),
            Wanted::Future(days) => format!("future of {days} d"),
            Wanted::Call(term, strike) => format!("call {}", at(term, strike)),
            Wanted::Put(term, strike) => format!("put {}", at(term, strike)),
            Wanted::Hedge => return "perpetuals to a delta of 0".to_owned(),
        };
        let sign = if self.coins < 0.0 { "−" } else { "+" };
        format!("{sign}{}{coin} {contract}", self.coins.abs())
    }
}

fn at(term: Term, strike: Strike) -> String {
    let term = match term {
        Term::Days(days) => format!("{days} d"),
        Term::Next => "next".to_owned(),
    };
    let strike = match strike {
        Strike::Money => "money".to_owned(),
        Strike::Delta(delta) => format!("{delta} delta"),
        Strike::Part(part) => format!("{part} of the forward"),
    };
    format!("{term} {strike}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_book_has_a_name_and_legs_of_its_own() {
        for (place, rule) in BOOKS.iter().enumerate() {
            let same = |other: &&Rule| other.name == rule.name || other.parts == rule.parts;
            assert_eq!(BOOKS.iter().filter(same).count(), 1, "{}", rule.name);
            let single = rule.parts.iter().all(|part| part.coin == One);
            assert!(single || rule.parts.iter().all(|part| part.coin != One), "{place}: {}", rule.name);
        }
    }

    #[test]
    fn the_legs_are_told_in_words() {
        assert_eq!(BOOKS[6].words(), "+1 perpetual, +1 put 30 d 0.25 delta");
    }
}
