//! A flipped bit anywhere in the data folder.
//!
//! A folder is filled, and its server killed, so that there are journals and tables as they are at work. Then, again and
//! again, one bit of a copy is flipped and the server started over it.

use crate::load::{Load, World};
use crate::random::Random;
use crate::{Result, definitions, process};
use harness::{Client, Launch, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
/// Executions whose inputs are so large that the store writes tables, of all sizes up to this.
const LARGE: usize = 400;
const LARGE_BYTES: u64 = 60_000;
/// A server starts, or says why not, in this time: the search for the bit can take that long.
const SAYS_WITHIN: Duration = Duration::from_secs(120);
/// A bit flips where a file is used: most of a journal is not.
const PRINTED_MAX: usize = 10;

/// What became of the server after one flip.
enum Outcome {
    /// Everything is as it was.
    Unchanged { mended: bool },
    /// The first execution that is not.
    Changed(String),
    /// It does not start, and says why.
    Refused(String),
}

/// A folder, and what a server says of it.
struct Master {
    folder: PathBuf,
    /// All that is told of each closed execution.
    closed: BTreeMap<String, String>,
    /// The files, and how many bytes of each are used.
    files: Vec<(PathBuf, u64)>,
}

pub async fn run(binary: &Path, flips: u64, random: &Random) -> Result {
    let temporary = tempfile::tempdir()?;
    let master = fill(binary, &temporary.path().join("master")).await?;
    let bytes: u64 = master.files.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "  a flipped bit: {} closed executions, {} files of {bytes} bytes",
        master.closed.len(),
        master.files.len()
    );
    let (mut unchanged, mut mended, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    let (mut refused, mut faults) = (BTreeMap::<String, u64>::new(), Vec::new());
    for _ in 0..flips {
        let copy = temporary.path().join("copy");
        copy_used(&master.folder, &copy)?;
        let (file, at) = choose(&master.files, random).ok_or("the folder is empty")?;
        let bit = random.below(8);
        flip(&copy.join(&file), at, bit)?;
        let place = format!("bit {bit} of byte {at} of {}", file.display());
        let begun = Instant::now();
        match start_over(binary, &copy, &master.closed).await? {
            Outcome::Unchanged { mended: was_mended } => {
                unchanged += 1;
                mended += u64::from(was_mended);
            }
            Outcome::Changed(execution) => faults.push(format!("{place}: {execution}")),
            Outcome::Refused(why) if why.is_empty() => {
                faults.push(format!("{place}: it does not start and does not say why"));
            }
            Outcome::Refused(why) => {
                slowest = slowest.max(begun.elapsed());
                *refused.entry(why).or_default() += 1;
            }
        }
        std::fs::remove_dir_all(&copy)?;
    }
    println!("  {flips} flips: {unchanged} times all is as it was, {mended} of them by turning the bit back");
    for (why, times) in &refused {
        println!("    {times} times it does not start, and says so within {} ms: {why}", slowest.as_millis());
    }
    faults.iter().take(PRINTED_MAX).for_each(|fault| println!("    {fault}"));
    if faults.is_empty() { Ok(()) } else { Err(format!("{} flips were not as they should be", faults.len()).into()) }
}

/// Fills a folder as a kill leaves it.
async fn fill(binary: &Path, folder: &Path) -> Result<Master> {
    let mut server = Server::stopped(binary, Launch { data_dir: Some(folder.to_owned()), ..Launch::default() })?;
    server.restart().await?;
    let client = server.client();
    let deployed = definitions::deploy(&client).await?;
    let world = Arc::new(World::new(client.clone(), deployed, 7));
    let mut load = Load::begin(&world, CLIENTS);
    for number in 0..LARGE {
        let input = json!({ "number": 5, "large": world.noise(world.random.of_any_size(LARGE_BYTES)) });
        world.start_once(&format!("large-{number}"), &input).await?;
    }
    load.finish().await;
    let mut closed = BTreeMap::new();
    for (state_machine, _) in &world.deployed.state_machines {
        let input = json!({ "stateMachineArn": state_machine });
        for execution in client.all("ListExecutions", input, "executions").await? {
            let arn = execution["executionArn"].as_str().unwrap_or_default();
            client.closed(arn, Duration::from_millis(20)).await?;
            closed.insert(arn.to_owned(), whole(&client, arn).await?);
        }
    }
    server.kill();
    Ok(Master { folder: folder.to_owned(), closed, files: used_bytes(folder)? })
}

/// Everything that is told of a closed execution.
async fn whole(client: &Client, execution: &str) -> Result<String> {
    let described = client.call("DescribeExecution", json!({ "executionArn": execution })).await?;
    let history = client.history(execution).await?;
    Ok(format!("{described} {}", Value::Array(history)))
}

async fn start_over(binary: &Path, data_dir: &Path, closed: &BTreeMap<String, String>) -> Result<Outcome> {
    let mut server = Server::stopped(binary, Launch { data_dir: Some(data_dir.to_owned()), ..Launch::default() })?;
    server.spawn()?;
    match tokio::time::timeout(SAYS_WITHIN, server.until_up()).await {
        Ok(Ok(())) => {}
        _ if server.ended().is_some() => {
            let log = server.log();
            let says = log.split_once("error: ").map(|(_, says)| says.trim()).unwrap_or_default();
            return Ok(Outcome::Refused(says.replace(&data_dir.display().to_string(), "FOLDER")));
        }
        _ => return Err(format!("the server neither starts nor ends: {}", server.log()).into()),
    }
    let client = server.client();
    for (execution, expected) in closed {
        match whole(&client, execution).await {
            Ok(found) if found == *expected => {}
            Ok(_) => return Ok(Outcome::Changed(format!("{execution} is another"))),
            Err(error) => return Ok(Outcome::Changed(format!("{execution}: {error}"))),
        }
    }
    Ok(Outcome::Unchanged { mended: server.log().contains("a bit had flipped") })
}

/// The files under a folder, and how many bytes of each are used: a journal is made large and filled later.
fn used_bytes(folder: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for path in process::files(folder)? {
        let used = std::fs::read(&path)?.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
        found.push((path.strip_prefix(folder)?.to_owned(), used));
    }
    Ok(found)
}

/// Half of the flips hit any byte; half any file, so that small ones are met, too.
fn choose(files: &[(PathBuf, u64)], random: &Random) -> Option<(PathBuf, u64)> {
    if random.one_in(2) {
        let used: Vec<_> = files.iter().filter(|(_, bytes)| *bytes > 0).collect();
        let (file, bytes) = random.choose(&used)?;
        return Some((file.clone(), random.below(*bytes)));
    }
    let mut at = random.below(files.iter().map(|(_, bytes)| bytes).sum());
    for (file, bytes) in files {
        if at < *bytes {
            return Some((file.clone(), at));
        }
        at -= bytes;
    }
    None
}

fn flip(path: &Path, at: u64, bit: u64) -> Result {
    let mut file = File::options().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&byte.map(|byte| byte ^ (1 << bit)))?;
    Ok(())
}

/// Copies a folder; what of a file is not used stays a hole.
fn copy_used(from: &Path, to: &Path) -> Result {
    for (file, used) in used_bytes(from)? {
        let copy = to.join(&file);
        copy.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let original = File::open(from.join(&file))?;
        let length = original.metadata()?.len();
        let mut copy = File::create(copy)?;
        std::io::copy(&mut original.take(used), &mut copy)?;
        copy.set_len(length)?;
    }
    // Empty folders are part of it.
    copy_folders(from, to)
}

fn copy_folders(from: &Path, to: &Path) -> Result {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let copy = to.join(entry.file_name());
            std::fs::create_dir_all(&copy)?;
            copy_folders(&entry.path(), &copy)?;
        }
    }
    Ok(())
}
