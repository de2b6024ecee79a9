//! Where an answer of any length goes: to standard output, or into a file that is there whole or not at all.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Stdout, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// So many bytes are kept before standard output gets the first: an answer up to this length is printed whole or not at all.
const HELD: usize = 16 << 20;

/// Takes an answer piece by piece.
pub struct Sink {
    place: Place,
    held: Vec<u8>,
}

enum Place {
    Output(Stdout),
    /// Nobody reads standard output any more.
    Closed,
    /// A file that is written under another name beside its place.
    File {
        writer: BufWriter<File>,
        beside: PathBuf,
        file: PathBuf,
    },
    /// Something that is no file, such as a pipe.
    Other {
        writer: BufWriter<File>,
        file: PathBuf,
    },
}

impl Sink {
    /// Into a file, or to standard output.
    pub fn new(file: Option<&Path>) -> Result<Self, Failure> {
        let place = match file {
            None => Place::Output(std::io::stdout()),
            Some(file) => open(file).map_err(|error| unwritable(file, &error))?,
        };
        Ok(Self { place, held: Vec::new() })
    }

    /// Takes the next piece; whether more is wanted.
    pub fn write(&mut self, piece: &[u8]) -> Result<bool, Failure> {
        match &mut self.place {
            Place::Output(_) => {
                self.held.extend_from_slice(piece);
                if self.held.len() < HELD { Ok(true) } else { self.print() }
            }
            Place::Closed => Ok(false),
            Place::File { writer, file, .. } | Place::Other { writer, file } => {
                writer.write_all(piece).map(|()| true).map_err(|error| unwritable(file, &error))
            }
        }
    }

    /// The answer is complete. Without this a file is not written at all.
    pub fn finish(mut self) -> Result<(), Failure> {
        if matches!(self.place, Place::Output(_)) {
            self.print()?;
        }
        match &mut self.place {
            Place::Output(_) | Place::Closed => Ok(()),
            Place::Other { writer, file } => writer.flush().map_err(|error| unwritable(file, &error)),
            Place::File { writer, beside, file } => {
                let written = writer.flush().and_then(|()| writer.get_ref().sync_all());
                written.and_then(|()| std::fs::rename(beside, &*file)).map_err(|error| unwritable(file, &error))
            }
        }
    }

    fn print(&mut self) -> Result<bool, Failure> {
        let Place::Output(output) = &mut self.place else { return Ok(false) };
        match output.write_all(&self.held).and_then(|()| output.flush()) {
            Ok(()) => {
                self.held.clear();
                Ok(true)
            }
            // A reader that has seen enough is no failure.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.place = Place::Closed;
                Ok(false)
            }
            Err(error) => Err(Failure::Broken(format!("cannot print: {error}"))),
        }
    }
}

impl Drop for Sink {
    /// Takes away what was written beside a file that did not become complete.
    fn drop(&mut self) {
        if let Place::File { beside, .. } = &self.place {
            // After a rename there is nothing to take away; if it cannot be, nothing better can be done.
            let _ = std::fs::remove_file(beside);
        }
    }
}

fn open(file: &Path) -> std::io::Result<Place> {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    if std::fs::metadata(&file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Ok(Place::Other { writer: BufWriter::new(File::options().write(true).open(&file)?), file });
    }
    let mut name = file.file_name().ok_or(ErrorKind::IsADirectory)?.to_owned();
    if file.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    name.push(format!(".{}.part", std::process::id()));
    let beside = file.with_file_name(name);
    Ok(Place::File { writer: BufWriter::with_capacity(1 << 18, File::create(&beside)?), beside, file })
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Broken(format!("{}: {error}, expected a file that can be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("upm-sink-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("answer.json");
        let mut sink = Sink::new(Some(&file)).unwrap();
        assert!(sink.write(b"half").unwrap() && !file.exists());
        drop(sink);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing is left");
        let mut sink = Sink::new(Some(&file)).unwrap();
        sink.write(b"who").unwrap();
        sink.write(b"le").unwrap();
        sink.finish().unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        assert!(matches!(Sink::new(Some(&folder)), Err(Failure::Broken(_))));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
