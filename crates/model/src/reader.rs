//! Reads a `upm.portfolio/1` document of any length account by account.
//!
//! The caller hands over the bytes of the file in pieces of any size. The reader cuts out the text of each account and
//! keeps the rest, the *frame*: the document with an empty list of accounts. [`AccountText::account`] validates an
//! account, on any thread; [`PortfolioReader::finish`] validates the frame when the document has ended. Errors give
//! paths, lines and columns of the whole document.
//!
//! Memory: the longest account, the frame, and sixteen bytes per name ([`Names`]).

use std::collections::BTreeSet;

use memchr::{memchr_iter, memchr2, memrchr};

use crate::document::{AccountDocument, PortfolioDocument};
use crate::problems::Problems;
use crate::read::{Origin, other_format, read_part};
use crate::{Account, Invalid, Market, PORTFOLIO_FORMAT, portfolio};

/// The bytes that are allocated before the length of an account is known.
const USUAL: usize = 1 << 11;

/// Splits a portfolio document into its accounts while it is read.
#[derive(Debug, Default)]
pub struct PortfolioReader {
    hasher: blake3::Hasher,
    place: Place,
    frame: Vec<u8>,
    /// The place where the accounts were cut out: the length of the frame at that point, and the place in the document
    /// after them.
    gap: Option<Gap>,
    state: State,
    scan: Scan,
    /// The account that is being read.
    open: Option<AccountText>,
    accounts: usize,
    /// The reason why the accounts cannot belong to a portfolio: the text before them is not JSON, or is of another
    /// format.
    wrong: Option<Problems>,
}

/// The text of one account, as written in its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountText {
    /// The number of the account in the document, from 0.
    pub index: usize,
    place: Place,
    bytes: Vec<u8>,
    /// The reason why an account is not allowed here.
    misplaced: Option<&'static str>,
}

/// A place in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    offset: usize,
    /// The number of lines before it.
    lines: usize,
    /// The number of bytes before it in its line.
    column: usize,
}

impl Place {
    fn after(&mut self, byte: u8) {
        self.offset += 1;
        if byte == b'\n' {
            self.lines += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
    }

    fn after_all(&mut self, bytes: &[u8]) {
        self.offset += bytes.len();
        match memrchr(b'\n', bytes) {
            None => self.column += bytes.len(),
            Some(last) => {
                self.lines += 1 + memchr_iter(b'\n', &bytes[..last]).count();
                self.column = bytes.len() - last - 1;
            }
        }
    }

    fn origin(self, path: String) -> Origin {
        Origin { path, lines: self.lines, column: self.column }
    }
}

/// The range of the accounts that were cut out of a frame.
#[derive(Clone, Copy, Debug)]
struct Gap {
    from: Place,
    to: Place,
}

/// The position of the reader in the structure of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Outside the list of accounts.
    #[default]
    Frame,
    /// In the list, at its start: an account or the end of the list may follow.
    First,
    /// In the list, after a comma.
    Next,
    /// In the list, after an account.
    After,
    /// Inside an account of the list.
    Account,
    /// After the list.
    Behind,
}

/// The state of a minimal JSON scanner, enough to find the end of a value.
#[derive(Clone, Debug, Default)]
struct Scan {
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// The start and the end, in the frame, of the last string.
    text: (usize, usize),
    /// Whether the value of `accounts` comes next.
    at_accounts: bool,
}

impl Scan {
    /// Takes the next bytes of an account, up to one that may end it; returns the number of bytes taken.
    fn inside(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(byte) = bytes.get(taken) {
            if self.in_text && !self.escaped {
                // Most of a document is strings, in which only two characters have a meaning.
                let rest = &bytes[taken..];
                let plain = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                if plain > 0 {
                    taken += plain;
                    continue;
                }
            }
            let ends = match byte {
                _ if self.in_text => false,
                b'}' | b']' => self.depth <= 1,
                _ => self.depth == 0,
            };
            if ends {
                break;
            }
            self.take(*byte);
            taken += 1;
        }
        taken
    }

