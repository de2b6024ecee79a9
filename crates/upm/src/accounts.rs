//! The accounts of a portfolio of any length, answered one by one: read, judged on every processor and written in the order
//! of the document, so that memory does not grow with their number and the answer has the same bytes on any number of threads.
//!
//! ```text
//! file ──▶ PortfolioReader ──▶ batches ──▶ threads: validate, answer ──▶ in order: names, errors ──▶ Sink
//! ```

use std::io::{IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Account, AccountText, Invalid, Names, PortfolioReader};

use crate::failure::Failure;
use crate::input::{Book, listed};
use crate::parallel::in_order;
use crate::printer::Answer;
use crate::progress::Progress;
use crate::sink::Sink;

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;
/// Accounts that a thread is given at once.
const BATCH: usize = 32;
/// So many things that are wrong with a document are told.
const TOLD: usize = 20;
/// So many names are listed when the one that was asked for is not there.
const NAMES: usize = 12;

/// Where an answer goes, and how it is worked out.
#[derive(clap::Args)]
pub struct AnswerArgs {
    /// Write the answer here instead of to standard output, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Threads to use; the answer is the same on any number. Every processor when not given
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<NonZeroUsize>,
}

impl AnswerArgs {
    /// Whether a person watches the answer as it is printed.
    pub fn is_watched(&self) -> bool {
        self.out.is_none() && std::io::stdout().is_terminal()
    }
}

/// A portfolio of which nothing has been read yet.
pub struct Accounts {
    pub file: String,
    pub source: Box<dyn Read + Send>,
    /// How long it is, where that is known.
    pub bytes: Option<u64>,
    /// Only the account of this name is answered.
    pub only: Option<String>,
}

/// What stands around the answers to all accounts.
pub struct Frame<'a> {
    pub opening: String,
    pub between: &'static str,
    /// What follows the last answer, given the hash of the portfolio.
    pub closing: &'a dyn Fn(&str) -> String,
}

/// What a thread is given.
enum Part {
    /// Accounts, and how much of the document has been read.
    Batch(Vec<AccountText>, u64),
    /// The end of the document: its hash, or what is wrong outside of its accounts.
    End(Result<String, Failure>),
}

/// What a thread found.
enum Done {
    Batch(Vec<(usize, Result<Answered, Invalid>)>, u64),
    End(Result<String, Failure>),
}

/// A valid account: its name, and its answer where it was asked for.
struct Answered {
    name: String,
    answer: Option<Result<String, Failure>>,
}

impl Accounts {
    /// Answers every account asked for. Everything that is wrong with the document is told before an account that cannot be
    /// answered; in either case nothing more is written.
    pub fn answer(
        self,
        book: &Book,
        args: &AnswerArgs,
        frame: &Frame,
        answer: impl Fn(&Account) -> Result<String, Failure> + Sync,
    ) -> Result<Answer, Failure> {
        let Self { file, source, bytes, only } = self;
        let threads = args.threads.or_else(|| std::thread::available_parallelism().ok());
        let mut taker = Taker::new(&file, args, frame, bytes)?;
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
        let feed = |give: &mut dyn FnMut(Part) -> bool| read_in_parts(&file, source, give);
        in_order(threads.map_or(1, NonZeroUsize::get), feed, work, |done| {
            let more = taker.take(done);
            // From now on accounts are only validated: their answers would not be written.
            failed.store(taker.failed(), Ordering::Relaxed);
            more
        });
        taker.finish(only.as_deref())
    }
}

