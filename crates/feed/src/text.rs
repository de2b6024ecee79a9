//! Bytes to text, through gzip when they are compressed.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// The most text one file may hold: a larger one is a mistake or an attack.
const BYTES_MAX: u64 = 1 << 30;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes that are no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: found {found}, expected {expected}")]
pub struct NotText {
    /// The file, as the caller calls it.
    pub file: String,
    /// What is wrong with it.
    pub found: String,
    /// What should be there.
    pub expected: &'static str,
}

/// The text in `bytes`: UTF-8, as it is or gzip-compressed. `file` is only for messages.
pub fn read_text(file: &str, bytes: &[u8]) -> Result<String, NotText> {
    let refuse = |found: String, expected| NotText { file: file.to_owned(), found, expected };
    let mut plain = Vec::new();
    if bytes.starts_with(&GZIP_MAGIC) {
        let mut limited = MultiGzDecoder::new(bytes).take(BYTES_MAX + 1);
        limited.read_to_end(&mut plain).map_err(|error| refuse(error.to_string(), "a whole gzip file"))?;
    } else {
        plain.extend_from_slice(bytes);
    }
    if u64::try_from(plain.len()).is_ok_and(|length| length > BYTES_MAX) {
        return Err(refuse("more than a gibibyte of text".into(), "at most that"));
    }
    let not_utf8 = |error: std::string::FromUtf8Error| {
        refuse(format!("a stray byte at offset {}", error.utf8_error().valid_up_to()), "UTF-8 text")
    };
    String::from_utf8(plain).map_err(not_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn reads_plain_and_compressed_text() {
        assert_eq!(read_text("a", "häuser".as_bytes()).unwrap(), "häuser");
        assert_eq!(read_text("a", &gzip("häuser".as_bytes())).unwrap(), "häuser");
        assert_eq!(read_text("a", b"").unwrap(), "");
    }

    #[test]
    fn refuses_what_is_not_text() {
        let whole = gzip(b"a long enough text to be cut in the middle");
        for bytes in [&whole[..whole.len() - 9], &whole[..2], &[b'a', 0xff]] {
            let refused = read_text("chain.txt", bytes).unwrap_err();
            assert!(refused.to_string().starts_with("chain.txt: found "), "{refused}");
        }
    }
}
