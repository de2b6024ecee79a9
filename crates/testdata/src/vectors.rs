//! The reference vectors in the folder `vectors` of the project: numbers of venues, each file compressed with gzip.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

/// Where the files come from: a file or a folder of `../shared`, and its place in the folder of the vectors.
pub const SOURCES: [(&str, &str); 3] =
    [("vectors/derive.json", "derive.json"), ("vectors/venues", "venues"), ("data/venue_margin", "venue_margin")];

/// The folder of the vectors.
pub fn folder() -> PathBuf {
    crate::program::root().join("vectors")
}

/// The text of a file of vectors, such as `venues/okx.json`.
pub fn text(name: &str) -> String {
    let file = folder().join(format!("{name}.gz"));
    unpacked(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The text of a compressed file.
pub fn unpacked(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(file)?).read_to_string(&mut text)?;
    Ok(text)
}

/// A text compressed: without a time or a name, so that the same text gives the same bytes.
pub fn packed(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
