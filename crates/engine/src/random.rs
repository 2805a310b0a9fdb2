//! Randomness for keys, seeds and names: of the operating system, or of a seed that a simulation gives.

use crate::Error;
use query::{Ambient, Budget};
use std::sync::{Mutex, PoisonError};

/// Where the engine draws from.
pub(crate) enum Random {
    System,
    /// The same numbers for the same seed: a simulation.
    Seeded(Mutex<Ambient>),
}

impl Random {
    /// Of the operating system, if there is no seed.
    pub(crate) fn new(seed: Option<u64>, budget: Budget) -> Random {
        seed.map_or(Random::System, |seed| Random::Seeded(Mutex::new(Ambient::new(0, seed, budget))))
    }

    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        match self {
            Random::System => getrandom::fill(&mut bytes)
                .map_err(|error| Error::System { action: "draw random bytes", source: error.into() })?,
            Random::Seeded(numbers) => {
                let numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
                bytes.chunks_mut(8).for_each(|chunk| {
                    chunk.iter_mut().zip(numbers.next_u64().to_le_bytes()).for_each(|(byte, drawn)| *byte = drawn);
                });
            }
        }
        Ok(bytes)
    }

    /// One of 0 to 99, each as likely.
    pub(crate) fn below_100(&self) -> Result<u8, Error> {
        // Of so many numbers it does not matter that 100 does not divide them.
        let number = u64::from_be_bytes(self.bytes()?) % 100;
        Ok(u8::try_from(number).unwrap_or_default())
    }

    /// A version 4 UUID in lower case.
    pub(crate) fn uuid(&self) -> Result<String, Error> {
        let random = u128::from_be_bytes(self.bytes()?);
        let versioned = (random & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
        let hex = format!("{versioned:032x}");
        let (mut rest, mut groups) = (hex.as_str(), Vec::new());
        for length in [8, 4, 4, 4, 12] {
            let (group, after) = rest.split_at(length);
            groups.push(group);
            rest = after;
        }
        Ok(groups.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version() {
        let random = Random::System;
        let uuid = random.uuid().unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_ne!(uuid, random.uuid().unwrap());
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let random = Random::new(Some(seed), crate::Options::default().quick_budget);
            (random.bytes::<13>().unwrap(), random.uuid().unwrap(), random.below_100().unwrap())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
