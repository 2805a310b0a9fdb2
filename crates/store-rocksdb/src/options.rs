//! How a folder is used, and what that means for RocksDB.

use rocksdb::{BlockBasedOptions, Cache, ChecksumType, DBCompressionType, DBRecoveryMode, InfoLogger, LogLevel};

/// How a folder is used. The defaults favour a small process.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of blocks that are kept for reading.
    pub cache_bytes: usize,
    /// Bytes of recent writes that each keyspace keeps in memory before it writes them to a table. A keyspace that is
    /// written faster than the disk takes it holds up to four times as much.
    pub memtable_bytes: usize,
    /// Bytes of recent writes in memory, of all keyspaces together. The largest are written to tables earlier for it.
    pub memtables_bytes_max: usize,
    /// A group takes no further batch when it has so many bytes; bounds how long the next one waits.
    pub group_bytes_max: usize,
    /// Threads that write tables and merge them.
    pub background_threads: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 16 << 20,
            memtable_bytes: 8 << 20,
            memtables_bytes_max: 64 << 20,
            group_bytes_max: 1 << 20,
            background_threads: 2,
        }
    }
}

/// Logs are deleted when everything in them is in tables. At this size the keyspaces that still need the oldest one are
/// written to tables early, so this bounds what must be read again after a crash.
const LOGS_BYTES_MAX: u64 = 64 << 20;
/// A keyspace with few records takes no more memory than this.
const ARENA_BLOCK_BYTES: usize = 64 << 10;
const TABLE_BYTES: u64 = 16 << 20;
const FIRST_LEVEL_BYTES: u64 = 64 << 20;
const OPEN_TABLES_MAX: i32 = 1_024;
/// What tables are written in, so that a sync at their end does not hold up the log.
const BYTES_PER_SYNC: u64 = 1 << 20;
const FILTER_BITS_PER_KEY: f64 = 10.0;
/// A table with so many deletions among so many records is merged soon: what it hides is in the way of scans.
const DELETIONS: (usize, usize) = (512, 256);

/// Of the database. `recovery` is what becomes of a log that is not whole.
pub(crate) fn of_database(options: &Options, recovery: DBRecoveryMode) -> rocksdb::Options {
    let mut of = of_keyspace(options);
    of.set_paranoid_checks(true);
    of.set_wal_recovery_mode(recovery);
    // A log that the list of tables needs, and that is not there, is noticed.
    of.set_track_and_verify_wals_in_manifest(true);
    of.set_max_total_wal_size(LOGS_BYTES_MAX);
    of.set_db_write_buffer_size(options.memtables_bytes_max);
    of.increase_parallelism(options.background_threads);
    of.set_max_open_files(OPEN_TABLES_MAX);
    of.set_bytes_per_sync(BYTES_PER_SYNC);
    of.set_avoid_unnecessary_blocking_io(true);
    // One thread writes.
    of.set_allow_concurrent_memtable_write(false);
    of.set_enable_write_thread_adaptive_yield(false);
    // Neither statistics nor a log file of its own: what it has to say goes where all else goes.
    of.set_stats_dump_period_sec(0);
    of.set_stats_persist_period_sec(0);
    of.set_skip_stats_update_on_db_open(true);
    of.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Warn, |level, text| match level {
        LogLevel::Error | LogLevel::Fatal => tracing::error!("RocksDB: {text}"),
        _ => tracing::debug!("RocksDB: {text}"),
    }));
    of
}

/// Of a column family. Those of one database are clones of one value, so that they share its cache.
pub(crate) fn of_keyspace(options: &Options) -> rocksdb::Options {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(&Cache::new_lru_cache(options.cache_bytes));
    tables.set_bloom_filter(FILTER_BITS_PER_KEY, false);
    // What `integrity` can tell a flipped bit by: with later formats the checksum is of more than the block.
    tables.set_checksum_type(ChecksumType::CRC32c);
    tables.set_format_version(5);
    let mut of = rocksdb::Options::default();
    of.set_block_based_table_factory(&tables);
    of.set_write_buffer_size(options.memtable_bytes);
    of.set_max_write_buffer_number(4);
    of.set_arena_block_size(ARENA_BLOCK_BYTES);
    of.set_target_file_size_base(TABLE_BYTES);
    of.set_max_bytes_for_level_base(FIRST_LEVEL_BYTES);
    // What is written first is merged soon.
    of.set_compression_per_level(&[DBCompressionType::None, DBCompressionType::Lz4]);
    of.add_compact_on_deletion_collector_factory(DELETIONS.0, DELETIONS.1, 0.0);
    of
}
