//! CRC-32C as RocksDB stores it, and the bit that makes one wrong.

use super::Flip;
use std::ops::Range;

/// The remainders of all bytes, by the reflected polynomial of Castagnoli.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let (mut remainder, mut bit) = (byte, 0);
        while bit < 8 {
            remainder = (remainder >> 1) ^ (if remainder & 1 == 1 { 0x82f6_3b78 } else { 0 });
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "in a constant it is checked when it is compiled")]
        {
            table[byte as usize] = remainder;
        }
        byte += 1;
    }
    table
};

fn next(remainder: u32, byte: u8) -> u32 {
    let [low, ..] = remainder.to_le_bytes();
    TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (remainder >> 8)
}

/// The checksum of bytes in the form in which it is stored.
pub(super) fn stored(bytes: &[u8]) -> u32 {
    (!bytes.iter().fold(!0, |remainder, byte| next(remainder, *byte))).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The checksum of what is stored at a place.
fn unmasked(stored: u32) -> u32 {
    stored.wrapping_sub(0xa282_ead8).rotate_left(15)
}

/// The one bit of `checked`, or of its checksum at `checksum_at`, that makes both agree when it is turned.
///
/// A CRC is linear: what a flipped bit does to it depends only on how many bytes follow, so one pass from the end finds it.
pub(super) fn flipped(bytes: &[u8], checked: Range<usize>, checksum_at: usize) -> Option<Flip> {
    let written = u32::from_le_bytes(*bytes.get(checksum_at..)?.first_chunk()?);
    let right = stored(bytes.get(checked.clone())?);
    let wrong_bits = written ^ right;
    if wrong_bits.is_power_of_two() {
        let (place, byte) =
            right.to_le_bytes().into_iter().enumerate().nth(wrong_bits.trailing_zeros() as usize / 8)?;
        return Some(Flip { at: checksum_at + place, byte });
    }
    let wanted = unmasked(written) ^ unmasked(right);
    let mut remainders = [0, 1, 2, 3, 4, 5, 6, 7].map(|bit| next(0, 1 << bit));
    for at in checked.rev() {
        if let Some(bit) = remainders.iter().position(|remainder| *remainder == wanted) {
            return Some(Flip { at, byte: bytes.get(at)? ^ (1 << bit) });
        }
        remainders = remainders.map(|remainder| next(remainder, 0));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_crc_32c() {
        assert_eq!(unmasked(stored(b"123456789")), 0xe306_9283);
    }

    #[test]
    fn each_flipped_bit_is_found() {
        let mut bytes = stored(b"some text that was written").to_le_bytes().to_vec();
        bytes.extend(b"some text that was written");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped_bytes = bytes.clone();
                flipped_bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << bit);
                let found = flipped(&flipped_bytes, 4..bytes.len(), 0);
                assert_eq!(found, bytes.get(at).map(|byte| Flip { at, byte: *byte }));
            }
        }
        assert_eq!(flipped(b"1234and something else", 4..22, 0), None);
    }
}
