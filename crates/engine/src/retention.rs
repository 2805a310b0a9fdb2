//! Closed executions are kept for so many days, then removed, a few at a time and beside the shards: a shard never
//! writes to a closed execution.

use crate::{Error, environment::Environment, tables::Writes};
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;
/// How often it is looked for what has expired.
const EVERY_MS: i64 = 600_000;
/// Executions that are removed in one commit.
const AT_ONCE: usize = 64;

/// Removes what has expired, again and again.
pub(crate) async fn run(environment: Arc<Environment>) {
    loop {
        match remove_expired(&environment).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "closed executions were removed"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "expired executions were not removed");
            }
        }
        environment.clock.sleep_until(environment.clock.now_ms().saturating_add(EVERY_MS)).await;
    }
}

/// Removes what has expired, and says how many executions that were.
pub(crate) async fn remove_expired(environment: &Environment) -> Result<usize, Error> {
    let days = i64::try_from(environment.options.limits.retention_days).unwrap_or(i64::MAX);
    let before_ms = environment.clock.now_ms().saturating_sub(days.saturating_mul(DAY_MS));
    let mut removed = 0;
    loop {
        let tables = environment.tables()?;
        let expired = tables.expired(before_ms, AT_ONCE)?;
        if expired.is_empty() {
            return Ok(removed);
        }
        removed += expired.len();
        let mut writes = Writes::default();
        for (row, key) in expired {
            tables.forget(&mut writes, row, key)?;
        }
        environment.commit(writes).await?;
    }
}
