//! Names of commands, events and rejects, used as the keys of counts. The lists tell what a run could have reached.

use engine::{AccountId, Cause, Command, Event};

/// The name of every command.
pub const COMMANDS: &[&str] = &[
    "OpenAccount",
    "Deposit",
    "Withdraw",
    "Transfer",
    "ListLocation",
    "ListUnderlying",
    "ListAsset",
    "ListInstrument",
    "Place",
    "Amend",
    "Cancel",
    "Fill",
    "Report",
    "Surface",
    "Funding",
    "Interest",
    "Settle",
    "Expire",
    "LiquidationFill",
    "Liquidate",
    "Measure",
    "SetBackstop",
    "AuctionBid",
    "FundDeposit",
    "FundWithdraw",
    "Propose",
    "Activate",
    "Revoke",
    "SetMode",
    "Tick",
    "Watch",
    "Resume",
];

/// The name of every event.
pub const EVENTS: &[&str] = &[
    "Clock",
    "Opened",
    "LocationListed",
    "UnderlyingListed",
    "AssetListed",
    "InstrumentListed",
    "Moved",
    "Referenced",
    "FundReferenced",
    "Ordered",
    "OrderClosed",
    "Matched",
    "Positioned",
    "Reported",
    "Quoted",
    "Marked",
    "Surfaced",
    "Sampled",
    "Funded",
    "Accrued",
    "ModeSet",
    "Expired",
    "Judged",
    "Watched",
    "Flowed",
    "Proposed",
    "Activated",
    "CaseOpened",
    "Offered",
    "Auctioned",
    "CaseClosed",
    "Transferred",
    "Paced",
    "Calmed",
    "Measured",
    "Shared",
    "BackstopSet",
    "Revoked",
    "Retired",
];

/// The number and name of a reject, such as `400 NoPrice`; the number alone when the list does not have it.
pub fn reject(code: u16) -> String {
    let known = REJECTS.iter().find(|(known, _)| *known == code);
    known.map_or_else(|| code.to_string(), |(code, name)| format!("{code} {name}"))
}

/// Every reject, with its number.
pub const REJECTS: &[(u16, &str)] = &[
    (1, "NotAuthorised"),
    (2, "ClockBackwards"),
    (3, "Unknown"),
    (4, "Exists"),
    (5, "Repeated"),
    (6, "Malformed"),
    (7, "SelfTrade"),
    (8, "Invalid"),
    (9, "Report"),
    (10, "ClockAhead"),
    (100, "Mode"),
    (101, "Expiry"),
    (102, "PriceBand"),
    (103, "Limit"),
    (104, "NotReducing"),
    (105, "CollateralCap"),
    (200, "InitialMargin"),
    (201, "Restricted"),
    (202, "NotAssessable"),
    (203, "Worse"),
    (400, "NoPrice"),
    (401, "NotInLiquidation"),
    (402, "NoAuction"),
    (403, "NoOffer"),
    (404, "Curing"),
    (405, "Waiting"),
    (406, "Paced"),
    (500, "Balance"),
    (501, "Unsettled"),
    (502, "Withdrawal"),
    (600, "Outflow"),
    (601, "Concentration"),
    (602, "Fund"),
    (603, "Deficit"),
    (700, "TooSoon"),
    (701, "Step"),
    (702, "LimiterLocked"),
    (703, "UnderWay"),
    (900, "OutOfRange"),
];

/// Every status, worst first.
pub const STATUSES: &[&str] =
    &["bankrupt", "below maintenance margin", "near maintenance margin", "below initial margin", "healthy"];

/// The name of a command.
pub fn command(command: &Command) -> &'static str {
    match command {
        Command::OpenAccount { .. } => "OpenAccount",
        Command::Deposit { .. } => "Deposit",
        Command::Withdraw { .. } => "Withdraw",
        Command::Transfer { .. } => "Transfer",
        Command::ListLocation { .. } => "ListLocation",
        Command::ListUnderlying(..) => "ListUnderlying",
        Command::ListAsset(..) => "ListAsset",
        Command::ListInstrument(..) => "ListInstrument",
        Command::Place { .. } => "Place",
        Command::Amend { .. } => "Amend",
        Command::Cancel { .. } => "Cancel",
        Command::Fill { .. } => "Fill",
        Command::Report { .. } => "Report",
        Command::Surface { .. } => "Surface",
        Command::Funding { .. } => "Funding",
        Command::Interest => "Interest",
        Command::Settle { .. } => "Settle",
        Command::Expire { .. } => "Expire",
        Command::LiquidationFill { .. } => "LiquidationFill",
        Command::Liquidate { .. } => "Liquidate",
        Command::Measure => "Measure",
        Command::SetBackstop { .. } => "SetBackstop",
        Command::AuctionBid { .. } => "AuctionBid",
        Command::FundDeposit { .. } => "FundDeposit",
        Command::FundWithdraw { .. } => "FundWithdraw",
        Command::Propose { .. } => "Propose",
        Command::Activate { .. } => "Activate",
        Command::Revoke { .. } => "Revoke",
        Command::SetMode { .. } => "SetMode",
        Command::Tick => "Tick",
        Command::Watch => "Watch",
        Command::Resume => "Resume",
    }
}

