//! Notes for the reader of the report: where answers disagree, and how currencies were classified.

use model::MarketDocument;

use super::listing::Moment;
use super::pairs::Currencies;
use super::records::{Instrument, Records};

/// The text of a note, and the test whether it applies to an instrument.
type Kind<'a> = (&'a str, &'a dyn Fn(&Instrument<'_>) -> bool);

/// Notes on answers that disagree or lack something.
pub fn of_records(records: &Records<'_>, moment: Moment) -> Vec<String> {
    let kinds: [Kind<'_>; 3] = [
        ("two different marks of one moment, the larger holds", &|one| moment.is_disputed(&one.quotes)),
        ("two listings that differ, a closed one and larger numbers hold", &|one| one.redefined),
        ("changes without a snapshot before them, not used", &|one| one.orphans > 0),
    ];
    let mut notes = Vec::new();
    for (words, applies) in kinds {
        let mut found = records.instruments.iter().filter(|(_, one)| applies(one)).map(|(name, _)| name);
        if let Some(first) = found.next() {
            let more = found.count();
            let others = if more > 0 { format!(" and {more} more") } else { String::new() };
            notes.push(format!("{first}{others}: {words}"));
        }
    }
    notes
}

/// Notes on the classification of assets and coins where no answer gives it.
pub fn of_assets(document: &MarketDocument, currencies: &Currencies<'_>) -> Vec<String> {
    let followers = document.assets.iter().filter_map(|asset| {
        Some(format!("{} is taken for wrapped {}: it follows it", asset.asset, asset.follows.as_ref()?))
    });
    let coins = currencies.only_spot.iter();
    followers.chain(coins.map(|coin| format!("{coin} has only spot: a coin with risk of its own"))).collect()
}
