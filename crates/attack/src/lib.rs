//! The adversary of the margin methods: it looks for books that lose more than their margin, and measures how often books
//! of every day do.
//!
//! | module | question |
//! |---|---|
//! | [`product`] | what is taken of the margin crate: the defender, and every method as a judge |
//! | [`day`], [`revalue`] | what is an adverse day, and what does a contract earn on it? |
//! | [`kind`], [`history`] | which days are tried? |
//! | [`legs`], [`field`] | what can a book be made of, and what does each leg cost in margin? |
//! | [`programme`], [`climb`] | which book loses most for its margin? |
//! | [`hunt`] | which is the worst book of each kind of days in one market? |
//! | [`books`], [`shelf`] | which books do people hold, and which contracts are they made of today? |
//! | [`interval`] | what did a book earn from one recorded snapshot to the next? |
//! | [`moves`] | how far did surfaces turn and forwards leave the index? |
//! | [`coverage`] | how often did reference books lose more than their margin? |
//! | [`walk`] | how often did the programme's own books, chosen in advance? |
//!
//! The attacker shares no valuation with the defender: days are played with the auditor's Black-76. Only the scan range,
//! the profits in the method's own scenarios and the lines of its charges are asked of the method, to aim with; the ratio
//! that counts is the loss over the margin that the product itself asks.
//!
//! This crate reads no file and no clock. A result is a function of the markets, the parameters and the seed, on any
//! number of threads.

pub mod books;
pub mod climb;
pub mod coverage;
pub mod day;
pub mod field;
pub mod history;
pub mod hunt;
pub mod interval;
pub mod kind;
pub mod legs;
pub mod moves;
pub mod product;
pub mod programme;
pub mod revalue;
pub mod shelf;
pub mod snapshots;
pub mod walk;
