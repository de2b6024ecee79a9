//! A time line for people: a table that reads as a story.

use engine::explain::{Figures, What};
use engine::state::State;
use journal::Hash;
use shell::printer::{Tone, clean, toned};
use shell::table::{Side, Table, paragraph};
use units::{Money, Overflow};

use super::bill::{Bill, BillLine, Item};
use super::chronicle::Case;
use super::timeline::{Entry, Taken, Timeline, Waited};
use super::{Moment, words};
use crate::amount::{Unit, exact};
use crate::naming;

/// The columns before the words of an entry.
const LEAD: usize = 26;

/// The page of a case.
pub fn page(journal: &str, case: &Case, timeline: &Timeline, state_hash: Hash) -> Result<String, Overflow> {
    let state = timeline.engine.state();
    let name = naming::account(state, case.account);
    let head = format!("case {} · {name}", exact(case.number));
    let verdict = match &case.closed {
        Some(_) => toned(Tone::Green, "closed"),
        None => toned(Tone::Yellow, "open"),
    };
    let mut text = format!("{} · {verdict}\n\n", toned(Tone::Bold, &head));
    text += &facts(journal, case, timeline, state_hash);
    text += &title("What happened");
    for entry in &timeline.entries {
        text += &match entry {
            Entry::Step(taken) => step(state, taken),
            Entry::Wait(waited) => wait(state, waited),
        };
    }
    text += &title("What it cost, and who paid");
    Ok(text + &bill(&case.bill, state)?)
}

fn title(words: &str) -> String {
    format!("\n{}\n", toned(Tone::Bold, words))
}

fn facts(journal: &str, case: &Case, timeline: &Timeline, state_hash: Hash) -> String {
    let state = timeline.engine.state();
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 18, words);
    let account = &state.accounts[case.account.place()];
    let mut text = line("journal", journal) + &line("owner", &account.owner.to_string());
    text += &line("below since", &moment(case.below));
    text += &line("begun", &moment(case.opened));
    text += &match &case.closed {
        Some((at, _)) => line("ended", &moment(*at)),
        None => line("ended", "not yet: the journal ends before it"),
    };
    if let Some(why) = why(state, case) {
        text += &line("why", &why);
    }
    let steps = timeline.entries.iter().filter(|entry| matches!(entry, Entry::Step(_))).count();
    let verdict = if timeline.is_same() {
        toned(Tone::Green, &format!("each of {} records decided again: the same to the last digit", exact(steps)))
    } else {
        toned(Tone::Red, "some steps are decided otherwise by this program: see below")
    };
    text += &["  recomputed      ", &verdict, "\n"].concat();
    text + &line("state then", &state_hash.to_string())
}

/// The moves of prices between the last judgement above maintenance and the beginning of the case.
pub fn why(state: &State, case: &Case) -> Option<String> {
    let began = case.began.as_ref()?;
    let now = words::standing(began);
    let Some(better) = &case.better else {
        return Some(format!("{now}; it had always been healthy before"));
    };
    let moved = case.markets.iter().filter_map(|underlying| {
        let (before, after) = (better.indices.get(underlying.0)?, case.indices.get(underlying.0)?);
        let share = (after.usd().to_f64() / before.usd().to_f64() - 1.0) * 100.0;
        let name = &state.market.underlyings[underlying.0].name;
        let share = if share.is_finite() { format!(" ({share:+.2} %)") } else { String::new() };
        Some(format!("{name} went from {} to {}{share}", exact(*before), exact(*after)))
    });
    let moved: Vec<String> = moved.collect();
    let since = format!("since {}, when it was {}", moment(better.at), words::standing(&better.figures));
    let moved = if moved.is_empty() { String::new() } else { format!(", {}", moved.join(", ")) };
    Some(format!("{now}; {since}{moved}"))
}

fn step(state: &State, taken: &Taken) -> String {
    let mut text = paragraph(&lead(taken.at), LEAD, &words::step(state, taken).join(" "));
    let indices: Vec<String> = taken
        .indices
        .iter()
        .map(|(underlying, price)| format!("{} {}", state.market.underlyings[underlying.0].name, exact(*price)))
        .collect();
    let mut facts = Vec::new();
    if let Some(after) = taken.after.as_ref().filter(|_| taken.step.what != What::Judged) {
        facts.push(format!("then {}", words::standing(after)));
    }
    if !indices.is_empty() {
        facts.push(format!("index {}", indices.join(", ")));
    }
    text += &paragraph("", LEAD, &facts.join(" · "));
    if !taken.same {
        let found = |figures: &Option<Figures>| figures.as_ref().map_or("nothing".to_owned(), words::amounts);
        let (recorded, again) = (found(&taken.step.judged), found(&taken.recomputed));
        let words = format!("this program decides otherwise: recorded {recorded}, recomputed {again}");
        text += &[&" ".repeat(LEAD), &toned(Tone::Red, &words), "\n"].concat();
    }
    text
}

fn wait(state: &State, waited: &Waited) -> String {
    let took = naming::age(waited.until.time.micros().saturating_sub(waited.from.time.micros()));
    paragraph(&format!("      … {took}"), LEAD, &words::wait(state, waited))
}

/// The time of day and the record number.
fn lead(at: Moment) -> String {
    let time = at.time.to_string();
    let clock = time.get(11..19).unwrap_or(&time);
    format!("  {clock}  {:>12}", at.sequence.map(exact).unwrap_or_default())
}

/// A moment in words: "2026-11-22T02:52:35Z, record 394".
pub fn moment(at: Moment) -> String {
    match at.sequence {
        Some(sequence) => format!("{}, record {}", at.time, exact(sequence)),
        None => format!("{}, in a record that is not kept", at.time),
    }
}

/// A table of all payments: by the account, and for it.
pub fn bill(bill: &Bill, state: &State) -> Result<String, Overflow> {
    let lines = bill.lines(state);
    if lines.is_empty() {
        return Ok("  nothing\n".to_owned());
    }
    let largest = lines.iter().map(|line| line.usd.raw().saturating_abs()).max().unwrap_or_default();
    let unit = Unit::fitting(Money::from_raw(largest));
    let mut table = Table::new(&[("", Side::Left), ("by or to", Side::Left), (unit.name, Side::Right)]);
    for is_cost in [true, false] {
        let of: Vec<&BillLine> = lines.iter().filter(|line| line.what.is_cost() == is_cost).collect();
        if of.is_empty() {
            continue;
        }
        let total = bill.total(is_cost)?;
        let total = if is_cost { unit.needed(total) } else { unit.owned(total) };
        let amounts: Vec<Money> = of.iter().map(|line| line.usd).collect();
        for (line, shown) in of.iter().zip(unit.parts(&amounts, total)) {
            table.row([item(line.what).to_owned(), clean(line.who.as_deref().unwrap_or_default()), shown.to_string()]);
        }
        let title = if is_cost { "paid by the account" } else { "paid for the account" };
        table.total([title.to_owned(), String::new(), total.to_string()]);
    }
    Ok(table.text())
}

/// The purpose of a payment in words.
pub fn item(item: Item) -> &'static str {
    match item {
        Item::Market => "trades worse than the mark",
        Item::Fee => "liquidation fee",
        Item::Premium => "premium of an auction",
        Item::Equity => "equity taken over by a backstop",
        Item::Fund => "loss paid by a fund",
        Item::Backstop => "loss paid by a backstop",
        Item::Bidder => "price of a bid",
        Item::Winner => "loss paid by a winner",
    }
}
