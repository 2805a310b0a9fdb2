//! What is measured from outside: what a process has taken, as the operating system counts it, and percentiles.

use std::time::Duration;

/// The kernel counts processor time in hundredths of a second (`USER_HZ`, the same on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// Processor time that a process has taken, all its threads together.
pub fn processor_time(process_id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    // The name of the program is in brackets and may have blanks; user and system time are fields 14 and 15.
    let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    TICK * ticks.sum::<u32>()
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(process_id: u32) -> u64 {
    memory_bytes(process_id, "VmRSS:")
}

/// The most that it was, since the process began or the peak was reset (`/proc/PID/clear_refs`).
pub fn peak_bytes(process_id: u32) -> u64 {
    memory_bytes(process_id, "VmHWM:")
}

fn memory_bytes(process_id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

/// The value that `per_mille` of a thousand did not exceed; the values are sorted.
pub fn percentile<T: Copy>(sorted: &[T], per_mille: usize) -> Option<T> {
    sorted.get(sorted.len().saturating_sub(1) * per_mille / 1_000).copied()
}
