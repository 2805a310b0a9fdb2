//! What this machine can do at all, measured in the same run: the ceiling of every figure below.

use crate::Result;
use std::io::Write;
use std::time::{Duration, Instant};

const TRY_FOR: Duration = Duration::from_secs(1);

/// Prints the machine's limits.
pub fn print() -> Result {
    let cores = std::thread::available_parallelism()?;
    println!("machine: {cores} cores, {} synced appends/s (one writer, fdatasync)\n", synced_appends_per_second()?);
    Ok(())
}

fn synced_appends_per_second() -> Result<u128> {
    let mut file = tempfile::tempfile()?;
    let start = Instant::now();
    let mut appends = 0_u128;
    while start.elapsed() < TRY_FOR {
        file.write_all(&[0; 512])?;
        file.sync_data()?;
        appends += 1;
    }
    Ok(appends * 1_000 / start.elapsed().as_millis().max(1))
}
