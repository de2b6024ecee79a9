//! Opens the engine of an existing journal, or begins a new one.

use std::path::Path;

use journal::{Identity, Journal, Store};
use model::Invalid;
use sequencer::{Genesis, Sequencer};
use units::Timestamp;

use crate::history::{self, broken, unopened};
use shell::failure::Failure;
use shell::input::Reader;
use shell::kind::Kind;

/// Opens the journal in `file` at its end. If there is none, it begins one if that was requested: with the document in
/// `genesis`, or else at the time given by `first`, with the parameters of the program.
pub fn sequencer(
    file: &Path,
    begin: bool,
    genesis: Option<&Path>,
    first: impl FnOnce() -> Result<Timestamp, Failure>,
) -> Result<Sequencer<Store>, Failure> {
    let given = genesis.map(read).transpose()?;
    let store = if std::fs::metadata(file).is_ok_and(|found| !found.is_file() || found.len() > 0) {
        let identity = history::open(file)?.identity().clone();
        if let (Some(given), Some(document)) = (&given, genesis)
            && *given != identity.genesis
        {
            let problem = format_args!("found another genesis than that of {}, expected the same", file.display());
            return Err(Failure::wrong(document.display(), problem));
        }
        Store::open(file, &identity).map_err(unopened)?
    } else {
        let genesis = match given {
            Some(given) => given,
            None if begin => Genesis::new(first()?).text(),
            None => {
                let problem = "found no journal, expected one, or --begin or --genesis FILE to begin it";
                return Err(Failure::wrong(file.display(), problem));
            }
        };
        Store::create(file, &Identity { shard: 0, genesis }).map_err(unopened)?
    };
    let (sequencer, _) = Sequencer::open(store).map_err(broken)?;
    Ok(sequencer)
}

/// The genesis in a document, or that of another journal. Only a regular file can be a journal: a pipe is read once.
fn read(file: &Path) -> Result<String, Failure> {
    let wrong = |invalid: Invalid| Failure::wrong(file.display(), invalid);
    let kind = if file.is_file() { Kind::of_file(file).ok().flatten() } else { None };
    if kind.is_some_and(|kind| kind.is_journal()) {
        return Ok(history::open(file)?.identity().genesis.clone());
    }
    let text = Reader::default().text(file)?;
    Ok(Genesis::parse(&text).map_err(wrong)?.text())
}
