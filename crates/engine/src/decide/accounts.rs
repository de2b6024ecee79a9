//! Opens accounts: each has a name of its own and one owner.

use crate::layers::l0;
use crate::{Desk, Event, Noun, Reject};

/// Opens an account. No other account may have its name.
pub fn open(desk: &Desk, name: &str, owner: u32) -> Result<Vec<Event>, Reject> {
    l0::name("name", name)?;
    if desk.is_named(name) {
        return Err(Reject::Exists { what: Noun::Account, name: name.to_owned() });
    }
    Ok(vec![Event::Opened { name: name.to_owned(), owner }])
}
