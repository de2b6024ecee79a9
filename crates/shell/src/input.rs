//! Reads texts for commands from files or standard input; and the form of an answer.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::failure::Failure;
use crate::kind::Kind;

/// The form of an answer: tables for people, JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// A text of tables and paragraphs.
    Table,
    /// A document in JSON.
    Json,
}

/// Reads texts; it reads standard input only once.
#[derive(Debug, Default)]
pub struct Reader {
    standard_input_read: bool,
}

impl Reader {
    /// Reads the bytes of a file, or of standard input for `-`.
    pub fn bytes(&mut self, file: &Path) -> Result<Vec<u8>, Failure> {
        if file.as_os_str() != "-" {
            return std::fs::read(file).map_err(|error| {
                Failure::wrong(file.display(), format_args!("{error}, expected a file that can be read"))
            });
        }
        self.standard_input()?;
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(|error| Failure::wrong("-", error))?;
        Ok(bytes)
    }

    /// Opens a file to be read piece by piece, or standard input for `-`; returns its length where it is known.
    pub fn open(&mut self, file: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
        if file.as_os_str() == "-" {
            self.standard_input()?;
            return Ok((Box::new(std::io::stdin()), None));
        }
        let unreadable =
            |error| Failure::wrong(file.display(), format_args!("{error}, expected a file that can be read"));
        let opened = File::open(file).map_err(unreadable)?;
        let about = opened.metadata().map_err(unreadable)?;
        Ok((Box::new(opened), about.is_file().then_some(about.len())))
    }

    /// Marks standard input as read; fails the second time.
    fn standard_input(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.standard_input_read, true) {
            return Err(Failure::wrong("-", "found twice, expected at most one document on standard input"));
        }
        Ok(())
    }

    /// Reads the text of a file, or of standard input for `-`.
    pub fn text(&mut self, file: &Path) -> Result<String, Failure> {
        let bytes = self.bytes(file)?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Failure::wrong(file.display(), nothing(bytes.is_empty())));
        }
        if let Some(why) = no_text(&bytes) {
            return Err(Failure::wrong(file.display(), why));
        }
        String::from_utf8(bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            Failure::wrong(file.display(), not_text(&format_args!("a stray byte at offset {place}")))
        })
    }
}

/// The reason why a file that begins with these bytes is not a text document, where the beginning shows it.
pub fn no_text(beginning: &[u8]) -> Option<String> {
    Kind::of(beginning).filter(Kind::is_no_text).map(|kind| not_text(&kind))
}

/// The reason why a file that is empty, or has only white space, is not a document.
pub fn nothing(is_empty: bool) -> String {
    not_text(&if is_empty { "an empty file" } else { "nothing but white space" })
}

fn not_text(found: &dyn Display) -> String {
    format!("found {found}, expected UTF-8 text")
}
