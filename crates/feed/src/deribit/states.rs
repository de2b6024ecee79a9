//! Turns frames of `incremental_ticker` channels into quotes: a snapshot with all fields, then changes with new values.

use units::Timestamp;

use super::ImportError;
use super::json::Object;
use super::quote::{INNER, Quote};

/// A frame of an `incremental_ticker` channel.
#[derive(Debug)]
pub struct Frame<'a> {
    time: Timestamp,
    /// Whether the frame replaces all fields, instead of changing some.
    snapshot: bool,
    fields: Object<'a>,
}

impl<'a> Frame<'a> {
    /// The frame in `object`; none when it is another kind of frame. Frames of books have a type as well.
    pub fn read(object: &Object<'a>) -> Result<Option<Self>, ImportError> {
        let is_other = ["bids", "asks", "change_id", "direction", "trade_id"].iter().any(|field| object.has(field));
        if is_other || !object.has("instrument_name") || !object.has("type") {
            return Ok(None);
        }
        let snapshot = match object.text("type")?.as_deref() {
            Some("snapshot") => true,
            Some("change") => false,
            _ => return Ok(None),
        };
        // Errors in the frame are reported here, where its place is known.
        let Quote { time, .. } = Quote::read(object)?;
        let mut fields = object.clone();
        fields.flatten(&INNER)?;
        Ok(Some(Self { time, snapshot, fields }))
    }
}

/// The quote after each moment of `frames`, and the number of changes without a snapshot before them.
///
/// At one moment a snapshot comes before changes; the result does not depend on the order in which frames were read.
pub fn quotes(mut frames: Vec<Frame<'_>>) -> Result<(Vec<Quote>, usize), ImportError> {
    frames.sort_by_cached_key(|frame| (frame.time, !frame.snapshot, frame.fields.content()));
    let (mut quotes, mut orphans) = (Vec::new(), 0);
    let mut state: Option<Object<'_>> = None;
    let mut frames = frames.into_iter().peekable();
    while let Some(frame) = frames.next() {
        match &mut state {
            _ if frame.snapshot => state = Some(frame.fields),
            Some(state) => state.overlay(frame.fields),
            None => orphans += 1,
        }
        let is_last_of_moment = frames.peek().is_none_or(|next| next.time != frame.time);
        if let Some(state) = state.as_ref().filter(|_| is_last_of_moment) {
            quotes.push(Quote::read(state)?);
        }
    }
    Ok((quotes, orphans))
}
