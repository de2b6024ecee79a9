//! Breaks, on purpose, the rules that prevent other accounts from delaying a liquidation.

use engine::state::State;
use engine::{AccountId, Command, Engine, Envelope, Event, FeedId, Reject};
use marks::Validity;

use super::{Canary, doctored};

/// Whether a canary breaks one of them.
pub fn breaks(canary: Canary) -> bool {
    matches!(canary, Canary::DustBlinds | Canary::OfferFalls | Canary::NoCase | Canary::DustSent)
}

/// The answer of a canary.
pub fn decide(
    canary: Canary,
    engine: &Engine,
    envelope: &Envelope,
    answer: Result<Vec<Event>, Reject>,
) -> Result<Vec<Event>, Reject> {
    let state = engine.state();
    match (canary, &envelope.command, answer) {
        (Canary::DustBlinds, Command::Liquidate { account }, Ok(events)) => {
            unpriced(state, *account).map_or(Ok(events), Err)
        }
        (Canary::DustBlinds, Command::Watch, Ok(mut events)) => {
            let blind = |account: &AccountId| unpriced(state, *account).is_some();
            events.retain(|event| !matches!(event, Event::CaseOpened { account, .. } | Event::Judged { account, .. } if blind(account)));
            Ok(events)
        }
        (Canary::OfferFalls, command, Ok(mut events)) => {
            let changed: &[AccountId] = match command {
                Command::Deposit { account, .. } | Command::Transfer { to: account, .. } => &[*account],
                Command::Fill { buyer, seller, .. } => &[buyer.account, seller.account],
                _ => &[],
            };
            let offered =
                |account: &&AccountId| state.liquidations.cases.get(account).is_some_and(|case| case.offer.is_some());
            events.retain(|event| !matches!(event, Event::Offered { .. } if !changed.is_empty()));
            events.extend(
                changed.iter().filter(offered).map(|account| Event::Offered { account: *account, offer: None }),
            );
            Ok(events)
        }
        (Canary::NoCase, Command::Watch, Ok(mut events)) => {
            events.retain(|event| !matches!(event, Event::CaseOpened { .. }));
            Ok(events)
        }
        (Canary::DustSent, Command::Transfer { .. }, Err(Reject::Malformed { field, .. })) if field == "amount" => {
            doctored(engine, envelope, |state| {
                state.method.text =
                    state.method.text.replacen("least_credit = { value = \"1\"", "least_credit = { value = \"0\"", 1);
            })
        }
        (_, _, answer) => answer,
    }
}

/// The reject for an asset of the account that has no valid price; none when all have one.
fn unpriced(state: &State, account: AccountId) -> Option<Reject> {
    let assets = state.accounts[account.place()].balances.iter().map(|held| held.asset);
    let mut feeds = assets.flat_map(|asset| {
        let index = state.market.assets[asset.0].follows.map(FeedId::Index);
        index.into_iter().chain([FeedId::Asset(asset)]).filter(|feed| state.feeds.contains_key(feed))
    });
    let feed = feeds.find(|feed| state.validity(*feed) != Validity::Valid)?;
    Some(Reject::NoPrice { feed, validity: "invalid".to_owned(), why: "on purpose".to_owned() })
}
