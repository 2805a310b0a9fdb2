//! Texts as they stand inside of a JSON text: how many bytes they take there, and how much of one has room.

/// Bytes of a text in a JSON string, without its quotes.
pub(crate) fn len(text: &str) -> usize {
    text.bytes().map(byte_len).sum()
}

/// As much of the beginning of a text as has room in so many bytes of a JSON string. No character is cut.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    // No byte takes more than six.
    if text.len().saturating_mul(6) <= bytes_max {
        return text;
    }
    let mut bytes = 0;
    let end = text.bytes().position(|byte| {
        bytes += byte_len(byte);
        bytes > bytes_max
    });
    let end = end.map_or(text.len(), |end| text.floor_char_boundary(end));
    text.get(..end).unwrap_or(text)
}

fn byte_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | b'\x08' | b'\x0c' => 2,
        // `\u001f`
        ..=0x1f => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_measured_and_cut_as_it_is_written() {
        let text = "a\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}ä€😀/";
        let written = |text: &str| serde_json::to_string(text).unwrap().len() - 2;
        assert_eq!(len(text), written(text));
        let mut pieces = Vec::new();
        for bytes in 0..=len(text) + 1 {
            let piece = cut(text, bytes);
            assert!(text.starts_with(piece) && written(piece) <= bytes, "{bytes} {piece:?}");
            let next = text.get(piece.len()..).and_then(|rest| rest.chars().next());
            assert!(next.is_none_or(|next| written(piece) + len(&next.to_string()) > bytes), "{bytes} {piece:?}");
            pieces.push(piece);
        }
        pieces.dedup();
        assert_eq!(pieces.len(), text.chars().count() + 1);
        assert_eq!(cut(text, 1_000), text);
    }
}
