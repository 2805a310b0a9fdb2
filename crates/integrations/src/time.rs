//! Times as AWS writes them: ISO-8601, milliseconds, and the `Date` header.

use jiff::Timestamp;

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// `2025-11-06T12:19:18.042Z`: how the AWS SDK integrations show a time.
pub(crate) fn iso(ms: i64) -> String {
    strftime(ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// `Thu, 06 Nov 2025 12:19:18 GMT`: the `Date` header.
pub(crate) fn http_date(ms: i64) -> String {
    strftime(ms, "%a, %d %b %Y %H:%M:%S GMT")
}

/// The API's seconds with a fraction, as whole milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the seconds of any date that jiff can show fit 64 bits as milliseconds"
)]
pub(crate) fn ms_of_seconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

fn strftime(ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        let ms = ms_of_seconds(1_762_431_558.042);
        assert_eq!(ms, 1_762_431_558_042);
        assert_eq!(iso(ms), "2025-11-06T12:19:18.042Z");
        assert_eq!(http_date(ms), "Thu, 06 Nov 2025 12:19:18 GMT");
    }
}
