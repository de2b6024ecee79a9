//! Reads bytes as text, and unpacks gzip. For bytes that are not text, the error names the format that they seem to be.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// The most text that one file may hold: a larger file is a mistake or an attack.
const BYTES_MAX: u64 = 1 << 30;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The first bytes of other kinds of files, longest first.
const OTHERS: [(&[u8], &str); 8] = [
    (b"\xff\xfe\0\0", "UTF-32 text, little endian"),
    (b"\0\0\xfe\xff", "UTF-32 text, big endian"),
    (b"\xff\xfe", "UTF-16 text, little endian"),
    (b"\xfe\xff", "UTF-16 text, big endian"),
    (b"PAR1", "a parquet file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd-compressed file"),
    (b"BZh", "a bzip2-compressed file"),
];

/// The error for bytes that are not text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: found {found}, expected {expected}")]
pub struct NotText {
    /// The file, as the caller names it.
    pub file: String,
    /// The problem with its content.
    pub found: String,
    /// The content that is expected.
    pub expected: &'static str,
}

/// The text in `bytes`: UTF-8, plain or gzip-compressed, without its byte-order mark. An empty file is refused: a
/// failed download leaves one. `file` is used in messages only.
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
    let expected = "UTF-8 text";
    if let Some((_, other)) = OTHERS.iter().find(|(magic, _)| plain.starts_with(magic)) {
        return Err(refuse((*other).into(), expected));
    }
    if plain.starts_with(BYTE_ORDER_MARK) {
        plain.drain(..BYTE_ORDER_MARK.len());
    }
    if plain.iter().all(u8::is_ascii_whitespace) {
        let found = if bytes.is_empty() { "an empty file" } else { "a file without text" };
        return Err(refuse(found.into(), expected));
    }
    if let Some(offset) = plain.iter().position(|byte| *byte == 0) {
        return Err(refuse(format!("a zero byte at offset {offset}, as UTF-16 and binary files have"), expected));
    }
    let not_utf8 = |error: std::string::FromUtf8Error| {
        refuse(format!("a stray byte at offset {}", error.utf8_error().valid_up_to()), expected)
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
        assert_eq!(read_text("a", b"\xef\xbb\xbf{}").unwrap(), "{}");
        assert_eq!(read_text("a", &gzip(b"\xef\xbb\xbf{}")).unwrap(), "{}");
    }

    #[test]
    fn what_is_no_text_is_called_what_it_is() {
        let cases: [(&[u8], &str); 12] = [
            (b"", "an empty file"),
            (b" \n\t\r\n", "a file without text"),
            (b"\xef\xbb\xbf", "a file without text"),
            (b"\xff\xfe{\0}\0", "UTF-16 text, little endian"),
            (b"\xfe\xff\0{\0}", "UTF-16 text, big endian"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32 text, little endian"),
            (b"\0\0\xfe\xff\0\0\0{", "UTF-32 text, big endian"),
            (b"{\0}\0", "a zero byte at offset 1, as UTF-16 and binary files have"),
            (b"PAR1\x15", "a parquet file"),
            (b"PK\x03\x04\x14", "a zip archive"),
            (b"\x28\xb5\x2f\xfd\x24", "a zstd-compressed file"),
            (b"{}\xe4", "a stray byte at offset 2"),
        ];
        for (bytes, found) in cases {
            let expected = format!("answers.json: found {found}, expected UTF-8 text");
            assert_eq!(read_text("answers.json", bytes).unwrap_err().to_string(), expected);
        }
        assert!(read_text("a", &gzip(b"")).unwrap_err().to_string().contains("a file without text"));
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
