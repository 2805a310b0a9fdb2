//! Page tokens: positions of the engine, sealed so that nobody can read or make one, and good only for the
//! operation and the filter that they were given for, and for some hours. The key is the store's, so they survive a restart.

use crate::ApiError;
use crate::random;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use engine::{Clock, Page};
use json::Text;
use std::sync::Arc;

/// Results of a page when `maxResults` is 0 or not given: AWS's default, which each request can change. How many it can
/// ask for, 1,000, is a constraint of the service model.
const PAGE_SIZE_DEFAULT: usize = 100;
const NONCE_LEN: usize = 12;

/// Seals and opens page tokens.
pub(crate) struct PageTokens {
    cipher: Aes256Gcm,
    clock: Arc<dyn Clock>,
    lifetime_ms: i64,
}

impl PageTokens {
    /// `hours` is how long a token is good.
    pub(crate) fn new(key: [u8; 32], clock: Arc<dyn Clock>, hours: u64) -> PageTokens {
        let lifetime_ms = i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(3_600_000);
        PageTokens { cipher: Aes256Gcm::new(&key.into()), clock, lifetime_ms }
    }

    /// The page that `maxResults` and `nextToken` ask for. `filter` is everything that selects the results.
    pub(crate) fn page(&self, max: Option<i64>, token: Option<&Text>, filter: &[&str]) -> Result<Page, ApiError> {
        let after = match token {
            Some(token) => Some(self.open(token, filter).ok_or_else(ApiError::invalid_token)?),
            None => None,
        };
        let size = max.and_then(|max| usize::try_from(max).ok()).filter(|max| *max > 0).unwrap_or(PAGE_SIZE_DEFAULT);
        Ok(Page { size, after })
    }

    /// The token for what comes after a page.
    pub(crate) fn next(&self, position: Option<Vec<u8>>, filter: &[&str]) -> Option<Text> {
        let nonce = random::bytes::<NONCE_LEN>();
        let content = [self.clock.now_ms().to_be_bytes().as_slice(), &position?].concat();
        let payload = Payload { msg: &content, aad: &associated(filter) };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()).into())
    }

    fn open(&self, token: &str, filter: &[&str]) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload { msg: sealed, aad: &associated(filter) };
        let content = self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()?;
        let (sealed_ms, position) = content.split_first_chunk()?;
        let age_ms = self.clock.now_ms().saturating_sub(i64::from_be_bytes(*sealed_ms));
        (age_ms < self.lifetime_ms).then(|| position.to_vec())
    }
}

fn associated(filter: &[&str]) -> Vec<u8> {
    filter.join("\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ManualClock;
    use std::time::Duration;

    fn tokens(key: u8, clock: &Arc<ManualClock>, hours: u64) -> PageTokens {
        PageTokens::new([key; 32], Arc::clone(clock) as _, hours)
    }

    #[test]
    fn a_token_is_good_for_some_hours_and_for_the_store_that_gave_it() {
        for hours in [1, 24] {
            let clock = Arc::new(ManualClock::at(0));
            let token = tokens(1, &clock, hours).next(Some(b"position".to_vec()), &[]).unwrap();
            clock.advance(Duration::from_hours(hours - 1) + Duration::from_millis(3_599_999));
            let page = tokens(1, &clock, hours).page(None, Some(&token), &[]).unwrap();
            assert_eq!(page.after, Some(b"position".to_vec()));
            assert!(tokens(2, &clock, hours).page(None, Some(&token), &[]).is_err());
            clock.advance(Duration::from_millis(1));
            assert!(tokens(1, &clock, hours).page(None, Some(&token), &[]).is_err());
        }
    }

    #[test]
    fn a_token_is_good_for_its_filter_only() {
        let tokens = tokens(1, &Arc::new(ManualClock::at(0)), 24);
        let filter = ["ListExecutions", "arn:aws:states:us-east-1:123456789012:stateMachine:a", "RUNNING"];
        let token = tokens.next(Some(b"position".to_vec()), &filter).unwrap();
        let page = tokens.page(Some(3), Some(&token), &filter).unwrap();
        assert_eq!((page.size, page.after), (3, Some(b"position".to_vec())));

        let other = ["ListExecutions", "arn:aws:states:us-east-1:123456789012:stateMachine:a", "FAILED"];
        let mut changed = token.to_string();
        changed.replace_range(0..1, if changed.starts_with('A') { "B" } else { "A" });
        for (token, filter) in [
            (&*token, &other),
            (&changed, &filter),
            ("InvalidToken", &filter),
            ("", &filter),
            ("\u{1F600}", &filter),
            (&"x".repeat(1024), &filter),
        ] {
            let refused = tokens.page(None, Some(&token.into()), filter).unwrap_err();
            assert_eq!((refused.code, &*refused.message), ("InvalidToken", "Invalid Token: 'Invalid token'"));
        }
        assert_eq!(tokens.next(None, &filter), None);
    }

    #[test]
    fn no_size_and_zero_are_the_default() {
        let tokens = tokens(1, &Arc::new(ManualClock::at(0)), 24);
        for (max, size) in [(None, 100), (Some(0), 100), (Some(1), 1), (Some(1000), 1000)] {
            assert_eq!(tokens.page(max, None, &[]).unwrap().size, size);
        }
    }
}
