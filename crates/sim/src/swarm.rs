//! The options that a seed draws before its run begins: the weights of actions, the faults, and the corners that are
//! sought.

use dice::Dice;
use serde::Serialize;

/// An action of a user, an operator or the engine itself between two ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "each is the command or the group of commands it makes")]
pub enum Action {
    Deposit,
    Withdraw,
    Transfer,
    Place,
    Amend,
    Cancel,
    Fill,
    FillOrder,
    Liquidate,
    Funding,
    Interest,
    Settle,
    Expire,
    Fund,
    Govern,
    Mode,
    Open,
    List,
    Bid,
    Nonsense,
}

const ACTIONS: &[(Action, u32)] = &[
    (Action::Deposit, 4),
    (Action::Withdraw, 5),
    (Action::Transfer, 2),
    (Action::Place, 14),
    (Action::Amend, 3),
    (Action::Cancel, 3),
    (Action::Fill, 24),
    (Action::FillOrder, 8),
    (Action::Liquidate, 8),
    (Action::Funding, 2),
    (Action::Interest, 1),
    (Action::Settle, 1),
    (Action::Expire, 2),
    (Action::Fund, 1),
    (Action::Govern, 4),
    (Action::Mode, 1),
    (Action::Open, 1),
    (Action::List, 1),
    (Action::Bid, 1),
    (Action::Nonsense, 3),
];

/// A state that chance alone would hardly reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Corner {
    /// Amounts and lots of the smallest size.
    Dust,
    /// All accounts but the market makers buy.
    OneSide,
    /// One account takes all open interest of an instrument.
    WholeInterest,
    /// Parameters change all the time, and most of all in a crash.
    Parameters,
    /// The market crashes into an expiry.
    CrashAtExpiry,
    /// The price of oil falls to zero and below.
    NegativeOil,
    /// The stablecoin and the staked coin lose their pegs.
    Depeg,
    /// Accounts are leveraged to the limit, and prices jump.
    Brink,
    /// A market without a valid price as soon as one source is silent for a moment.
    Thin,
    /// Funds that cannot pay much.
    PoorFunds,
    /// The markets in which an account in liquidation would trade are halted.
    Halts,
    /// Accounts with opposite positions lose on another instrument and are liquidated at the same time.
    Crossing,
    /// Hedged portfolios fall below maintenance; no trade makes them healthier.
    Auctions,
    /// Other accounts put dust, assets without a price and a little money into accounts that are liquidated.
    Meddlers,
}

const CORNERS: &[Corner] = &[
    Corner::Dust,
    Corner::OneSide,
    Corner::WholeInterest,
    Corner::Parameters,
    Corner::CrashAtExpiry,
    Corner::NegativeOil,
    Corner::Depeg,
    Corner::Brink,
    Corner::Thin,
    Corner::PoorFunds,
    Corner::Halts,
    Corner::Crossing,
    Corner::Auctions,
];

/// The seed of the dice that draw the meddlers is the run's seed combined with this number.
const MEDDLING: u64 = 0x6d65_6464_6c65;

/// The behaviour of accounts that may bid for portfolios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Bidders {
    /// They ask for the premium that the clock of the auction pays.
    Good,
    /// They ask for more than the clock pays.
    Greedy,
    /// They leave before they bid.
    Vanishing,
}

/// The rates of failures of feeds and of the transport, in cases of a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FaultRates {
    /// A source falls silent for several ticks.
    pub silent: u64,
    /// A report is far off.
    pub outlier: u64,
    /// A report has its point in the wrong place.
    pub shifted: u64,
    /// A source reports a price at its bound.
    pub clamped: u64,
    /// A report is old, or from the future.
    pub mistimed: u64,
    /// A command is delivered twice.
    pub duplicate: u64,
    /// Commands are swapped, or carry an earlier time.
    pub reorder: u64,
    /// The clock jumps.
    pub clock: u64,
    /// The power fails while a batch is written.
    pub crash: u64,
}

/// The options that a seed has drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Swarm {
    /// The seed that all of this was drawn from.
    pub seed: u64,
    /// The number of accounts at the start; the first two make the market.
    pub accounts: u32,
    /// The number of accounts of one person.
    pub linked: u32,
    /// The most commands between two ticks.
    pub busy: u64,
    /// The most seconds from one tick to the next.
    pub step: i64,
    /// The largest move of an index in a tick, in hundredths of a per cent.
    pub swing: i64,
    /// The collar of a feed, in per cent.
    pub collar: i128,
    /// The weight of each action.
    pub weights: Vec<(Action, u32)>,
    /// The corners that are sought.
    pub corners: Vec<Corner>,
    /// The chance of each fault.
    pub faults: FaultRates,
    /// The number of accounts that take over portfolios.
    pub backstops: u32,
    /// The behaviour of these accounts in auctions.
    pub bidders: Bidders,
}

impl Swarm {
    /// Draws the options of a seed.
    pub fn draw(seed: u64, dice: &mut Dice) -> Self {
        let weights = ACTIONS
            .iter()
            .map(|(action, weight)| {
                let factor = u32::try_from(dice.pick(&[0_u64, 1, 1, 2, 4])).expect("small");
                (*action, if *action == Action::Fill { weight * factor.max(1) } else { weight * factor })
            })
            .collect();
        let likely = |corner: &Corner| match corner {
            Corner::Brink => 650,
            Corner::Crossing | Corner::Auctions => 330,
            _ => 280,
        };
        let mut corners: Vec<Corner> = CORNERS.iter().copied().filter(|corner| dice.chance(likely(corner))).collect();
        // A price that a narrow collar holds back does not move far enough to liquidate an account.
        let moves = corners.contains(&Corner::Crossing) || corners.contains(&Corner::Auctions);
        let quiet = dice.chance(200);
        // Drawn by dice of its own, so that the other options of a seed do not depend on it.
        if Dice::new(seed ^ MEDDLING).chance(400) {
            corners.push(Corner::Meddlers);
        }
        let mut rate = |most: u64| if quiet || dice.chance(400) { 0 } else { dice.below(most + 1) };
        let faults = FaultRates {
            silent: rate(15),
            outlier: rate(30),
            shifted: rate(20),
            clamped: rate(30),
            mistimed: rate(40),
            duplicate: rate(60),
            reorder: rate(40),
            clock: rate(20),
            crash: rate(30),
        };
        Self {
            seed,
            accounts: u32::try_from(dice.between(4, 14)).expect("small"),
            linked: u32::try_from(dice.between(1, 3)).expect("small"),
            busy: dice.below(30) + 6,
            step: dice.pick(&[5, 20, 60, 90]),
            swing: dice.pick(&[5, 20, 60, 150]),
            collar: dice.pick(&[5, 15, 40, 100, 100]).max(if moves { 15 } else { 0 }),
            weights,
            corners,
            faults,
            backstops: u32::try_from(dice.below(3)).expect("small"),
            bidders: dice.pick(&[Bidders::Good, Bidders::Greedy, Bidders::Vanishing]),
        }
    }

    /// Whether a corner is sought.
    pub fn seeks(&self, corner: Corner) -> bool {
        self.corners.contains(&corner)
    }
}
