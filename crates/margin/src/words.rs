//! Names and descriptions that are made once and appear in the answers of many accounts.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A name or a description in an answer. It is read, compared and written as text; a copy shares the text and allocates
/// nothing.
#[derive(Clone)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transparent))]
pub struct Words(#[cfg_attr(feature = "schema", schemars(with = "String"))] Text);

#[derive(Clone)]
enum Text {
    /// A text that is written in the code.
    Written(&'static str),
    /// A text that was made while running.
    Made(Arc<str>),
}

impl Words {
    /// The words as text, to print or to compare.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Written(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl Default for Words {
    /// An empty text, where an answer has nothing to name.
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&'static str> for Words {
    fn from(text: &'static str) -> Self {
        Self(Text::Written(text))
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self(Text::Made(text.into()))
    }
}

impl Deref for Words {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), formatter)
    }
}

impl fmt::Debug for Words {
    /// The same as a `String` of the text: the hash of a scenario set is made from this form.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Words {}

impl PartialEq<str> for Words {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Words {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<Words> for str {
    fn eq(&self, other: &Words) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Words> for &str {
    fn eq(&self, other: &Words) -> bool {
        *self == other.as_str()
    }
}

impl PartialEq<String> for Words {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_their_text_however_they_were_made() {
        let (written, made) = (Words::from("scan alone"), Words::from("scan alone".to_owned()));
        assert_eq!(written, made);
        assert!(made == "scan alone" && made.starts_with("scan"));
        assert_eq!("scan alone", made);
        assert_eq!(made, String::from("scan alone"));
        assert_eq!(format!("{made} {made:?}"), "scan alone \"scan alone\"");
        assert_eq!(serde_json::to_string(&made).unwrap(), "\"scan alone\"");
        assert_eq!(made.as_str().as_ptr(), made.clone().as_str().as_ptr(), "a copy shares the text");
        assert!(Words::default().is_empty());
    }
}
