//! Task tokens: an execution and the event that scheduled its task, sealed so that nobody can make one up.
//!
//! The key is drawn when the store is new and kept in it, so tokens survive restarts. Sealing is deterministic: a step
//! that is made again (on the slow lane, or after a failed commit) shows the same token. That is sound because the nonce
//! is a keyed hash of the content: the same nonce is used again only for the same content.

use crate::{Error, tables::ExecutionKey};
use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use json::Text;
use machine::EventId;
use sha2::{Digest, Sha256};

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskToken {
    pub(crate) key: ExecutionKey,
    /// A name can be used again after the retention time: the token of the earlier execution does not fit the later.
    pub(crate) start_ms: i64,
    /// The event that scheduled the task; each attempt has its own.
    pub(crate) id: EventId,
}

/// Seals and reads tokens.
pub(crate) struct Sealer {
    key: [u8; 32],
    cipher: Aes256Gcm,
}

const CONTENT: usize = 1 + 16 + 8 + 8;
const NONCE: usize = 12;
/// The layout of the content.
const LAYOUT: u8 = 1;

impl Sealer {
    pub(crate) fn new(key: [u8; 32]) -> Sealer {
        Sealer { key, cipher: Aes256Gcm::new(&key.into()) }
    }

    pub(crate) fn seal(&self, token: TaskToken) -> Text {
        let content = content(token);
        let nonce = self.nonce(&content);
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), content.as_slice()).unwrap_or_default();
        STANDARD.encode([nonce.as_slice(), &sealed].concat()).into()
    }

    pub(crate) fn open(&self, text: &str) -> Result<TaskToken, Error> {
        self.read(text).ok_or(Error::InvalidTaskToken)
    }

    fn read(&self, text: &str) -> Option<TaskToken> {
        let bytes = STANDARD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let content = self.cipher.decrypt(&Nonce::from(*nonce), sealed).ok()?;
        let (layout, content) = content.split_first()?;
        let (key, content) = content.split_first_chunk::<16>()?;
        let (start, id) = content.split_first_chunk::<8>()?;
        let id = EventId::from_be_bytes(id.try_into().ok()?);
        (*layout == LAYOUT).then_some(TaskToken { key: ExecutionKey(*key), start_ms: i64::from_be_bytes(*start), id })
    }

    /// A key of the store's own for another purpose.
    pub(crate) fn derived_key(&self, purpose: &str) -> [u8; 32] {
        let hash = Sha256::new().chain_update(b"key").chain_update(self.key).chain_update(purpose).finalize();
        hash.first_chunk().copied().unwrap_or_default()
    }

    fn nonce(&self, content: &[u8]) -> [u8; NONCE] {
        let hash = Sha256::new().chain_update(b"nonce").chain_update(self.key).chain_update(content).finalize();
        hash.first_chunk().copied().unwrap_or_default()
    }
}

fn content(token: TaskToken) -> [u8; CONTENT] {
    let pieces = [&[LAYOUT][..], &token.key.0, &token.start_ms.to_be_bytes(), &token.id.to_be_bytes()];
    let mut content = [0; CONTENT];
    for (to, from) in content.iter_mut().zip(pieces.into_iter().flatten()) {
        *to = *from;
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: EventId) -> TaskToken {
        TaskToken { key: ExecutionKey::of("arn:aws:states:us-east-1:123456789012:execution:a:b"), start_ms: 5, id }
    }

    #[test]
    fn what_is_sealed_can_be_read_and_is_the_same_each_time() {
        let sealer = Sealer::new([3; 32]);
        let text = sealer.seal(token(4));
        assert_eq!(sealer.open(&text).unwrap(), token(4));
        assert_eq!(text, Sealer::new([3; 32]).seal(token(4)));
        assert_ne!(text, sealer.seal(token(5)));
        assert!(text.len() <= 1_024);
    }

    #[test]
    fn what_was_not_sealed_here_is_refused() {
        let sealer = Sealer::new([3; 32]);
        let foreign = Sealer::new([4; 32]).seal(token(4));
        let mut bent = sealer.seal(token(4)).to_string();
        bent.replace_range(20..21, if bent.as_bytes()[20] == b'A' { "B" } else { "A" });
        for text in ["", "no token", "AAAA", &foreign, &bent] {
            assert!(matches!(sealer.open(text), Err(Error::InvalidTaskToken)), "{text}");
        }
    }
}
