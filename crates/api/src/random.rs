//! Random bytes of the operating system: keys, nonces and request ids.

/// Panics when the operating system has no randomness: tokens and keys made without it could be guessed.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "going on with bytes that can be guessed would be worse")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A version 4 UUID.
pub(crate) fn uuid() -> String {
    let mut bits = u128::from_be_bytes(bytes());
    bits = bits & !(0xF << 76) | (0x4 << 76);
    bits = bits & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (position, digit) in hex.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn uuids_have_version_and_variant() {
        let uuid = super::uuid();
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
        assert_ne!(uuid, super::uuid());
    }
}