/// Reads the document and gives its accounts in batches, then its end.
fn read_in_parts(file: &str, mut source: Box<dyn Read + Send>, give: &mut dyn FnMut(Part) -> bool) {
    let mut reader = PortfolioReader::default();
    let mut piece = vec![0; PIECE];
    let mut found = Vec::new();
    let mut read = 0;
    loop {
        let length = match source.read(&mut piece) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let expected = format_args!("{error}, expected a file that can be read");
                give(Part::End(Err(Failure::wrong(file, expected))));
                return;
            }
        };
        read += u64::try_from(length).unwrap_or_default();
        reader.push(&piece[..length], &mut found);
        let at_end = length == 0 || reader.is_wrong();
        while found.len() >= BATCH || (at_end && !found.is_empty()) {
            let rest = found.split_off(found.len().min(BATCH));
            if !give(Part::Batch(std::mem::replace(&mut found, rest), read)) {
                return;
            }
        }
        if at_end {
            give(Part::End(reader.finish().map_err(|wrong| Failure::wrong(file, wrong))));
            return;
        }
    }
}

/// Takes what the threads found, in the order of the document.
struct Taker<'a> {
    file: &'a str,
    frame: &'a Frame<'a>,
    sink: Sink,
    /// Whether the answer appears where progress would.
    watched: bool,
    progress: Progress,
    names: Names,
    /// The first names of the document.
    first: Vec<String>,
    accounts: usize,
    written: usize,
    wrong: Vec<String>,
    /// More is wrong than is told.
    wrong_untold: usize,
    refused: Option<Failure>,
    hash: Option<String>,
}

impl<'a> Taker<'a> {
    fn new(file: &'a str, args: &AnswerArgs, frame: &'a Frame<'a>, bytes: Option<u64>) -> Result<Self, Failure> {
        Ok(Self {
            file,
            frame,
            sink: Sink::new(args.out.as_deref())?,
            watched: args.is_watched(),
            progress: Progress::reading("accounts", bytes),
            names: Names::default(),
            first: Vec::new(),
            accounts: 0,
            written: 0,
            wrong: Vec::new(),
            wrong_untold: 0,
            refused: None,
            hash: None,
        })
    }

    /// Whether nothing more will be written.
    fn failed(&self) -> bool {
        self.refused.is_some() || !self.wrong.is_empty()
    }

    /// Takes a batch or the end; whether more is wanted.
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
            Done::End(Err(why)) => {
                self.wrong(why.to_string());
                false
            }
        }
    }

    fn take_account(&mut self, index: usize, account: Result<Answered, Invalid>) -> bool {
        self.accounts += 1;
        let valid = account.and_then(|account| self.names.take(index, &account.name).map(|()| account));
        let Answered { name, answer } = match valid {
            Ok(account) => account,
            Err(wrong) => {
                self.wrong(Failure::wrong(self.file, wrong).to_string());
                return true;
            }
        };
        if self.first.len() < NAMES {
            self.first.push(name);
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

    fn wrong(&mut self, why: String) {
        if self.wrong.len() < TOLD {
            self.wrong.push(why);
        } else {
            self.wrong_untold += 1;
        }
    }

    fn write(&mut self, answer: &str) -> Result<bool, Failure> {
        let before = if self.written == 0 { &self.frame.opening } else { self.frame.between };
        self.written += 1;
        Ok(self.sink.write(before.as_bytes())? && self.sink.write(answer.as_bytes())?)
    }

    /// Closes the answer, or says why there is none.
    fn finish(mut self, only: Option<&str>) -> Result<Answer, Failure> {
        self.progress.over();
        if self.wrong_untold > 0 {
            self.wrong.push(format!("and {} more", self.wrong_untold));
        }
        if !self.wrong.is_empty() {
            return Err(Failure::Wrong(self.wrong.join("\n")));
        }
        if let Some(failure) = self.refused {
            return Err(failure);
        }
        // Without a hash the end was not reached: nobody reads the answer any more.
        let Some(hash) = self.hash else { return Ok(Answer::default()) };
        if let Some(name) = only.filter(|_| self.written == 0) {
            let known: Vec<&str> = self.first.iter().map(String::as_str).collect();
            let problem = format_args!("accounts: found no \"{name}\", expected {}", listed(&known, self.accounts));
            return Err(Failure::wrong(self.file, problem));
        }
        self.sink.write((self.frame.closing)(&hash).as_bytes())?;
        self.sink.finish()?;
        Ok(Answer::default())
    }
}
