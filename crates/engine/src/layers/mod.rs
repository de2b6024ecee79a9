//! The checks, layer by layer. Each is a function of the state that accepts a command or names the reason to refuse it;
//! no check can be switched off for anybody.
//!
//! | layer | asks | module |
//! |---|---|---|
//! | 0 | is the command well formed, in order and authorised? | [`l0`] |
//! | 1 | is it within the static limits? | [`l1`] |
//! | 2 | would the account hold initial margin? | [`l2`] |
//! | 3 | does it hold initial margin after the command? | [`l3`] |
//! | 4 | does it still, after prices moved? | [`l4`], [`sight`] |
//! | 5 | may this money leave? | [`l5`] |
//! | 6 | can the system as a whole bear it? | [`l6`] |

pub mod l0;
pub mod l1;
pub mod l2;
pub mod l3;
pub mod l4;
pub mod l5;
pub mod l6;
pub mod sight;
