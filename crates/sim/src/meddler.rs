//! Accounts that meddle with accounts to be liquidated: strangers send dust, friends send a little money, owners trade a
//! lot with a friend. Feeds of assets and instruments with little trading fall silent.

use engine::state::State;
use engine::{AccountId, Envelope, FeedId, LocationId, Party, Status};
use model::AssetId;
use operator::Trade;
use units::{Price, Quantity};

use crate::world::{BTC_INVERSE, OIL, ONE, STETH, USDC, World};

/// The most ticks that a feed is silent: longer than its last price counts.
const SILENCE: i64 = 30;

/// The meddling commands of a round after a tick.
pub fn round(world: &mut World, state: &State, (tick, round): (u64, u64)) -> Vec<Envelope> {
    let mut made = Vec::new();
    if round == 0 && tick.is_multiple_of(8) {
        // Some account receives dust of a coin that may lose its price.
        let account = AccountId(u32::try_from(world.dice.place(state.accounts.len())).expect("ids are u32"));
        made.extend(dust(world, state, account, STETH));
    }
    if round == 0 && world.dice.chance(120) {
        silence(world, state);
    }
    let ill: Vec<AccountId> =
        accounts(state).filter(|id| state.accounts[id.place()].status <= Status::Liquidation).collect();
    if ill.is_empty() || world.dice.chance(400) {
        return made;
    }
    let account = world.dice.pick(&ill);
    match world.dice.below(4) {
        0 => {
            let asset = world.dice.pick(&[STETH, USDC, AssetId(0)]);
            made.extend(dust(world, state, account, asset));
        }
        1 | 2 => made.extend(gift(world, state, account)),
        _ => made.extend(sale(world, state, account)),
    }
    made
}

fn accounts(state: &State) -> impl Iterator<Item = AccountId> + use<> {
    (0..u32::try_from(state.accounts.len()).expect("ids are u32")).map(AccountId)
}

/// All sources of a feed with little trading fall silent.
fn silence(world: &mut World, state: &State) {
    let feed = world.dice.pick(&[
        FeedId::Asset(STETH),
        FeedId::Asset(STETH),
        FeedId::Premium(BTC_INVERSE),
        FeedId::Index(OIL),
    ]);
    let ticks = u32::try_from(world.dice.between(3, SILENCE)).expect("small");
    let sources = state.feeds.get(&feed).map(|known| known.rules.sources.clone()).unwrap_or_default();
    for source in sources {
        world.silent.insert((feed, source.source), ticks);
    }
}

/// The smallest amounts of an asset are deposited to an account, at one of its locations.
fn dust(world: &mut World, state: &State, account: AccountId, asset: AssetId) -> Vec<Envelope> {
    if asset.0 >= state.collateral.len() {
        return Vec::new();
    }
    let location = world.dice.pick(&[None, Some(LocationId(0))]);
    let amount = Quantity::from_raw(i128::from(world.dice.between(1, 9)));
    world.written(state, |batch| batch.deposit(account, asset, location, amount))
}

/// A friend sends money: next to nothing, or an amount that is large enough to be accepted.
fn gift(world: &mut World, state: &State, to: AccountId) -> Vec<Envelope> {
    let from = AccountId(u32::from(to.0 == 0));
    let amount = world.dice.pick(&[Quantity::from_raw(1), Quantity::from_raw(ONE + 1), Quantity::from_raw(40 * ONE)]);
    world.written(state, |batch| batch.transfer((from, to), AssetId(0), None, amount))
}

/// The owner trades one lot with a friend near the mark, to reduce the position.
fn sale(world: &World, state: &State, account: AccountId) -> Vec<Envelope> {
    let Some(held) = state.accounts[account.place()].positions.first() else { return Vec::new() };
    let tick = state.contracts[held.instrument.0].terms.tick.raw();
    let mark = state.market.mark(held.instrument).in_quote().raw().div_euclid(tick) * tick;
    let price = Price::from_raw(if held.lots > 0 { mark + tick } else { mark });
    let party = |account| Party { account, order: None, fee: Quantity::ZERO };
    let (own, friend) = (party(account), party(AccountId(u32::from(account.0 == 0))));
    let (buyer, seller) = if held.lots > 0 { (friend, own) } else { (own, friend) };
    let trade = Trade { instrument: held.instrument, price, lots: 1, buyer, seller };
    world.written(state, |batch| batch.fill(&trade))
}
