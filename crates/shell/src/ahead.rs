//! Syncs a long file to the disk while it is still being written, so that the final sync has little left to wait for.

use std::fs::File;
use std::io::{Error, Result};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// The number of bytes after which the disk is asked to sync.
const EVERY: usize = 32 << 20;

/// Syncs a file that is being written in the background. Short files get no thread.
#[derive(Debug, Default)]
pub struct Ahead {
    /// The bytes written since the last request.
    waiting: usize,
    asked: Option<Asked>,
}

/// A thread that waits for the disk.
#[derive(Debug)]
struct Asked {
    ask: SyncSender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Ahead {
    /// Notes that `bytes` more bytes were written to `file`.
    pub fn written(&mut self, file: &File, bytes: usize) {
        self.waiting += bytes;
        if self.waiting < EVERY {
            return;
        }
        self.waiting = 0;
        if self.asked.is_none() {
            // Without another thread, or another handle of the file, the whole file is synced at the end.
            self.asked = Asked::of(file).ok();
        }
        if let Some(asked) = &self.asked {
            // If the disk has not yet begun the previous request, that request will cover these bytes too.
            let _ = asked.ask.try_send(());
        }
    }

    /// Ends the file: waits until all of it is on the disk.
    pub fn finish(self, file: &File) -> Result<()> {
        // The system reports a disk error only once, to the first caller, so both results count.
        let before = self.asked.map_or(Ok(()), Asked::finish);
        let all = file.sync_all();
        before.and(all)
    }
}

impl Asked {
    fn of(file: &File) -> Result<Self> {
        let file = file.try_clone()?;
        let (ask, asked): (_, Receiver<()>) = sync_channel(1);
        let wait = move || {
            let mut done = Ok(());
            for () in asked {
                done = done.and(file.sync_data());
            }
            done
        };
        Ok(Self { ask, thread: Builder::new().name("disk".to_owned()).spawn(wait)? })
    }

    fn finish(self) -> Result<()> {
        drop(self.ask);
        self.thread.join().unwrap_or_else(|_| Err(Error::other("the thread that waits for the disk ended early")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_long_file_is_whole() {
        let path = std::env::temp_dir().join(format!("upm-ahead-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let mut ahead = Ahead::default();
        let piece = vec![b'a'; EVERY / 2 + 1];
        for pieces in 0..5 {
            file.write_all(&piece).unwrap();
            ahead.written(&file, piece.len());
            assert_eq!(ahead.asked.is_some(), pieces > 0, "a thread for long files only");
        }
        ahead.finish(&file).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), piece.repeat(5));
        std::fs::remove_file(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_the_disk_refuses_is_told_in_the_end() {
        // A file that is not on a disk cannot be synced.
        let mut ahead = Ahead::default();
        let (_, pipe) = std::io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(pipe));
        ahead.written(&file, EVERY);
        assert!(ahead.finish(&file).is_err());
    }
}
