//! Identifiers of requests and traces, drawn at random or derived from an idempotency key.

use sha2::{Digest, Sha256};

/// A random UUID (version 4), as AWS names requests.
pub(crate) fn request_id() -> String {
    uuid(random())
}

/// The same UUID for the same key: so that a call made again after a restart names the same thing.
pub(crate) fn derived_uuid(key: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(Sha256::digest(key.as_bytes()).get(..16).unwrap_or(&[0; 16]));
    uuid(bytes)
}

/// An X-Ray trace header with a new root, not sampled.
pub(crate) fn trace_id(now_ms: i64) -> String {
    let root = u128::from_be_bytes(random()) >> 32;
    let parent = u128::from_be_bytes(random()) >> 64;
    format!("Root=1-{:08x}-{root:024x};Parent={parent:016x};Sampled=0", now_ms / 1000)
}

/// Random bytes. An operating system without randomness gives zeros: the identifiers are labels, not secrets.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::warn!(%error, "the operating system gave no randomness for a request id");
    }
    bytes
}

fn uuid(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{number:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_uuids_of_version_4() {
        let id = request_id();
        assert_ne!(id, request_id());
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!("89ab".contains(char::from(id.as_bytes()[19])));
    }

    #[test]
    fn a_key_always_names_the_same() {
        assert_eq!(derived_uuid("execution/7"), derived_uuid("execution/7"));
        assert_ne!(derived_uuid("execution/7"), derived_uuid("execution/8"));
    }

    #[test]
    fn trace_headers_have_the_form_of_x_ray() {
        let trace = trace_id(1_762_431_558_042);
        assert!(trace.starts_with("Root=1-690c9246-"), "{trace}");
        assert_eq!(trace.len(), "Root=1-690c9246-".len() + 24 + ";Parent=".len() + 16 + ";Sampled=0".len());
    }
}
