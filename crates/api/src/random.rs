//! Random bytes of the operating system: keys, nonces and request ids.

use std::cell::RefCell;

/// Panics when the operating system has no randomness: tokens and keys made without it could be guessed.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "going on with bytes that can be guessed would be worse")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// UUIDs for which the operating system is asked at once: each request has one, and to ask costs more than all else of it.
const STOCK: usize = 64;

thread_local! {
    static UUIDS: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) };
}

/// A version 4 UUID.
pub(crate) fn uuid() -> String {
    let mut bits = UUIDS.with_borrow_mut(|stock| {
        if stock.is_empty() {
            stock.extend(bytes::<{ STOCK * 16 }>().as_chunks().0.iter().map(|bits| u128::from_be_bytes(*bits)));
        }
        stock.pop().unwrap_or_else(|| u128::from_be_bytes(bytes()))
    });
    bits = bits & !(0xF << 76) | (0x4 << 76);
    bits = bits & !(0x3 << 62) | (0x2 << 62);
    let mut text = String::with_capacity(36);
    for (position, byte) in bits.to_be_bytes().into_iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 0xF].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default()));
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
        let many: std::collections::HashSet<String> = (0..1_000).map(|_| super::uuid()).collect();
        assert!(many.len() == 1_000 && !many.contains(&uuid) && many.iter().all(|uuid| uuid.len() == 36));
    }
}
