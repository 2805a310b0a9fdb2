//! What is removed after its time: closed executions, those that were set aside, their names, and revisions that nothing
//! uses. It is done a little at a time and beside the shards: a shard never writes to a closed execution, unless that is redriven.
//!
//! Whatever is removed has a precondition: the record that says that its time is over. An execution that is open again
//! meanwhile, or a revision that was superseded anew, stays. Before an execution is removed nobody can read it any more
//! ([`Environment::expired_before_ms`]), so nobody sees one that is removed in part.

use crate::{
    Error,
    environment::{Environment, retention_ms},
    tables::{Expired, Search, Tables, Unused, Writes},
};
use futures_util::future::join_all;
use std::sync::Arc;

/// How often it is looked for executions that have expired: so often, or four times in the time that they are kept, so that
/// there are never many more than are to be kept.
const EVERY_MS: i64 = 600_000;
/// And no more often than this.
const EVERY_MS_MIN: i64 = 5_000;
/// How often it is looked for revisions, and how long ago they must have been superseded: longer than a start, which
/// has read its definition, can be on its way.
const REVISIONS_EVERY_MS: i64 = 86_400_000;
/// Executions that are removed at once.
const AT_ONCE: usize = 64;
/// Records that one commit removes of an execution.
const RECORDS_AT_ONCE: usize = 1_000;

/// Removes what has expired, again and again.
pub(crate) async fn run(environment: Arc<Environment>) {
    let every_ms = EVERY_MS.min(retention_ms(&environment.options.limits) / 4).max(EVERY_MS_MIN);
    let mut revisions_ms = i64::MIN;
    loop {
        let now_ms = environment.clock.now_ms();
        tell("closed executions", remove_expired(&environment).await);
        if revisions_ms <= now_ms {
            tell("revisions of state machines", remove_unused_revisions(&environment).await);
            tell("names of executions", free_names(&environment).await);
            revisions_ms = now_ms.saturating_add(REVISIONS_EVERY_MS);
        }
        environment.clock.sleep_until(now_ms.saturating_add(every_ms)).await;
    }
}

fn tell(what: &str, removed: Result<usize, Error>) {
    match removed {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "{what} were removed"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "{what} were not removed"),
    }
}

/// Removes the executions that have expired, and says how many they were.
pub(crate) async fn remove_expired(environment: &Environment) -> Result<usize, Error> {
    let before_ms = environment.expired_before_ms();
    let mut removed = 0;
    for find in [Tables::expired, Tables::expired_aside] {
        let mut from = Vec::new();
        loop {
            let tables = environment.tables()?;
            let search = move || find(&tables, before_ms, &mut from, AT_ONCE).map(|expired| (expired, from));
            let (expired, next) = environment.apart(search).await??;
            if expired.is_empty() {
                break;
            }
            from = next;
            removed += remove(environment, expired).await?;
        }
    }
    Ok(removed)
}

/// Removes executions, a slice of each at a time, and says how many of them are gone. Those that are not expired any more
/// stay.
async fn remove(environment: &Environment, mut expired: Vec<Expired>) -> Result<usize, Error> {
    let mut removed = 0;
    while !expired.is_empty() {
        let (tables, keep_name_ms) = (environment.tables()?, environment.keep_name_ms());
        let slices = environment.apart(move || next_slices(&tables, expired, keep_name_ms)).await??;
        let commit = async |slice: Slice| match environment.commit(slice.writes).await {
            Ok(()) if slice.is_last => Ok((1, None)),
            Ok(()) => Ok((0, Some(slice.expired))),
            Err(Error::Store(store::Error::Conflict)) => Ok((0, None)),
            Err(error) => Err(error),
        };
        expired = Vec::new();
        // Their commits share a sync.
        for committed in join_all(slices.into_iter().map(commit)).await {
            let (gone, goes_on) = committed?;
            removed += gone;
            expired.extend(goes_on);
        }
    }
    Ok(removed)
}

/// What one commit removes of an execution.
struct Slice {
    expired: Expired,
    writes: Writes,
    is_last: bool,
}

fn next_slices(tables: &Tables, expired: Vec<Expired>, keep_name_ms: i64) -> Result<Vec<Slice>, Error> {
    let slice = |expired: Expired| {
        let mut writes = Writes::default();
        let is_last = tables.forget(&mut writes, &expired, keep_name_ms, RECORDS_AT_ONCE)?;
        Ok(Slice { expired, writes, is_last })
    };
    expired.into_iter().map(slice).collect()
}

/// Lets go of the names that can be given again, and says how many they were.
pub(crate) async fn free_names(environment: &Environment) -> Result<usize, Error> {
    let (mut from, mut freed) = (Vec::new(), 0);
    loop {
        let (tables, now_ms) = (environment.tables()?, environment.clock.now_ms());
        let search = move || tables.free_names(now_ms, &mut from).map(|rows| Some((rows?, from)));
        let Some((rows, next)) = environment.apart(search).await?? else { return Ok(freed) };
        from = next;
        for at_once in rows.chunks(AT_ONCE) {
            // Their commits share a sync.
            for was_freed in join_all(at_once.iter().map(|row| free_name(environment, row.clone()))).await {
                freed += usize::from(was_freed?);
            }
        }
    }
}

/// False if it was taken anew meanwhile.
async fn free_name(environment: &Environment, row: store::Record) -> Result<bool, Error> {
    let mut writes = Writes::default();
    writes.free_name(row);
    match environment.commit(writes).await {
        Ok(()) => Ok(true),
        Err(Error::Store(store::Error::Conflict)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the revisions that were superseded a while ago and that no execution and no state machine uses, and says how
/// many they were.
pub(crate) async fn remove_unused_revisions(environment: &Environment) -> Result<usize, Error> {
    let before_ms = environment.clock.now_ms().saturating_sub(REVISIONS_EVERY_MS);
    let (mut from, mut removed) = (Vec::new(), 0);
    loop {
        let tables = environment.tables()?;
        let search = move || tables.superseded(before_ms, &mut from).map(|unused| Some((unused?, from)));
        let Some((unused, next)) = environment.apart(search).await?? else { return Ok(removed) };
        from = next;
        removed += remove_revisions(environment, unused_now(environment, unused).await?).await?;
    }
}

/// Those of them that no state machine, no version and no execution uses.
async fn unused_now(environment: &Environment, mut unused: Unused) -> Result<Unused, Error> {
    // An execution that was redriven meanwhile went back to those that run.
    let mut searches = vec![Search::running(&unused.arn), Search::all(&unused.arn)];
    let tables = environment.tables()?;
    unused = environment.apart(move || tables.keep_current(&mut unused).map(|()| unused)).await??;
    while let Some(mut search) = searches.pop() {
        let tables = environment.tables()?;
        // A page at a time: others go on between them.
        let look = move || tables.keep_used(&mut unused, &mut search).map(|has_more| (unused, search, has_more));
        let (left, search, has_more) = environment.apart(look).await??;
        unused = left;
        searches.extend(has_more.then_some(search));
    }
    Ok(unused)
}

async fn remove_revisions(environment: &Environment, unused: Unused) -> Result<usize, Error> {
    let mut removed = 0;
    for (revision, says_so) in unused.revisions {
        let mut writes = Writes::default();
        writes.remove_revision(revision, says_so);
        match environment.commit(writes).await {
            Ok(()) => removed += 1,
            Err(Error::Store(store::Error::Conflict)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}
