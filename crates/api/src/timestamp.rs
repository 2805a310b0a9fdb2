//! [`Timestamp`]: how AWS JSON writes times.

use serde::{Serialize, Serializer};

/// A time in milliseconds since the Unix epoch; on the wire it is in seconds, with a fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp(pub i64);

impl Serialize for Timestamp {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit in the 52 bits of the fraction")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}