    /// Takes one byte; returns whether it is structure, not part of a string.
    fn take(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        true
    }
}

impl PortfolioReader {
    /// Takes the next bytes of the document, and appends the accounts that end in them to `found`.
    pub fn push(&mut self, bytes: &[u8], found: &mut Vec<AccountText>) {
        self.hasher.update(bytes);
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            // Most bytes are inside an account and end none.
            if let Some(open) = &mut self.open {
                let (taken, left) = rest.split_at(self.scan.inside(rest));
                open.bytes.extend_from_slice(taken);
                self.place.after_all(taken);
                if !taken.is_empty() {
                    rest = left;
                    continue;
                }
            }
            self.take(*byte, found);
            self.place.after(*byte);
            rest = after;
        }
    }

    /// Whether the document is known, before its first account, to be no portfolio: then its accounts mean nothing.
    pub fn is_wrong(&self) -> bool {
        self.wrong.is_some()
    }

    /// Ends the document: its hash (BLAKE3, in hexadecimal), or the problems outside its accounts.
    pub fn finish(self) -> Result<String, Problems> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if let Some(open) = &self.open {
            open.document()?;
        }
        let in_list = !matches!(self.state, State::Frame | State::Behind);
        let gap = self.gap.map(|gap| if in_list { Gap { to: self.place, ..gap } } else { gap });
        let (document, mut problems) = read_frame(&self.frame, gap)?;
        if !document.accounts.is_empty() {
            problems.add(Invalid::new(".", "a list", "a portfolio document, an object with format and accounts"));
        } else if self.accounts == 0 {
            problems.add(Invalid::new("accounts", "an empty list", "at least one account"));
        }
        problems.or_value(self.hasher.finalize().to_string())
    }

    fn take(&mut self, byte: u8, found: &mut Vec<AccountText>) {
        let blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        match self.state {
            State::Frame | State::Behind => self.take_frame(byte, blank),
            State::First | State::Next | State::After if blank => {}
            State::First | State::After if byte == b']' => {
                self.state = State::Behind;
                self.gap = self.gap.map(|gap| Gap { to: self.place, ..gap });
                self.scan = Scan { depth: 1, ..Scan::default() };
                self.frame.push(byte);
            }
            State::After if byte == b',' => self.state = State::Next,
            State::First | State::Next | State::After => {
                let misplaced = match (self.state, byte) {
                    (State::After, _) => Some("expected `,` or `]`"),
                    (State::Next, b']') => Some("trailing comma"),
                    _ => None,
                };
                let bytes = Vec::with_capacity(USUAL);
                let account = AccountText { index: self.accounts, place: self.place, bytes, misplaced };
                self.open = Some(account);
                self.accounts += 1;
                self.state = State::Account;
                self.scan = Scan::default();
                self.take_account(byte, found);
            }
            State::Account if blank && self.scan.depth == 0 && !self.scan.in_text => self.close(found),
            State::Account if matches!(byte, b',' | b']') && self.scan.depth == 0 && !self.scan.in_text => {
                self.close(found);
                self.take(byte, found);
            }
            State::Account => self.take_account(byte, found),
        }
    }

    fn take_account(&mut self, byte: u8, found: &mut Vec<AccountText>) {
        let structure = self.scan.take(byte);
        if let Some(open) = &mut self.open {
            open.bytes.push(byte);
        }
        if structure && self.scan.depth == 0 && matches!(byte, b'}' | b']') {
            self.close(found);
        }
    }

    fn close(&mut self, found: &mut Vec<AccountText>) {
        found.extend(self.open.take());
        self.state = State::After;
    }

    fn take_frame(&mut self, byte: u8, blank: bool) {
        let was_in_text = self.scan.in_text;
        let structure = self.scan.take(byte);
        if structure && byte == b'"' {
            self.scan.text.0 = self.frame.len();
        }
        self.frame.push(byte);
        if was_in_text && !self.scan.in_text {
            self.scan.text.1 = self.frame.len();
        }
        if !structure || blank {
            return;
        }
        let (from, to) = self.scan.text;
        if byte == b':' && self.scan.depth == 1 {
            let name = self.frame.get(from..to).unwrap_or_default();
            self.scan.at_accounts = serde_json::from_slice::<String>(name).is_ok_and(|name| name == "accounts");
        } else {
            let begins = byte == b'[' && self.scan.depth == 2 && self.scan.at_accounts && self.state == State::Frame;
            self.scan.at_accounts = false;
            if begins {
                self.begin();
            }
        }
    }

    /// Begins the list of accounts. The text before it is checked now, so that a document of another kind is refused
    /// before its accounts are read.
    fn begin(&mut self) {
        self.state = State::First;
        let mut after = self.place;
        after.after(b'[');
        self.gap = Some(Gap { from: after, to: after });
        let so_far = [self.frame.as_slice(), b"]}"].concat();
        // The field `format` may still follow, so its absence is not an error yet.
        self.wrong = read_frame(&so_far, None).err();
    }
}

