//! What a seed draws before it begins: how often each thing is done, which faults strike, which corners are sought.

use serde::Serialize;

use crate::dice::Dice;

/// What a user, an operator or the engine itself may do between two ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
pub enum Corner {
    /// Amounts and lots of the smallest size.
    Dust,
    /// Everyone but the makers buys.
    OneSide,
    /// One account takes all there is of an instrument.
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
    /// A market that a moment's silence of one source makes unpriceable.
    Thin,
    /// Funds that cannot pay much.
    PoorFunds,
    /// What an account in liquidation would trade is halted.
    Halts,
    /// Opposite positions lose on something else, and are liquidated at the same time.
    Crossing,
    /// Hedged portfolios, which no trade makes healthier, fall below maintenance.
    Auctions,
    /// Others put dust, things without a price and a little money into accounts that are liquidated.
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

/// What the dice of those who meddle begin with.
const MEDDLING: u64 = 0x6d65_6464_6c65;

/// What those do who may bid for portfolios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Bidders {
    /// They ask for what the clock pays.
    Good,
    /// They ask for more.
    Greedy,
    /// They do not come.
    Vanishing,
}

/// How often feeds and the transport fail, in so many of a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultRates {
    /// A source falls silent for a while.
    pub silent: u64,
    /// A report is far off.
    pub outlier: u64,
    /// A report has its point in the wrong place.
    pub shifted: u64,
    /// A source stands at its bound.
    pub clamped: u64,
    /// A report is old, or from the future.
    pub mistimed: u64,
    /// A command is delivered twice.
    pub duplicate: u64,
    /// Commands change places, or carry an earlier time.
    pub reorder: u64,
    /// The clock jumps.
    pub clock: u64,
    /// The power goes while a batch is written.
    pub crash: u64,
}

/// What a seed has drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swarm {
    /// The seed that all of this was drawn from.
    pub seed: u64,
    /// Accounts at the start; the first two make the market.
    pub accounts: u32,
    /// Accounts of one person.
    pub linked: u32,
    /// Commands between two ticks, at most.
    pub busy: u64,
    /// Seconds from tick to tick, at most.
    pub step: i64,
    /// The largest move of an index in a tick, in hundredths of a per cent.
    pub swing: i64,
    /// The collar of a feed, in per cent.
    pub collar: i128,
    /// How often each action is taken.
    pub weights: Vec<(Action, u32)>,
    /// Which corners are sought.
    pub corners: Vec<Corner>,
    /// The chance of each fault.
    pub faults: FaultRates,
    /// How many accounts take over portfolios.
    pub backstops: u32,
    /// What they do in auctions.
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
        // A price that a narrow collar holds back liquidates nobody.
        let moves = corners.contains(&Corner::Crossing) || corners.contains(&Corner::Auctions);
        let quiet = dice.chance(200);
        // Drawn by dice of its own, so that what a seed draws besides does not depend on it.
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
