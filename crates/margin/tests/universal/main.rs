//! The proof of the universal method: its rules and properties, each test citing the ID it proves.
//!
//! | module | subject |
//! |---|---|
//! | `generate` | markets and accounts that reach corner states on purpose |
//! | `slow` | the second assessor of `audit`, written from the methodology alone, that must agree |
//! | `properties` | P-1 to P-11 and the identities of an assessment |
//! | `baskets` | P-12: an index and its parts |
//! | `cases` | hand-computed accounts, one file one sentence |
//! | `currency` | the currencies in which prices are written and paid: pegs, depegs, coins |
//! | `near` | an account with a few positions changed, judged by the changes |
//! | `refusals` | parameters, scenario documents and numbers that must be refused |

mod baskets;
mod cases;
mod currency;
mod generate;
mod near;
mod properties;
mod refusals;
mod slow;
