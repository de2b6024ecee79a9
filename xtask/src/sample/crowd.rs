//! `cargo xtask crowd ACCOUNTS POSITIONS DIRECTORY`: a market of some 5,000 instruments and any number of accounts, to
//! measure `upm margin`. Every run writes the same bytes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use model::{AccountDocument, BalanceDocument, InstrumentDocument, KindDocument, PORTFOLIO_FORMAT, PositionDocument};

use super::random::Pcg;
use super::{exact, market};

/// The number of times that strikes are closer than in the sample.
const FINER: i32 = 10;
const SEED: u64 = 20_261_120;

/// Writes `market.json` and `portfolio.json` into a directory.
pub fn command(accounts: &str, positions: &str, directory: &str) -> ExitCode {
    let (Ok(accounts), Ok(positions)) = (accounts.parse(), positions.parse()) else {
        eprintln!("found {accounts} accounts of {positions} positions, expected two whole numbers");
        return ExitCode::from(2);
    };
    match write(accounts, positions, Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{directory}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(accounts: usize, positions: usize, directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let market = market::document_with(FINER);
    std::fs::write(directory.join("market.json"), serde_json::to_string(&market)?)?;
    let listed: Vec<&InstrumentDocument> =
        market.instruments.iter().filter(|listing| listing.kind != KindDocument::Spot).collect();
    let mut random = Pcg::new(SEED);
    let mut file = BufWriter::new(File::create(directory.join("portfolio.json"))?);
    write!(file, "{{\"format\": \"{PORTFOLIO_FORMAT}\", \"accounts\": [")?;
    for index in 0..accounts {
        let account = account(index, positions.min(listed.len()), &listed, &mut random);
        let comma = if index == 0 { "" } else { "," };
        write!(file, "{comma}\n{}", serde_json::to_string(&account)?)?;
    }
    writeln!(file, "\n]}}")?;
    file.flush()?;
    println!("{} instruments, {accounts} accounts of {positions} positions", market.instruments.len());
    Ok(())
}

/// An account that holds dollars, coins and `positions` instruments, long and short.
fn account(index: usize, positions: usize, listed: &[&InstrumentDocument], random: &mut Pcg) -> AccountDocument {
    let mut held = BTreeSet::new();
    while held.len() < positions {
        held.insert(place(listed.len(), random));
    }
    let position = |place: usize| {
        let sign = if random.uniform() < 0.5 { "-" } else { "" };
        let contracts = format!("{sign}{:.1}", 0.1 + 10.0 * random.uniform());
        let (instrument, quantity) = (listed[place].instrument.clone(), Some(exact(&contracts)));
        PositionDocument { instrument, quantity, amount: None, entry: None }
    };
    let positions = held.into_iter().map(position).collect();
    let balance = |asset: &str, amount: f64| BalanceDocument {
        asset: asset.into(),
        amount: exact(&format!("{amount:.2}")),
        location: None,
    };
    let balances = vec![
        balance("USDC", 1_000_000.0 * random.uniform()),
        balance("BTC", 10.0 * random.uniform()),
        balance("ETH", 100.0 * random.uniform()),
    ];
    AccountDocument { account: format!("account {index}"), balances, positions, orders: Vec::new() }
}

/// A number below `count`, each with the same chance.
fn place(count: usize, random: &mut Pcg) -> usize {
    let drawn = random.uniform() * f64::from(u32::try_from(count).expect("some thousand instruments"));
    let text = format!("{:.0}", drawn.floor());
    text.parse().expect("a whole number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Market, Portfolio};

    #[test]
    fn a_crowd_is_a_valid_portfolio() {
        let directory = std::env::temp_dir().join(format!("upm-crowd-{}", std::process::id()));
        write(7, 20, &directory).unwrap();
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
        let market = Market::parse(&read("market.json")).unwrap();
        let portfolio = Portfolio::parse(&read("portfolio.json"), &market).unwrap();
        assert!(market.instruments.len() > 4_900, "{} instruments", market.instruments.len());
        assert_eq!(portfolio.accounts.len(), 7);
        assert!(portfolio.accounts.iter().all(|account| account.positions.len() == 20));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
