//! Prints answers and makes them safe for a terminal.
//!
//! Texts mark their tones with characters that no document can bring into a terminal; here the marks become colours on
//! a terminal and vanish elsewhere. Any other character that could move a terminal or change the direction of text is
//! made visible.

use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use model::is_harmless;

use crate::draft::Destination;
use crate::failure::Failure;
use crate::json::pretty;

/// The columns to use when their number is unknown.
pub const PAPER: usize = 100;
/// Tables are never made for fewer columns than `NARROW` or more than `WIDE`.
const NARROW: usize = 80;
const WIDE: usize = 200;

/// The answer of a command.
#[derive(Debug, Default)]
pub struct Answer {
    /// The text for standard output, or for the requested file.
    pub out: String,
    /// The text for standard error, for people: a program that reads the output must not see it.
    pub report: String,
    /// Whether the answer is negative, such as a check that failed: exit status 1.
    pub failed: bool,
    /// Whether the output has been written already, piece by piece.
    pub streamed: bool,
}

/// The style of a piece of text on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Heavier than the text around it: titles and sums.
    Bold,
    /// Fainter than the text around it: heads of columns.
    Dim,
    /// For a good state.
    Green,
    /// For a state that needs attention.
    Yellow,
    /// For a wrong state.
    Red,
}

impl Answer {
    /// A text for standard output.
    pub fn out(out: String) -> Self {
        Self { out, ..Self::default() }
    }

    /// An output that has been written already.
    pub fn streamed() -> Self {
        Self { streamed: true, ..Self::default() }
    }

    /// A document for standard output.
    pub fn json(document: &impl serde::Serialize) -> Self {
        Self::out(pretty(document, 0) + "\n")
    }
}

/// The marks of the tones, in their order, and the mark of the end of a tone: code points that Unicode reserves as no
/// character.
const MARKS: [char; 5] = ['\u{fdd0}', '\u{fdd1}', '\u{fdd2}', '\u{fdd3}', '\u{fdd4}'];
const END: char = '\u{fdd5}';
/// The terminal codes for each mark.
const CODES: [&str; 5] = ["\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"];
const END_CODE: &str = "\x1b[0m";

/// `text` in a tone.
pub fn toned(tone: Tone, text: &str) -> String {
    let mark = match tone {
        Tone::Bold => MARKS[0],
        Tone::Dim => MARKS[1],
        Tone::Green => MARKS[2],
        Tone::Yellow => MARKS[3],
        Tone::Red => MARKS[4],
    };
    let mut out = String::with_capacity(text.len() + mark.len_utf8() + END.len_utf8());
    if !text.is_empty() {
        out.push(mark);
        out.extend(harmless(text));
        out.push(END);
    }
    out
}

/// `text` on one line, without characters that could move a terminal, change the direction of text, or mark a tone.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    out.extend(harmless(text));
    out
}

fn harmless(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|character| if is_harmless(character) { character } else { '\u{fffd}' })
}

/// The columns that `text` takes in print, on paper or on a terminal.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().filter(|character| *character != END && !MARKS.contains(character)).count()
}

/// `text` for paper, without tones.
pub fn plain(text: &str) -> String {
    rendered(text, false)
}

/// `text` for printing: lines of harmless characters, with tones as colours or removed.
pub fn rendered(text: &str, coloured: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (simple, other) in pieces(text) {
        out += simple;
        let Some(character) = other else { break };
        let code = match MARKS.iter().position(|mark| *mark == character) {
            Some(tone) => Some(CODES[tone]),
            None => (character == END).then_some(END_CODE),
        };
        match code {
            Some(code) if coloured => out += code,
            Some(_) => {}
            None if is_harmless(character) => out.push(character),
            None => out.push('\u{fffd}'),
        }
    }
    out
}

/// JSON with every character that is not harmless escaped: the same document, safe to show.
pub fn escaped(json: String) -> String {
    if pieces(&json).all(|(_, other)| other.is_none_or(is_harmless)) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for (simple, other) in pieces(&json) {
        out += simple;
        let Some(character) = other else { break };
        if is_harmless(character) {
            out.push(character);
        } else {
            out.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

/// The number of bytes that are compared together.
const TOGETHER: usize = 32;

/// Splits a text into runs of visible ASCII and line breaks, which make up almost all of a long one, and the characters
/// between them. The last piece has no character after it.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (simple, others) = rest?.split_at(simple_length(rest?.as_bytes()));
        let mut characters = others.chars();
        let other = characters.next();
        rest = other.map(|_| characters.as_str());
        Some((simple, other))
    })
}

/// The number of bytes before the first that is neither visible ASCII nor a line break.
fn simple_length(bytes: &[u8]) -> usize {
    let is_simple = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n');
    // Without an early exit the compiler compares many bytes at once.
    let all = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & is_simple(byte));
    let together = bytes.chunks(TOGETHER).take_while(|bytes| all(bytes)).fold(0, |sum, bytes| sum + bytes.len());
    together + bytes[together..].iter().take_while(|byte| is_simple(byte)).count()
}

