//! Writes an answer of any length to standard output, or into a file that is there whole or not at all.

use std::io::{ErrorKind, Stdout, Write};

use crate::draft::{Destination, Draft};
use crate::failure::Failure;
use crate::printer::unprinted;

/// The bytes held back before the first are printed: an answer up to this length is printed whole or not at all.
const HELD: usize = 16 << 20;

/// Takes an answer piece by piece.
pub struct Sink {
    place: Place,
    held: String,
}

enum Place {
    Output(Stdout),
    /// The reader of standard output has closed it.
    Closed,
    File(Draft),
}

impl Sink {
    /// Writes into the requested file, or to standard output.
    pub fn new(to: &Destination) -> Result<Self, Failure> {
        let place = match &to.output_file {
            None => Place::Output(std::io::stdout()),
            Some(file) => Place::File(to.draft(file)?),
        };
        Ok(Self { place, held: String::new() })
    }

    /// Takes the next piece; returns whether more is wanted.
    pub fn write(&mut self, piece: &str) -> Result<bool, Failure> {
        match &mut self.place {
            Place::Output(_) => {
                self.held += piece;
                if self.held.len() < HELD { Ok(true) } else { self.print() }
            }
            Place::Closed => Ok(false),
            Place::File(draft) => draft.add(piece).map(|()| true),
        }
    }

    /// Prints all that is held back for standard output; returns whether more is wanted.
    pub fn flush(&mut self) -> Result<bool, Failure> {
        match self.place {
            Place::Output(_) => self.print(),
            Place::Closed => Ok(false),
            Place::File(_) => Ok(true),
        }
    }

    /// Ends the answer. Without this call a file is not written at all.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.print()?;
        match self.place {
            Place::Output(_) | Place::Closed => Ok(()),
            Place::File(draft) => draft.keep(),
        }
    }

    /// Prints the text held back for standard output; returns whether more is wanted.
    fn print(&mut self) -> Result<bool, Failure> {
        let Place::Output(output) = &mut self.place else { return Ok(false) };
        match output.write_all(self.held.as_bytes()).and_then(|()| output.flush()) {
            Ok(()) => {
                self.held.clear();
                Ok(true)
            }
            // A reader that closes the pipe early is not an error.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.place = Place::Closed;
                Ok(false)
            }
            Err(error) => Err(unprinted(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("upm-sink-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let to = |name: &str| Destination { output_file: Some(folder.join(name)), force: false };
        let (file, names) = (folder.join("answer.txt"), || std::fs::read_dir(&folder).unwrap().count());
        let mut sink = Sink::new(&to("answer.txt")).unwrap();
        assert!(sink.write("half").unwrap() && !file.exists());
        drop(sink);
        assert_eq!(names(), 0, "nothing is left");
        let mut sink = Sink::new(&to("answer.txt")).unwrap();
        sink.write("who").unwrap();
        sink.write("le").unwrap();
        sink.finish().unwrap();
        assert_eq!((std::fs::read_to_string(&file).unwrap().as_str(), names()), ("whole", 1));
        let mut sink = Sink::new(&to("answer.txt")).unwrap();
        assert!(matches!(sink.write("{\"format\": \"upm.assessment/1\""), Err(Failure::Wrong(_))), "of another kind");
        drop(sink);
        assert!(matches!(Sink::new(&to("")), Err(Failure::Wrong(_))), "a folder");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