fn read_frame(frame: &[u8], gap: Option<Gap>) -> Result<(PortfolioDocument, Problems), Problems> {
    let place = |(line, column): (usize, usize)| match gap {
        Some(Gap { from, to }) if line > from.lines + 1 => (line + to.lines - from.lines, column),
        Some(Gap { from, to }) if line == from.lines + 1 && column >= from.column => {
            (line + to.lines - from.lines, column + to.column - from.column)
        }
        _ => (line, column),
    };
    let text = text(frame, |offset| match gap {
        Some(Gap { from, to }) if offset >= from.offset => offset + to.offset - from.offset,
        _ => offset,
    });
    let text = text.map_err(|problem| Invalid { path: ".".into(), problem })?;
    match other_format(text, PORTFOLIO_FORMAT) {
        Some(other) => Err(other.into()),
        None => read_part(text, &Origin::default(), place),
    }
}

/// The bytes as text; or the place in the document of the first byte that is not UTF-8.
fn text(bytes: &[u8], place: impl Fn(usize) -> usize) -> Result<&str, String> {
    std::str::from_utf8(bytes)
        .map_err(|error| format!("found a stray byte at offset {}, expected UTF-8 text", place(error.valid_up_to())))
}

impl AccountText {
    /// Validates the account against the market; each problem has its path in the whole document.
    pub fn account(&self, market: &Market) -> Result<Account, Problems> {
        let (document, mut problems) = self.document()?;
        let account = portfolio::account(&document, market, &self.path(), &mut problems);
        problems.or_value(account)
    }

    fn path(&self) -> String {
        format!("accounts[{}]", self.index)
    }

    fn document(&self) -> Result<(AccountDocument, Problems), Problems> {
        let Place { offset, lines, column } = self.place;
        if let Some(why) = self.misplaced {
            let problem = format!("{why} at line {} column {}", lines + 1, column + 1);
            return Err(Invalid { path: "accounts".into(), problem }.into());
        }
        if let Ok(document) = serde_json::from_slice(&self.bytes) {
            return Ok((document, Problems::default()));
        }
        // Slower, but the error has the path of the faulty value.
        let text =
            text(&self.bytes, |stray| offset + stray).map_err(|problem| Invalid { path: self.path(), problem })?;
        read_part(text, &self.place.origin(self.path()), |place| place)
    }
}

/// The names of the accounts so far, to refuse duplicates: sixteen bytes of the hash of each.
#[derive(Debug, Default)]
pub struct Names(BTreeSet<[u8; 16]>);

impl Names {
    /// Adds the name of account `index`; fails when an earlier account has the same name.
    pub fn take(&mut self, index: usize, name: &str) -> Result<(), Invalid> {
        let hash = blake3::hash(name.as_bytes());
        let first = *hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
        if self.0.insert(first) {
            return Ok(());
        }
        let found = format_args!("\"{name}\" again");
        Err(Invalid::new(format!("accounts[{index}].account"), found, "each account once"))
    }
}
