//! Answers the accounts of a portfolio of any length one by one: they are read, judged on every processor and written
//! in the order of the document. So memory does not grow with their number, and the answer has the same bytes on any
//! number of threads.
//!
//! ```text
//! file ──▶ PortfolioReader ──▶ batches ──▶ threads: validate, answer ──▶ in order: names, errors ──▶ Sink
//! ```

use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Account, AccountText, Names, PortfolioReader, Problems};
use pool::{in_order, processors};
use shell::draft::Destination;
use shell::failure::Failure;
use shell::input::{no_text, nothing};
use shell::kind::BEGINNING;
use shell::printer::Answer;
use shell::progress::Progress;
use shell::sink::Sink;
use shell::threads;

use crate::input::{Book, priced};
use crate::known::Known;

/// The bytes that are read at once.
const PIECE: usize = 1 << 18;
/// The number of accounts in one part of the work.
const BATCH: usize = 32;

/// How an answer is worked out.
#[derive(clap::Args)]
pub struct WorkArgs {
    /// Threads to use; the answer is the same on any number. Every processor when not given
    #[arg(long, value_name = "COUNT", value_parser = threads::number)]
    pub threads: Option<NonZeroUsize>,
}

/// A portfolio before any of it has been read.
pub struct Accounts {
    pub file: String,
    pub source: Box<dyn Read + Send>,
    /// The length of the document, where it is known.
    pub bytes: Option<u64>,
    /// The name of the only account to answer, if one is requested.
    pub only: Option<String>,
}

/// The place where the answers to all accounts are written, and the text around them.
pub struct Frame<'a> {
    pub to: &'a Destination,
    pub opening: String,
    pub between: &'static str,
    /// The text after the last answer, given the hash of the portfolio.
    pub closing: &'a dyn Fn(&str) -> String,
}

/// A part of the work, for a thread.
enum Part {
    /// Accounts, and the number of bytes of the document read so far.
    Batch(Vec<AccountText>, u64),
    /// The end of the document: its hash, or the problems outside its accounts.
    End(Result<String, Wrong>),
}

/// The reason why reading a document ended early.
enum Wrong {
    Problems(Problems),
    /// The document cannot be read, or is not text.
    Unread(String),
}

/// The result of a part.
enum Done {
    Batch(Vec<(usize, Result<Answered, Problems>)>, u64),
    End(Result<String, Wrong>),
}

/// A valid account: its name, and its answer if it was requested.
struct Answered {
    name: String,
    answer: Option<Result<String, Failure>>,
}

impl Accounts {
    /// Answers every requested account. Problems of the document are reported before an account that cannot be
    /// answered; in either case nothing more is written.
    pub fn answer(
        self,
        book: &Book,
        args: &WorkArgs,
        frame: &Frame,
        answer: impl Fn(&Account) -> Result<String, Failure> + Sync,
    ) -> Result<Answer, Failure> {
        let Self { file, source, bytes, only } = self;
        let threads = args.threads.unwrap_or_else(processors);
        let mut taker = Taker::new(&file, only.as_deref(), frame, bytes)?;
        let failed = AtomicBool::new(false);
        let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
        let work = |part| match part {
            Part::End(end) => Done::End(end),
            Part::Batch(texts, read) => {
                let answered = |text: &AccountText| {
                    let account = text.account(&book.market)?;
                    let asked = wanted(&account.name) && !failed.load(Ordering::Relaxed);
                    Ok(Answered { answer: asked.then(|| answer(&account)), name: account.name })
                };
                Done::Batch(texts.iter().map(|text| (text.index, answered(text))).collect(), read)
            }
        };
        let feed = |give: &mut dyn FnMut(Part) -> bool| read_in_parts(source, give);
        in_order(threads.get(), feed, work, |done| {
            let more = taker.take(done);
            // After a failure accounts are only validated: their answers would not be written.
            failed.store(taker.failed(), Ordering::Relaxed);
            more
        });
        taker.finish()
    }
}

/// Reads the document and passes on its accounts in batches, then its end.
fn read_in_parts(mut source: Box<dyn Read + Send>, give: &mut dyn FnMut(Part) -> bool) {
    let mut beginning = Vec::new();
    let begun = source.by_ref().take(u64::from(BEGINNING)).read_to_end(&mut beginning);
    let why = begun.map_or_else(|error| Some(unreadable(&error)), |_| no_text(&beginning));
    if let Some(why) = why {
        give(Part::End(Err(Wrong::Unread(why))));
        return;
    }
    let mut source = beginning.as_slice().chain(source);
    let mut reader = PortfolioReader::default();
    let mut piece = vec![0; PIECE];
    let mut found = Vec::new();
    let (mut read, mut blank) = (0, true);
    loop {
        let length = match source.read(&mut piece) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                give(Part::End(Err(Wrong::Unread(unreadable(&error)))));
                return;
            }
        };
        read += u64::try_from(length).unwrap_or_default();
        blank = blank && piece[..length].iter().all(u8::is_ascii_whitespace);
        if length == 0 && blank {
            give(Part::End(Err(Wrong::Unread(nothing(read == 0)))));
            return;
        }
        reader.push(&piece[..length], &mut found);
        let at_end = length == 0 || reader.is_wrong();
        while found.len() >= BATCH || (at_end && !found.is_empty()) {
            let rest = found.split_off(found.len().min(BATCH));
            if !give(Part::Batch(std::mem::replace(&mut found, rest), read)) {
                return;
            }
        }
        if at_end {
            give(Part::End(reader.finish().map_err(Wrong::Problems)));
            return;
        }
    }
}

