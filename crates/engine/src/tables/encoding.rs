//! How a record is stored: a byte that tells the format, and behind it MessagePack, packed with LZ4 if it has some length.
//!
//! The events of a step name their fields, their resources and mostly the same data again and again: packed they have a
//! third of their bytes, or less. All of them go through the journal, the memtables, and tables that are merged with others
//! time and again, so packing costs less than it saves.

use super::ReadError;
use serde::{Serialize, de::DeserializeOwned};
use store::{Keyspace, VALUE_BYTES_MAX};

/// MessagePack; structures are maps with the names of their fields, so that some can be added.
const PLAIN: u8 = 1;
/// The same in one block of LZ4, behind its length (`u32`, little-endian).
const PACKED: u8 = 2;

/// What is shorter would hardly become smaller.
const PACKED_FROM_BYTES: usize = 256;

/// Never fails for the records of this crate: they have no maps with keys that are no strings.
pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let mut value = vec![PLAIN];
    if let Err(error) = rmp_serde::encode::write_named(&mut value, record) {
        tracing::error!(%error, "a record could not be encoded");
    }
    packed(&value).unwrap_or(value)
}

/// The record packed, if that makes it smaller. One that is too large for the store stays so.
fn packed(value: &[u8]) -> Option<Vec<u8>> {
    let (_, plain) = value.split_first()?;
    if !(PACKED_FROM_BYTES..=VALUE_BYTES_MAX).contains(&plain.len()) {
        return None;
    }
    let block = lz4_flex::block::compress(plain);
    let length = u32::try_from(plain.len()).ok()?;
    let packed = [&[PACKED][..], &length.to_le_bytes(), &block].concat();
    (packed.len() < value.len()).then_some(packed)
}

/// # Errors
///
/// [`ReadError::Corrupt`] for what [`encode`] did not write.
pub(super) fn decode<T: DeserializeOwned>(keyspace: Keyspace, value: &[u8]) -> Result<T, ReadError> {
    let corrupt = |why: String| ReadError::Corrupt { keyspace: keyspace.0, why };
    let read = |plain: &[u8]| rmp_serde::from_slice(plain).map_err(|error| corrupt(error.to_string()));
    match value.split_first() {
        Some((&PLAIN, plain)) => read(plain),
        Some((&PACKED, packed)) => read(&unpacked(packed).map_err(corrupt)?),
        Some((format, _)) => Err(corrupt(format!("format {format} is not known"))),
        None => Err(corrupt("it is empty".into())),
    }
}

/// The bytes of a record that is not packed, as its value says.
pub(super) fn plain_length(value: &[u8]) -> usize {
    match value.split_first_chunk::<5>() {
        Some(([PACKED, length @ ..], _)) => usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX),
        _ => value.len(),
    }
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, String> {
    let (length, block) = packed.split_first_chunk().ok_or("it has no length")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    // A length that is damaged must not take all memory.
    if length > VALUE_BYTES_MAX {
        return Err(format!("it says that it has {length} bytes"));
    }
    let plain = lz4_flex::block::decompress(block, length).map_err(|error| error.to_string())?;
    if plain.len() == length { Ok(plain) } else { Err(format!("it has {} bytes, not {length}", plain.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::META;

    fn is_corrupt(value: &[u8]) -> bool {
        matches!(decode::<String>(META, value), Err(ReadError::Corrupt { .. }))
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let check = |text: &str, format: u8| {
            let value = encode(&text);
            assert_eq!(value.first(), Some(&format), "{} bytes", text.len());
            assert_eq!(decode::<String>(META, &value).unwrap(), text);
            value.len()
        };
        check("", PLAIN);
        check(&"a".repeat(200), PLAIN);
        assert!(check(&"a".repeat(10_000), PACKED) < 100);
        // What does not become smaller is not packed.
        let digits: String = (0..300u32).filter_map(|n| char::from_u32(0x4E00 + n * 67 % 20_000)).collect();
        check(&digits, PLAIN);
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Told {
        name: String,
        times: u64,
    }

    /// The exact bytes of both formats: folders are full of them.
    #[test]
    fn a_stored_record_is_read_as_what_it_was() {
        let plain = b"\x01\x82\xa4name\xa2ab\xa5times\x03";
        let told = Told { name: "ab".into(), times: 3 };
        assert_eq!(decode::<Told>(META, plain).unwrap(), told);
        assert_eq!(encode(&told), plain);
        // 316 bytes. The block: 11 of them as they are; 298 (4 + 15 + 255 + 24), each the one that is 1 byte before it; 7 as
        // they are.
        let packed = b"\x02\x3c\x01\x00\x00\xbf\x82\xa4name\xda\x01\x2cab\x01\x00\xff\x18\x70\xa5times\x03";
        let told = Told { name: format!("a{}", "b".repeat(299)), times: 3 };
        assert_eq!(decode::<Told>(META, packed).unwrap(), told);
        let encoded = encode(&told);
        assert_eq!(encoded.first(), Some(&PACKED));
        assert_eq!(unpacked(&encoded[1..]), unpacked(&packed[1..]));
    }

    #[test]
    fn what_earlier_builds_stored_is_read() {
        let mut value = vec![PLAIN];
        rmp_serde::encode::write_named(&mut value, &"a".repeat(10_000)).unwrap();
        assert_eq!(decode::<String>(META, &value).unwrap().len(), 10_000);
    }

    #[test]
    fn an_unknown_format_is_corrupt() {
        assert!(is_corrupt(&[]));
        assert!(is_corrupt(&[9, 1]));
    }

    #[test]
    fn what_cannot_be_unpacked_is_corrupt() {
        let whole = encode(&"a".repeat(1_000));
        let with = |at: usize, byte: u8| {
            let mut value = whole.clone();
            value[at] = byte;
            value
        };
        assert!(!is_corrupt(&whole));
        assert!(is_corrupt(&whole[..3]));
        assert!(is_corrupt(&whole[..whole.len() - 1]));
        assert!(is_corrupt(&with(1, whole[1] + 1)), "its length is one more");
        assert!(is_corrupt(&with(1, whole[1] - 1)), "its length is one less");
        assert!(is_corrupt(&with(4, 0xFF)), "its length is 4 GB");
    }
}
