//! The published option crates that are fastest per price: `crates NAME FOLDER ANSWER` (the conversation is that of
//! `peer.h`).
//!
//! Fair because each is called by its shortest documented way to a price in double precision, unchecked where it offers
//! that, in an optimised build for exactly this machine; what is timed beyond the calls is two or three products a price.

use std::io::{BufRead, Write};
use std::path::Path;
use std::{env, fs, io};

use implied_vol::{DefaultSpecialFn, PriceBlackScholes};
use rustix::time::{ClockId, clock_gettime};

const STRIKES: usize = 20;
const SCENARIOS: usize = 99;

struct Option {
    call: bool,
    forward: f64,
    strike: f64,
    vol: f64,
    years: f64,
    discount: f64,
}

fn black_76(option: &Option, forward: f64, vol: f64) -> f64 {
    // At rate 0 the crate spends one exponential less; discounting is a product.
    option.discount * black_76::price(forward, option.strike, option.years, vol, 0.0, option.call)
}

fn blackscholes(option: &Option, forward: f64, vol: f64) -> f64 {
    let sign = if option.call { 1.0 } else { -1.0 };
    option.discount * blackscholes::lets_be_rational::black(forward, option.strike, vol, option.years, sign)
}

fn implied_vol(option: &Option, forward: f64, vol: f64) -> f64 {
    let inputs = PriceBlackScholes::builder()
        .forward(forward)
        .strike(option.strike)
        .volatility(vol)
        .expiry(option.years)
        .is_call(option.call)
        .build_unchecked();
    option.discount * inputs.calculate::<DefaultSpecialFn>()
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, folder, answer] = arguments.as_slice() else { panic!("usage: crates NAME FOLDER ANSWER") };
    match name.as_str() {
        "black-76" => serve(Path::new(folder), Path::new(answer), black_76),
        "blackscholes" => serve(Path::new(folder), Path::new(answer), blackscholes),
        "implied-vol" => serve(Path::new(folder), Path::new(answer), implied_vol),
        other => panic!("{other}: no such peer"),
    }
}

/// One copy of the loop per crate, so that its price can be inlined.
fn serve(folder: &Path, answer: &Path, price: impl Fn(&Option, f64, f64) -> f64) -> io::Result<()> {
    let input = |name: &str| -> io::Result<Vec<f64>> {
        let bytes = fs::read(folder.join(name).with_extension("f64"))?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|value| f64::from_le_bytes(*value)).collect())
    };
    let (forward, years, discount) = (input("forward")?, input("years")?, input("discount")?);
    let (sign, strike, vol) = (input("sign")?, input("strike")?, input("vol")?);
    let (price_factor, vol_factor) = (input("price_factor")?, input("vol_factor")?);
    let mut prices = vec![0.0; strike.len() * SCENARIOS];
    let work = |prices: &mut [f64]| {
        for (i, row) in prices.chunks_exact_mut(SCENARIOS).enumerate() {
            let e = i / STRIKES;
            let option = Option {
                call: sign[i] > 0.0,
                forward: forward[e],
                strike: strike[i],
                vol: vol[i],
                years: years[e],
                discount: discount[e],
            };
            for (out, (price_factor, vol_factor)) in row.iter_mut().zip(price_factor.iter().zip(&vol_factor)) {
                *out = price(&option, option.forward * price_factor, option.vol * vol_factor);
            }
        }
        std::hint::black_box(prices);
    };
    work(&mut prices);
    let cpu_ns = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
    };
    let mut lines = io::stdin().lock().lines();
    let mut out = io::stdout().lock();
    let bytes: Vec<u8> = prices.iter().flat_map(|price| price.to_le_bytes()).collect();
    fs::write(answer, bytes)?;
    writeln!(out, "ready")?;
    out.flush()?;
    while let Some(line) = lines.next().transpose()? {
        let milliseconds: f64 = line.trim().parse().expect("the driver writes a number");
        let (start, mut runs, mut spent) = (cpu_ns(), 0.0, 0.0);
        while spent < milliseconds * 1e6 {
            work(&mut prices);
            runs += 1.0;
            spent = cpu_ns() - start;
        }
        writeln!(out, "{}", spent / runs)?;
        out.flush()?;
    }
    Ok(())
}
