//! The genesis of an engine: written into the identity of its journal, so that a journal explains itself.

use engine::State;
use engine::state::Policy;
use margin::method::universal;
use model::{Invalid, read_json};
use serde::{Deserialize, Serialize};
use units::Timestamp;

/// The `format` of a genesis.
pub const GENESIS_FORMAT: &str = "upm.genesis/1";

/// The state that an engine begins with, as a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a genesis, an object with format, time, method and policy")]
pub struct Genesis {
    /// The name of the format: [`GENESIS_FORMAT`].
    pub format: String,
    /// The time at which the engine begins.
    pub time: Timestamp,
    /// The parameter file of the universal method, as text.
    pub method: String,
    /// The engine's own parameters.
    pub policy: Policy,
}

impl Genesis {
    /// A genesis with the parameters that come with the program.
    pub fn new(time: Timestamp) -> Self {
        let format = GENESIS_FORMAT.to_owned();
        Self { format, time, method: universal::PARAMS.to_owned(), policy: Policy::default() }
    }

    /// Reads the text that [`Self::text`] wrote. Refuses parameters with which no engine makes sense.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let genesis: Self = read_json(text)?;
        if genesis.format != GENESIS_FORMAT {
            return Err(Invalid::new("format", &genesis.format, GENESIS_FORMAT));
        }
        universal::parse(&genesis.method).map_err(|invalid| within("method", &invalid))?;
        genesis.policy.check().map_err(|invalid| within("policy", &invalid))?;
        Ok(genesis)
    }

    /// The genesis as text, for the identity of a journal.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a genesis of text and numbers is JSON")
    }

    /// The state that the engine begins with.
    pub fn state(self) -> State {
        State::new(self.time, self.method, self.policy)
    }
}

/// Puts the name of the part before the path of every problem in it.
fn within(part: &str, invalid: &Invalid) -> Invalid {
    let every = invalid.to_string().replace('\n', &format!("\n{part}."));
    let (path, problem) = every.split_once(": ").unwrap_or((".", every.as_str()));
    Invalid { path: format!("{part}.{path}"), problem: problem.to_owned() }
}
