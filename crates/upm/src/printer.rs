//! The only place that prints.
//!
//! Texts carry their colours as escape sequences; here they are kept for a terminal and taken out for everything else.

use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::failure::Failure;

/// What a command has to say.
#[derive(Debug, Default)]
pub struct Answer {
    /// For standard output.
    pub out: String,
    /// For standard error: what a program that reads the output must not see.
    pub report: String,
    /// Whether what was asked does not hold: exit status 1.
    pub failed: bool,
}

/// How a piece of text stands out on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
}

impl Answer {
    /// A text for standard output.
    pub fn out(out: String) -> Self {
        Self { out, ..Self::default() }
    }

    /// A document for standard output.
    pub fn json(document: &impl serde::Serialize) -> Self {
        let text = serde_json::to_string_pretty(document).expect("a document of text and lists is JSON");
        Self::out(text + "\n")
    }
}

/// `text` in a tone. Control characters of names out of documents never reach a terminal.
pub fn toned(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Bold => "1",
        Tone::Dim => "2",
        Tone::Green => "32",
        Tone::Yellow => "33",
        Tone::Red => "31",
    };
    if text.is_empty() { String::new() } else { format!("\x1b[{code}m{}\x1b[0m", clean(text)) }
}

/// `text` without control characters and changes of direction, so that a name out of a document cannot move a terminal
/// or turn the numbers beside it around.
pub fn clean(text: &str) -> String {
    let turns =
        |character| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let safe = |character: char| if character.is_control() || turns(character) { '\u{fffd}' } else { character };
    text.chars().map(safe).collect()
}

/// `text` as it stands on paper: without the escape sequences of [`toned`].
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

/// Prints what a command answered, or why it did not.
pub fn finish(answer: Result<Answer, Failure>) -> ExitCode {
    match answer {
        Ok(answer) => {
            print(&mut std::io::stderr(), &answer.report, std::io::stderr().is_terminal());
            let printed = print(&mut std::io::stdout(), &answer.out, std::io::stdout().is_terminal());
            if answer.failed { ExitCode::FAILURE } else { printed }
        }
        Err(Failure::Wrong(why)) => fail(2, &why),
        Err(Failure::Broken(why)) => fail(1, &why),
    }
}

/// Prints lines as they come: a later failure leaves the earlier ones printed. A reader that has seen enough ends it.
pub fn stream(lines: impl Iterator<Item = Result<String, Failure>>) -> Result<Answer, Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut printed = Ok(());
    for line in lines {
        match line {
            Ok(line) => printed = out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")),
            Err(failure) => {
                // The failure says more than whether the lines before it could be printed.
                let _ = out.flush();
                return Err(failure);
            }
        }
        if printed.is_err() {
            break;
        }
    }
    match printed.and_then(|()| out.flush()) {
        Ok(()) => Ok(Answer::default()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Answer::default()),
        Err(error) => Err(Failure::Broken(format!("cannot print: {error}"))),
    }
}

/// Writes a line over the one before, on standard error and only on a terminal; an empty one wipes it.
pub fn overwrite(line: &str) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        // Progress that cannot be shown is no failure.
        let _ = terminal.write_all(format!("\r\x1b[2K{line}").as_bytes());
    }
}

/// Writes a file that was asked for.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::Broken(format!("{}: {error}, expected a file that can be written", file.display())))
}

/// Prints the help that was asked for, or what is wrong with the arguments.
pub fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        print(&mut std::io::stderr(), &text.replacen("error: ", "upm: ", 1), false);
        return ExitCode::from(2);
    }
    print(&mut std::io::stdout(), &text, false)
}

fn fail(status: u8, why: &str) -> ExitCode {
    let lines: Vec<String> = why.lines().map(clean).collect();
    // Where even this cannot be printed, the exit status still says it.
    let _ = std::io::stderr().write_all(format!("upm: {}\n", lines.join("\n")).as_bytes());
    ExitCode::from(status)
}

/// Whether a text keeps its colours: on a terminal, unless its user wants none.
pub fn coloured(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A reader that has seen enough and closed the pipe is no failure.
fn print(stream: &mut impl Write, text: &str, terminal: bool) -> ExitCode {
    let text = if coloured(terminal) { text.to_owned() } else { plain(text) };
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(1, &format!("cannot print: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_only_for_terminals() {
        let text = format!("a {} z", toned(Tone::Bold, "b\x1b[2Jc"));
        assert_eq!(text, "a \x1b[1mb\u{fffd}[2Jc\x1b[0m z");
        assert_eq!(plain(&text), "a b\u{fffd}[2Jc z");
        assert_eq!(clean("a\u{202e}1\u{2066}2"), "a\u{fffd}1\u{fffd}2");
    }
}
