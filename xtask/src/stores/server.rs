//! A server that lives as long as its handle, and free ports for it.

use crate::Result;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{io, thread};

const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Dropped, it is killed; so it is when this process ends, however it ends.
pub(super) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a program whose output goes to the file `log`, and waits until it answers.
    ///
    /// # Errors
    /// Fails when it does not start, ends, or does not answer within a minute; shows the end of
    /// its log.
    pub(super) fn start(
        command: &mut Command,
        log: &Path,
        answers: impl Fn() -> bool,
    ) -> Result<Self> {
        let file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        end_with_this_process(command);
        let child = command.spawn().map_err(|error| {
            format!("`{}` does not start: {error}", command.get_program().display())
        })?;
        let mut server = Self { child, log: log.to_owned() };
        let began = Instant::now();
        while !answers() {
            if let Some(status) = server.child.try_wait()? {
                return Err(server.failure(&format!("it ended: {status}")).into());
            }
            if began.elapsed() > PATIENCE {
                return Err(server.failure("it does not answer").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// What happened to it, if it ended by itself.
    pub(super) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(self.failure(&format!("a server ended: {status}")))
    }

    fn failure(&self, what: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("{what}; the end of {}:\n{end}", self.log.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already needs no more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Servers are started from the main thread, so its end is the end of the process.
#[cfg(target_os = "linux")]
fn end_with_this_process(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    let ask = || {
        // SAFETY: a system call without pointers.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec only that call is made, which is safe there.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_this_process(_command: &mut Command) {}

/// A port of the loopback interface that was free a moment ago.
///
/// # Errors
/// Fails when there is none.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The whole answer to an HTTP request without a body; `None` when there is no answer.
pub(super) fn ask(port: u16, method: &str, target: &str) -> Option<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned()).filter(|answer| !answer.is_empty())
}
