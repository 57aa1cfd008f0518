//! A source whose files may be listed but not opened, for whoever runs the tests.

use lockgate::{
    diagnostic::Diagnostic,
    storage::{Created, Meta, PendingWriter, Storage, Store},
    types::{BatchId, PendingFile},
};
use std::io::Read;

/// The source of a process that may not open its files.
#[derive(Debug)]
pub(super) struct Denied(pub(super) Storage);

impl Store for Denied {
    fn root(&self) -> &str {
        self.0.root()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>, Diagnostic> {
        self.0.list(prefix)
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>, Diagnostic> {
        self.0.list_after(prefix, after)
    }

    fn head(&self, path: &str) -> Result<Option<Meta>, Diagnostic> {
        self.0.head(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, Diagnostic> {
        let mut denied = Diagnostic::storage(format!("permission denied: {path}"));
        denied.is_denied = true;
        Err(denied)
    }

    fn read(&self, _: &str) -> Result<Option<Vec<u8>>, Diagnostic> {
        unreachable!("a source is opened, not read")
    }

    fn create(&self, _: &str, _: &[u8]) -> Result<Created, Diagnostic> {
        unreachable!("a source is not written")
    }

    fn put(&self, _: &str, _: &[u8]) -> Result<(), Diagnostic> {
        unreachable!("a source is not written")
    }

    fn delete(&self, _: &str) -> Result<(), Diagnostic> {
        unreachable!("a source is not written")
    }

    fn pending(&self, _: BatchId, _: &str) -> Result<Box<dyn PendingWriter>, Diagnostic> {
        unreachable!("a source is not written")
    }

    fn sync_pending(&self, _: &[PendingFile]) -> Result<(), Diagnostic> {
        unreachable!("a source is not written")
    }

    fn verify_pending(&self, _: &PendingFile) -> Result<(), Diagnostic> {
        unreachable!("a source is not written")
    }

    fn publish(&self, _: &[PendingFile]) -> Result<(), Diagnostic> {
        unreachable!("a source is not written")
    }

    fn discard(&self, _: BatchId) -> Result<(), Diagnostic> {
        unreachable!("a source is not written")
    }
}
