//! A pending file as an object that no reader looks for, where there are no multipart uploads
//! to be completed later.
//!
//! Owns how it is written; knows nothing of when it is renamed.

use super::call::Caller;
use crate::{diagnostic::Result, storage::PendingWriter, types::PendingHandle};
use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// Ending of the names of pending files.
pub(super) const ENDING: &str = "pending";

/// A file being written; it is sent when it is complete.
pub(super) struct Writer {
    caller: Caller,
    store: Arc<dyn ObjectStore>,
    path: String,
    object: Path,
    pieces: Vec<Bytes>,
}

impl Writer {
    pub(super) fn new(
        caller: Caller,
        store: Arc<dyn ObjectStore>,
        path: String,
        object: Path,
    ) -> Self {
        Self { caller, store, path, object, pieces: Vec::new() }
    }
}

impl Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.pieces.push(Bytes::copy_from_slice(buffer));
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PendingWriter for Writer {
    fn finish(self: Box<Self>) -> Result<PendingHandle> {
        let content: PutPayload = self.pieces.iter().cloned().collect();
        let put = || async { self.store.put(&self.object, content.clone()).await };
        self.caller.call_with(content.content_length(), "write", &self.path, put)?;
        Ok(PendingHandle::Rename { path: self.path.clone() })
    }
}