/// The name of an event.
pub fn event(event: &Event) -> &'static str {
    match event {
        Event::Clock { .. } => "Clock",
        Event::Opened { .. } => "Opened",
        Event::LocationListed { .. } => "LocationListed",
        Event::UnderlyingListed(..) => "UnderlyingListed",
        Event::AssetListed(..) => "AssetListed",
        Event::InstrumentListed(..) => "InstrumentListed",
        Event::Moved { .. } => "Moved",
        Event::Referenced { .. } => "Referenced",
        Event::FundReferenced { .. } => "FundReferenced",
        Event::Ordered { .. } => "Ordered",
        Event::OrderClosed { .. } => "OrderClosed",
        Event::Matched { .. } => "Matched",
        Event::Positioned { .. } => "Positioned",
        Event::Reported { .. } => "Reported",
        Event::Quoted { .. } => "Quoted",
        Event::Marked { .. } => "Marked",
        Event::Surfaced { .. } => "Surfaced",
        Event::Sampled { .. } => "Sampled",
        Event::Funded { .. } => "Funded",
        Event::Accrued => "Accrued",
        Event::ModeSet { .. } => "ModeSet",
        Event::Expired { .. } => "Expired",
        Event::Judged { .. } => "Judged",
        Event::Watched { .. } => "Watched",
        Event::Flowed { .. } => "Flowed",
        Event::Proposed { .. } => "Proposed",
        Event::Activated { .. } => "Activated",
        Event::CaseOpened { .. } => "CaseOpened",
        Event::Offered { .. } => "Offered",
        Event::Auctioned { .. } => "Auctioned",
        Event::CaseClosed { .. } => "CaseClosed",
        Event::Transferred { .. } => "Transferred",
        Event::Paced { .. } => "Paced",
        Event::Calmed { .. } => "Calmed",
        Event::Measured { .. } => "Measured",
        Event::Shared { .. } => "Shared",
        Event::BackstopSet { .. } => "BackstopSet",
        Event::Revoked { .. } => "Revoked",
        Event::Retired { .. } => "Retired",
    }
}

/// The kinds of things that can happen in a liquidation.
pub const LIQUIDATIONS: &[&str] =
    &["begun", "offer", "fill", "crossing", "auction", "bid", "take-over", "deleveraging", "cover", "calmed", "ended"];

/// The kinds of things that a command did in a liquidation, read from its events; each kind at most once.
pub fn liquidation(command: &Command, events: &[Event]) -> Vec<&'static str> {
    let any = |is: fn(&Event) -> bool| events.iter().any(is);
    let given = any(|event| matches!(event, Event::Transferred { .. }));
    let paid = any(|event| matches!(event, Event::Moved { cause: Cause::Takeover, .. }));
    // A crossing ends with two events: the rest of both offers, that of the other account first.
    let crosses = |of: AccountId| match events {
        [.., Event::Offered { account: other, .. }, Event::Offered { account, .. }] => *account == of && *other != of,
        _ => false,
    };
    let step = match command {
        Command::LiquidationFill { .. } => Some("fill"),
        Command::AuctionBid { .. } => Some("bid"),
        Command::Liquidate { account } if given && crosses(*account) => Some("crossing"),
        Command::Liquidate { .. } if paid => Some("take-over"),
        Command::Liquidate { .. } if given => Some("deleveraging"),
        Command::Liquidate { .. } if any(|event| matches!(event, Event::Offered { offer: Some(_), .. })) => {
            Some("offer")
        }
        _ => None,
    };
    let seen = [
        (any(|event| matches!(event, Event::CaseOpened { .. })), "begun"),
        (any(|event| matches!(event, Event::CaseClosed { .. })), "ended"),
        (any(|event| matches!(event, Event::Auctioned { .. })), "auction"),
        (any(|event| matches!(event, Event::Moved { cause: Cause::Cover, .. })), "cover"),
        (any(|event| matches!(event, Event::Calmed { .. })), "calmed"),
    ];
    seen.into_iter().filter(|(seen, _)| *seen).map(|(_, what)| what).chain(step).collect()
}
