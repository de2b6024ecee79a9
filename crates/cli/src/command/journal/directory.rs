//! The directory into which an extract is written: all of it, or nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;
use shell::draft::Destination;
use shell::failure::Failure;

/// The paths of the documents.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Files {
    pub market: String,
    pub portfolio: String,
    pub parameters: String,
    /// The parameters that are being replaced.
    pub parameters_before: Option<String>,
}

/// The documents as text, before they are written.
pub struct Texts {
    pub market: String,
    pub portfolio: String,
    pub parameters: String,
    pub parameters_before: Option<String>,
}

/// Refuses a path with a file, or with a directory that is not empty.
pub fn vacant(directory: &Path) -> Result<(), Failure> {
    let refused = |found: &str| {
        let problem = format_args!("found {found}, expected a directory that is empty or not there");
        Err(Failure::wrong(directory.display(), problem))
    };
    match std::fs::read_dir(directory).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => refused("a directory that holds something"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(_) => refused("a file"),
    }
}

/// Writes all documents under a temporary name and renames the directory at once: all of it, or nothing.
pub fn written(directory: &Path, texts: &Texts) -> Result<Files, Failure> {
    let failed = |error: std::io::Error| Failure::Broken(format!("{}: {error}", directory.display()));
    let mut beside = directory.as_os_str().to_owned();
    beside.push(".partial");
    let beside = PathBuf::from(beside);
    if let Some(parent) = directory.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    if beside.exists() {
        let problem = "found what an extract left that was interrupted, expected it to be removed";
        return Err(Failure::wrong(beside.display(), problem));
    }
    let suffix = |text: &str| if text.trim_start().starts_with('{') { "json" } else { "toml" };
    let before = texts.parameters_before.as_ref();
    let names = [
        Some(("market.json".to_owned(), &texts.market)),
        Some(("portfolio.json".to_owned(), &texts.portfolio)),
        Some((format!("parameters.{}", suffix(&texts.parameters)), &texts.parameters)),
        before.map(|text| (format!("parameters-before.{}", suffix(text)), text)),
    ];
    std::fs::create_dir(&beside).map_err(failed)?;
    let to = Destination::default();
    let put = names.iter().flatten().try_for_each(|(name, text)| to.write(&beside.join(name), text));
    let put = put.and_then(|()| std::fs::rename(&beside, directory).map_err(failed));
    if put.is_err() {
        // The first error is the one that is reported.
        let _ = std::fs::remove_dir_all(&beside);
    }
    put?;
    let [market, portfolio, parameters, parameters_before] =
        names.map(|named| named.map(|(name, _)| directory.join(name).display().to_string()));
    let given = "it was written";
    Ok(Files {
        market: market.expect(given),
        portfolio: portfolio.expect(given),
        parameters: parameters.expect(given),
        parameters_before,
    })
}
