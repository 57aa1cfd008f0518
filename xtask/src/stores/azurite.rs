//! Azure Blob Storage: azurite.

use super::server::{Server, ask, free_port};
use super::{BUCKET, Running};
use crate::Result;
use crate::command::run;
use crate::install;
use std::path::Path;
use std::process::Command;

const PACKAGE: &str = "azurite@3.37.0";
/// The account that azurite has, and its key, as its documentation gives them.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Makes a container: port, account, key, container.
const MAKE_CONTAINER: &str = r#"
const [port, account, key, container] = process.argv.slice(1);
const date = new Date().toUTCString(), version = "2021-08-06";
const path = `/${account}/${container}`;
const text = `PUT${"\n".repeat(12)}x-ms-date:${date}\nx-ms-version:${version}\n` +
  `/${account}${path}\nrestype:container`;
const mac = require("crypto").createHmac("sha256", Buffer.from(key, "base64")).update(text);
const headers = { "x-ms-date": date, "x-ms-version": version,
  Authorization: `SharedKey ${account}:${mac.digest("base64")}` };
fetch(`http://127.0.0.1:${port}${path}?restype=container`, { method: "PUT", headers })
  .then(async (answer) => {
    if (answer.status !== 201) { console.error(await answer.text()); process.exit(1); }
  });
"#;

/// Starts it, with a container.
///
/// # Errors
/// Fails when it cannot be installed or does not answer.
pub(super) fn start(root: &Path) -> Result<Running> {
    install::provide(root, "npm", &["--version"], &["nodejs", "npm"])?;
    let directory = install::once(root, "stores/azurite", PACKAGE, |directory| {
        let words = ["install", "--no-audit", "--no-fund", "--loglevel", "error", "--prefix", "."];
        run(directory, "npm", &[&words[..], &[PACKAGE]].concat())
    })?;
    let port = free_port()?;
    let mut command = Command::new(directory.join("node_modules/.bin/azurite-blob"));
    command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
    command.args(["--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry"]);
    command.current_dir(&directory);
    let log = directory.join("log");
    let server = Server::start(&mut command, &log, || ask(port, "GET", "/").is_some())?;
    let made = ["-e", MAKE_CONTAINER, &port.to_string(), ACCOUNT, KEY, BUCKET];
    let made = Command::new("node").args(made).status()?;
    if !made.success() {
        return Err("azurite makes no container".into());
    }
    Ok(Running {
        servers: vec![server],
        variables: vec![
            ("LOCKGATE_TEST_AZURE", format!("http://127.0.0.1:{port}/{ACCOUNT}")),
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.into()),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY.into()),
        ],
    })
}
