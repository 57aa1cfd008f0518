//! Tests against real stores: installs the servers below `target/stores/`, starts them on free
//! ports, runs the tests with their addresses, and stops them.
//!
//! | store | server | tells the tests |
//! |---|---|---|
//! | `s3` | moto | `LOCKGATE_TEST_S3` |
//! | `az` | azurite | `LOCKGATE_TEST_AZURE` |
//! | `gs` | a test server in this process | `LOCKGATE_TEST_GCS` |
//! | `http` | wsgidav | `LOCKGATE_TEST_HTTP` |
//! | `hdfs` | a name node and a data node | `LOCKGATE_TEST_HDFS` |

mod azurite;
#[path = "../../../tests/gcs_server/mod.rs"]
mod gcs_server;
mod hdfs;
mod moto;
mod server;
mod webdav;

use crate::command::run_with;
use crate::{Result, plugins, setup};
use server::Server;
use std::io;
use std::path::Path;
use std::time::Instant;

/// The bucket or container that each store has.
const BUCKET: &str = "lockgate-test";

/// What a store is started as.
struct Running {
    /// Stopped in this order.
    servers: Vec<Server>,
    /// What the tests find it by.
    variables: Vec<(&'static str, String)>,
}

type Start = fn(&Path) -> Result<Running>;

const STORES: [(&str, Start); 5] = [
    ("s3", moto::start),
    ("az", azurite::start),
    ("gs", google),
    ("http", webdav::start),
    ("hdfs", hdfs::start),
];

/// Runs the tests of these stores, or of all.
///
/// # Errors
/// Stops at the first store that does not start; fails when a test does.
pub fn test(root: &Path, names: &[&str]) -> Result {
    setup::run(root)?;
    plugins::run(root)?;
    let mut running = start(root, names)?;
    let variables = running.variables.iter();
    let variables: Vec<_> = variables.map(|(name, value)| (*name, value.as_str())).collect();
    let began = Instant::now();
    let outcome = run_with(root, "cargo", &TESTS, &variables);
    for ended in running.servers.iter_mut().filter_map(Server::ended) {
        eprintln!("{ended}");
    }
    drop(running.servers);
    outcome?;
    eprintln!("the stores keep their promises: {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Runs these stores, or all, until standard input ends or the terminal interrupts, and prints
/// what the tests find them by.
///
/// # Errors
/// Stops at the first store that does not start.
pub fn serve(root: &Path, names: &[&str]) -> Result {
    let running = start(root, names)?;
    for (name, value) in &running.variables {
        println!("export {name}='{value}'");
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    drop(running.servers);
    Ok(())
}

fn start(root: &Path, names: &[&str]) -> Result<Running> {
    if let Some(unknown) = names.iter().find(|name| STORES.iter().all(|it| it.0 != **name)) {
        let known = STORES.map(|(name, _)| name).join(", ");
        return Err(format!("no store `{unknown}`; there are {known}").into());
    }
    let mut all = Running { servers: Vec::new(), variables: Vec::new() };
    for (name, start) in STORES {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let began = Instant::now();
        let store = start(root).map_err(|error| format!("`{name}`: {error}"))?;
        eprintln!("`{name}` answers after {:.1} s", began.elapsed().as_secs_f64());
        all.servers.extend(store.servers);
        all.variables.extend(store.variables);
    }
    Ok(all)
}

/// The tests that need a store are in modules called `real`.
const TESTS: [&str; 15] = [
    "test",
    "--package",
    "lockgate",
    "--package",
    "lockgate-tests",
    "--features",
    "lockgate/hdfs",
    "--lib",
    "--test",
    "stores",
    "--test",
    "processes",
    "--",
    "real::",
    "--show-output",
];

/// Google Cloud Storage has no emulator that `object_store` works with: this server is a stand-in.
fn google(_root: &Path) -> Result<Running> {
    let address = gcs_server::start(BUCKET)?;
    let variables = vec![("LOCKGATE_TEST_GCS", format!("http://{address}"))];
    Ok(Running { servers: Vec::new(), variables })
}
