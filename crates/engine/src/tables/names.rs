//! Names of executions that were removed and whose names are not given again yet.

use super::{ExecutionKey, NAMES, ReadError, Tables, Writes, decode, encode, reads::PAGE, successor};
use store::{Range, Record};

impl Tables {
    /// Until when the name is not given again, of an execution that was removed.
    pub(crate) fn name_taken_until_ms(&self, key: ExecutionKey) -> Result<Option<i64>, ReadError> {
        self.record(NAMES, &key.0)
    }

    /// Names that can be given again: a page of them from the position `from`, which is moved on; `None` at the end.
    pub(crate) fn free_names(&self, now_ms: i64, from: &mut Vec<u8>) -> Result<Option<Vec<Record>>, ReadError> {
        let rows = self.store().scan(NAMES, Range::new(from, None), PAGE)?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        *from = successor(last);
        // One that cannot be read is of no use.
        let is_free = |(_, value): &Record| decode::<i64>(NAMES, value).map_or(true, |until_ms| until_ms <= now_ms);
        Ok(Some(rows.into_iter().filter(is_free).collect()))
    }
}

impl Writes {
    pub(crate) fn take_name(&mut self, key: ExecutionKey, until_ms: i64) {
        self.put(NAMES, key.0.to_vec(), encode(&until_ms));
    }

    /// Unless it was taken anew.
    pub(crate) fn free_name(&mut self, row: Record) {
        self.delete(NAMES, row.0.clone());
        self.expect(NAMES, row);
    }
}
