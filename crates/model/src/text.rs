//! Checks and shortens text that strangers wrote: valid names, and values that a message repeats.

/// Whether a character is safe to print: not a control character, not a change of writing direction, not an invisible
/// separator of lines or words, not a code point that is no character.
pub fn is_harmless(character: char) -> bool {
    let turns = matches!(character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(character, '\u{2028}' | '\u{2029}');
    // Joiners have no width either, but some scripts cannot be written without them, so they are allowed.
    let hidden = matches!(character, '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}');
    let none = matches!(character, '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' | '\u{feff}');
    let tags = matches!(character, '\u{e0000}'..='\u{e007f}');
    !(character.is_control() || turns || breaks || hidden || none || tags)
}

/// Whether a text can be the name of something that is listed or opened: 1 to 100 bytes of visible characters. So two
/// different names never look the same, and no name changes the text that is printed beside it.
pub fn is_name(text: &str) -> bool {
    let is_seen = |character: char| {
        let without_width = matches!(character, '\u{ad}' | '\u{200c}' | '\u{200d}');
        is_harmless(character) && !without_width
    };
    (1..=100).contains(&text.len()) && text.chars().all(is_seen)
}

/// One line of at most `most` characters: a longer text loses its middle.
pub fn shortened(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.replace(['\n', '\r'], " ");
    }
    let half = most / 2;
    let begin: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{begin} … {end}").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_seen_as_it_is() {
        for name in ["BTC", "alice's book", "Ærø 7", "比特币", "a-b_c.d"] {
            assert!(is_name(name), "{name}");
        }
        let long = "x".repeat(101);
        for text in ["", &long, "a\nb", "a\u{202e}b", "a\u{200b}b", "a\u{2066}b", "\u{feff}a", "a\u{7f}", "a\u{ad}b"] {
            assert!(!is_name(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_seen_is_not_harmless_and_joiners_are() {
        assert!("a\u{200b}\u{2060}\u{180e}".chars().skip(1).all(|character| !is_harmless(character)));
        assert!("\u{200c}\u{200d}\u{ad}".chars().all(is_harmless));
    }

    #[test]
    fn a_long_value_loses_its_middle() {
        assert_eq!(shortened("a\nb", 40), "a b");
        let cut = shortened(&"é".repeat(100_000), 40);
        assert_eq!(cut.chars().count(), 43);
    }
}
