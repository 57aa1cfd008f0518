//! WebDAV, for `http://`: wsgidav on cheroot.

use super::Running;
use super::server::{Server, ask, free_port};
use crate::Result;
use crate::install;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Starts it on an empty directory.
///
/// # Errors
/// Fails when it cannot be installed or does not answer.
pub(super) fn start(root: &Path) -> Result<Running> {
    let programs = install::python(root, "stores/webdav", &["wsgidav==4.4.0", "cheroot==11.1.2"])?;
    let content = root.join("target/stores/webdav/content");
    if content.exists() {
        fs::remove_dir_all(&content)?;
    }
    fs::create_dir_all(&content)?;
    let port = free_port()?;
    let mut command = Command::new(programs.join("wsgidav"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--auth", "anonymous"]);
    command.arg("--no-config").arg("--root").arg(&content);
    let log = root.join("target/stores/webdav/log");
    let server = Server::start(&mut command, &log, || ask(port, "OPTIONS", "/").is_some())?;
    Ok(Running {
        servers: vec![server],
        variables: vec![("LOCKGATE_TEST_HTTP", format!("http://127.0.0.1:{port}"))],
    })
}