/// Writes lines as they come. On standard output, lines printed before a failure stay, and a reader that closes the
/// pipe ends them; a file is written whole or not at all.
pub fn stream(to: &Destination, lines: impl Iterator<Item = Result<String, Failure>>) -> Result<Answer, Failure> {
    if let Some(file) = &to.output_file {
        let mut draft = to.draft(file)?;
        for line in lines {
            draft.add(&(escaped(line?) + "\n"))?;
        }
        draft.keep()?;
        return Ok(Answer::streamed());
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut printed = Ok(());
    for line in lines {
        match line {
            Ok(line) => printed = out.write_all(escaped(line).as_bytes()).and_then(|()| out.write_all(b"\n")),
            Err(failure) => {
                // The failure matters more than an error in printing the lines before it.
                let _ = out.flush();
                return Err(failure);
            }
        }
        if printed.is_err() {
            break;
        }
    }
    match printed.and_then(|()| out.flush()) {
        Ok(()) => Ok(Answer::streamed()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Answer::streamed()),
        Err(error) => Err(unprinted(&error)),
    }
}

/// The columns that a text for people may take: those of the terminal or of `COLUMNS`, from 80 to 200; 100 on paper. It
/// is computed once, so that all of an answer has the same width.
pub fn columns() -> usize {
    static COLUMNS: OnceLock<usize> = OnceLock::new();
    *COLUMNS.get_or_init(asked_columns)
}

fn asked_columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok()).filter(|columns| *columns > 0);
    let seen = || {
        let (terminal_size::Width(width), _) = terminal_size::terminal_size()?;
        std::io::stdout().is_terminal().then_some(usize::from(width))
    };
    told.or_else(seen).map_or(PAPER, |columns: usize| columns.clamp(NARROW, WIDE))
}

/// Writes a line over the previous one, on standard error and only on a terminal; an empty line erases it.
pub fn overwrite(line: &str) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        // Progress that cannot be shown is not an error.
        let _ = terminal.write_all(format!("\r\x1b[2K{}", clean(line)).as_bytes());
    }
}

/// The failure when standard output cannot be written.
pub(crate) fn unprinted(error: &std::io::Error) -> Failure {
    Failure::Broken(format!("standard output: {error}, expected an output that can be written"))
}

/// Whether a text keeps its colours: on a terminal, unless its user has turned them off.
pub fn coloured(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_only_for_terminals() {
        let text = format!("a {} z", toned(Tone::Bold, "b\x1b[2Jc"));
        assert_eq!(rendered(&text, true), "a \x1b[1mb\u{fffd}[2Jc\x1b[0m z");
        assert_eq!(plain(&text), "a b\u{fffd}[2Jc z");
        assert_eq!(clean("a\u{202e}1\u{2066}2"), "a\u{fffd}1\u{fffd}2");
    }

    #[test]
    fn what_was_never_cleaned_cannot_move_a_terminal_either() {
        for foreign in ["\x1b[31m", "\x1b]0;title\x07", "\r", "\u{9b}2J", "\u{202e}", "\u{2028}", "\u{feff}"] {
            let printed = rendered(&format!("name {foreign} 12\n"), true);
            assert!(printed.chars().all(|character| character == '\n' || is_harmless(character)), "{printed:?}");
        }
    }

    #[test]
    fn what_is_harmless_is_printed_wherever_it_stands() {
        let long = "−12 % é\n".repeat(20) + &"plain ".repeat(20);
        for cut in (0..long.len()).filter(|cut| long.is_char_boundary(*cut)) {
            let text = &long[cut..];
            assert_eq!((rendered(text, true).as_str(), escaped(text.to_owned()).as_str()), (text, text));
            let harmful = format!("{text}\u{7f}{text}");
            assert_eq!(rendered(&harmful, true), format!("{text}\u{fffd}{text}"));
            assert_eq!(escaped(harmful), format!("{text}\\u007f{text}"));
        }
    }

    #[test]
    fn a_text_is_as_wide_as_what_is_printed_of_it() {
        for text in ["", "12.50", "a\u{7f}\n\u{1b}", "−12 %", "e\u{301}\u{202e}\u{fdef}"] {
            for text in [text.to_owned(), toned(Tone::Bold, text), format!("{text}{}", toned(Tone::Red, text))] {
                assert_eq!(width(&text), plain(&text).chars().count(), "{text:?}");
            }
        }
    }

    #[test]
    fn json_says_the_same_without_it() {
        let name = "a\u{202e}\u{7f}\u{9b}\u{e0041}\u{1b}é";
        let json = escaped(serde_json::to_string(name).unwrap());
        assert!(json.chars().all(is_harmless), "{json:?}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), name);
    }
}