fn unreadable(error: &std::io::Error) -> String {
    format!("{error}, expected a file that can be read")
}

/// Takes the results of the threads, in the order of the document.
struct Taker<'a> {
    file: &'a str,
    frame: &'a Frame<'a>,
    sink: Sink,
    /// Whether the answer appears on the terminal, where progress would be shown.
    watched: bool,
    progress: Progress,
    names: Names,
    /// The names in the document, if one account is requested.
    known: Option<Known<'a>>,
    accounts: usize,
    written: usize,
    problems: Problems,
    /// The reason why the document was not read to its end.
    unread: Option<String>,
    refused: Option<Failure>,
    hash: Option<String>,
}

impl<'a> Taker<'a> {
    fn new(file: &'a str, only: Option<&'a str>, frame: &'a Frame<'a>, bytes: Option<u64>) -> Result<Self, Failure> {
        Ok(Self {
            file,
            frame,
            sink: Sink::new(frame.to)?,
            watched: frame.to.is_watched(),
            progress: Progress::reading("accounts", bytes),
            names: Names::default(),
            known: only.map(Known::new),
            accounts: 0,
            written: 0,
            problems: Problems::default(),
            unread: None,
            refused: None,
            hash: None,
        })
    }

    /// Whether nothing more will be written.
    fn failed(&self) -> bool {
        self.refused.is_some() || self.unread.is_some() || !self.problems.is_empty()
    }

    /// Takes a batch or the end; returns whether more is wanted.
    fn take(&mut self, done: Done) -> bool {
        match done {
            Done::Batch(accounts, read) => {
                let more = accounts.into_iter().all(|(index, account)| self.take_account(index, account));
                if !self.watched {
                    self.progress.reached(u64::try_from(self.accounts).unwrap_or_default(), read);
                }
                more
            }
            Done::End(Ok(hash)) => {
                self.hash = Some(hash);
                false
            }
            Done::End(Err(Wrong::Problems(problems))) => {
                self.problems.append(problems);
                false
            }
            Done::End(Err(Wrong::Unread(why))) => {
                self.unread = Some(why);
                false
            }
        }
    }

    fn take_account(&mut self, index: usize, account: Result<Answered, Problems>) -> bool {
        self.accounts += 1;
        let valid = account.and_then(|account| Ok(self.names.take(index, &account.name).map(|()| account)?));
        let Answered { name, answer } = match valid {
            Ok(account) => account,
            Err(problems) => {
                self.problems.append(problems);
                return true;
            }
        };
        if let Some(known) = self.known.as_mut().filter(|_| self.written == 0) {
            known.take(&name);
        }
        match answer {
            Some(Ok(text)) if !self.failed() => match self.write(&text) {
                Ok(more) => more,
                Err(failure) => {
                    self.refused = Some(failure);
                    false
                }
            },
            Some(Err(failure)) => {
                self.refused.get_or_insert(failure);
                true
            }
            Some(Ok(_)) | None => true,
        }
    }

    fn write(&mut self, answer: &str) -> Result<bool, Failure> {
        let before = if self.written == 0 { &self.frame.opening } else { self.frame.between };
        self.written += 1;
        Ok(self.sink.write(before)? && self.sink.write(answer)?)
    }

    /// Closes the answer, or returns the reason why there is none.
    fn finish(mut self) -> Result<Answer, Failure> {
        self.progress.over();
        let said = self.problems.told().map(|invalid| priced(&invalid));
        let said: Vec<String> = said.into_iter().chain(self.unread).collect();
        if !said.is_empty() {
            return Err(Failure::wrong(self.file, said.join("\n")));
        }
        if let Some(failure) = self.refused {
            return Err(failure);
        }
        // Without a hash the end was not reached: the reader of the answer has closed it.
        let Some(hash) = self.hash else { return Ok(Answer::streamed()) };
        if let Some(known) = self.known.filter(|_| self.written == 0) {
            return Err(Failure::wrong(self.file, known.missing()));
        }
        self.sink.write(&(self.frame.closing)(&hash))?;
        self.sink.finish()?;
        Ok(Answer::streamed())
    }
}
