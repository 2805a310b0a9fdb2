//! Randomness of the operating system, for keys, seeds and names.

use crate::Error;

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::System { action: "draw random bytes", source: error.into() })?;
    Ok(bytes)
}

/// One of 0 to 99, each as likely.
pub(crate) fn below_100() -> Result<u8, Error> {
    // Of so many numbers it does not matter that 100 does not divide them.
    let number = u64::from_be_bytes(bytes()?) % 100;
    Ok(u8::try_from(number).unwrap_or_default())
}

/// A version 4 UUID in lower case.
pub(crate) fn uuid() -> Result<String, Error> {
    let random = u128::from_be_bytes(bytes()?);
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_uuid_says_its_version() {
        let uuid = super::uuid().unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_ne!(uuid, super::uuid().unwrap());
    }
}
