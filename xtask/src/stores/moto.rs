//! S3: moto, whose conditional `PUT` is atomic.

use super::server::{Server, ask, free_port};
use super::{BUCKET, Running};
use crate::Result;
use crate::install;
use std::path::Path;
use std::process::Command;

/// Runs it, with one answer set right: an upload that is unknown, or completed already, is no
/// `500` but what S3 says.
const PROGRAM: &str = r"
from moto.s3 import exceptions, models
from moto.server import main

original = models.S3Backend.complete_multipart_upload

def complete(self, bucket_name, multipart_id, *arguments, **options):
    try:
        return original(self, bucket_name, multipart_id, *arguments, **options)
    except KeyError:
        raise exceptions.NoSuchUpload(upload_id=multipart_id)

models.S3Backend.complete_multipart_upload = complete
main()
";

/// Starts it, with a bucket.
///
/// # Errors
/// Fails when it cannot be installed or does not answer.
pub(super) fn start(root: &Path) -> Result<Running> {
    let programs = install::python(root, "stores/moto", &["moto[server,s3]==5.2.5"])?;
    let port = free_port()?;
    let mut command = Command::new(programs.join("python3"));
    command.args(["-c", PROGRAM, "-H", "127.0.0.1", "-p", &port.to_string()]);
    let log = root.join("target/stores/moto/log");
    let bucket = format!("/{BUCKET}");
    // The first answer makes the bucket, a second one would be fine.
    let server = Server::start(&mut command, &log, || {
        ask(port, "PUT", &bucket).is_some_and(|answer| answer.contains(" 200 "))
    })?;
    Ok(Running {
        servers: vec![server],
        variables: vec![
            ("LOCKGATE_TEST_S3", format!("http://127.0.0.1:{port}")),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ],
    })
}
