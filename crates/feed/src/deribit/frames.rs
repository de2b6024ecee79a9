//! Splits texts into the JSON values that they hold.
//!
//! Three forms are read, also mixed line by line in one file:
//!
//! - JSON values one after the other: one answer in a file, or one frame per line;
//! - recorded websocket lines, `time: frame`, with lines of the recorder between them (`url <- time: request`,
//!   `url <-> time`, `configuration: …`), which contain no market data;
//! - recorded answers, `url -> time: answer`.

use serde_json::value::RawValue;

use super::json::Place;
use super::{ImportError, Source};
use crate::report::shortened;

/// A JSON value and its place.
pub type Frame<'a> = (&'a RawValue, Place<'a>);

/// Every JSON value of a text.
pub fn frames<'a>(source: &Source<'a>) -> Result<Vec<Frame<'a>>, ImportError> {
    let text = source.text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['{', '[']) {
        return lines(source.name, text);
    }
    let mut found = Vec::new();
    match values(source.name, text, 1, &mut found) {
        Ok(()) => Ok(found),
        // A recording may begin with a line of plain JSON.
        Err(not_json) => lines(source.name, text).map_err(|_| not_json),
    }
}

/// Every JSON value of a text that is read line by line.
fn lines<'a>(file: &'a str, text: &'a str) -> Result<Vec<Frame<'a>>, ImportError> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if let Some(body) = body(line).map_err(|NoFrame| no_frame(file, number, line))? {
            values(file, body, number, &mut found)?;
        }
    }
    Ok(found)
}

struct NoFrame;

/// The JSON after the prefix of a recorded line; none on a line of the recorder itself.
fn body(line: &str) -> Result<Option<&str>, NoFrame> {
    let line = line.trim();
    if line.is_empty() || line.starts_with("configuration: ") || line.contains(" <-> ") {
        return Ok(None);
    }
    if line.starts_with(['{', '[']) {
        return Ok(Some(line));
    }
    let (prefix, body) = line.split_once(": ").ok_or(NoFrame)?;
    if prefix.contains(" <- ") {
        return Ok(None);
    }
    let time = prefix.rsplit_once(" -> ").map_or(prefix, |(_, time)| time);
    let is_time = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_time { Ok(Some(body)) } else { Err(NoFrame) }
}

fn no_frame(file: &str, line: usize, found: &str) -> ImportError {
    ImportError::Line {
        file: file.into(),
        line,
        found: format!("\"{}\"", shortened(found)),
        expected: "JSON, or a recorded line \"time: JSON\" or \"url -> time: JSON\"".into(),
    }
}

fn values<'a>(file: &'a str, text: &'a str, first_line: usize, found: &mut Vec<Frame<'a>>) -> Result<(), ImportError> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let (mut line, mut counted) = (first_line, 0);
    loop {
        let value = match stream.next() {
            None => return Ok(()),
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                return Err(ImportError::Line {
                    file: file.into(),
                    line: first_line + error.line().saturating_sub(1),
                    found: error.to_string(),
                    expected: "JSON".into(),
                });
            }
        };
        let start = stream.byte_offset() - value.get().len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        found.push((value, Place { file, line, path: String::new() }));
    }
}
