//! A pending file as an upload that is not completed: no reader sees any of it.
//!
//! Owns the parts and the note that names the upload, without which nobody could abort it;
//! knows nothing of when it is completed.

use super::call::Caller;
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::PendingWriter,
    types::PendingHandle,
};
use object_store::{
    Error, ObjectStore, ObjectStoreExt as _, PutPayload,
    multipart::{MultipartStore, PartId},
    path::Path,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::Arc,
};
use tokio::task::JoinHandle;

/// Ending of the names of notes.
pub(super) const NOTE: &str = "upload";

/// Size of every part but the last. Services ask for at least 5 MiB, some for equal sizes.
const PART_BYTES: usize = 5 << 20;

/// What a note says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Upload {
    /// Where the file appears when the upload is completed, below the store's root.
    pub(super) path: String,
    /// The service's name of the upload.
    pub(super) upload: String,
}

/// A note about an upload.
#[derive(Clone)]
pub(super) struct Note {
    pub(super) path: String,
    pub(super) object: Path,
}

/// What a file is about.
pub(super) struct Place {
    pub(super) path: String,
    pub(super) object: Path,
    pub(super) note: Note,
}

/// A file being uploaded.
pub(super) struct Writer {
    caller: Caller,
    store: Arc<dyn ObjectStore>,
    uploads: Arc<dyn MultipartStore>,
    parts_at_once: usize,
    place: Place,
    upload: Option<String>,
    part: Vec<u8>,
    underway: VecDeque<JoinHandle<Result<PartId>>>,
    done: Vec<String>,
}

impl Writer {
    pub(super) fn new(
        caller: Caller,
        store: Arc<dyn ObjectStore>,
        uploads: Arc<dyn MultipartStore>,
        parts_at_once: usize,
        place: Place,
    ) -> Self {
        let (part, underway, done) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { caller, store, uploads, parts_at_once, place, upload: None, part, underway, done }
    }

    /// The upload, which is begun and noted down with the first part.
    fn upload(&mut self) -> Result<String> {
        if let Some(upload) = &self.upload {
            return Ok(upload.clone());
        }
        let Place { path, object, note } = &self.place;
        let begin = || async { self.uploads.create_multipart(object).await };
        let upload = self.caller.call("begin an upload to", path, begin)?;
        // Azure keeps blocks without an upload to abort; they go by themselves.
        if !upload.is_empty() {
            let said = Upload { path: path.clone(), upload: upload.clone() };
            let text = serde_json::to_vec(&said)
                .map_err(|e| Diagnostic::internal("cannot write a note as JSON").cause(e))?;
            let text = PutPayload::from(text);
            let put = || async { self.store.put(&note.object, text.clone()).await };
            self.caller.call("write", &note.path, put)?;
        }
        self.upload = Some(upload.clone());
        Ok(upload)
    }

    /// Sends what is buffered as the next part.
    fn send(&mut self) -> Result<()> {
        let upload = self.upload()?;
        while self.underway.len() >= self.parts_at_once {
            self.arrive()?;
        }
        let number = self.done.len() + self.underway.len();
        let part = PutPayload::from(std::mem::take(&mut self.part));
        let (caller, uploads) = (self.caller.clone(), Arc::clone(&self.uploads));
        let (path, object) = (self.place.path.clone(), self.place.object.clone());
        self.underway.push_back(self.caller.runtime.spawn(async move {
            let put = || uploads.put_part(&object, &upload, number, part.clone());
            caller.ask("upload a part of", &path, put).await
        }));
        Ok(())
    }

    /// Waits for the oldest part underway.
    fn arrive(&mut self) -> Result<()> {
        let Some(oldest) = self.underway.pop_front() else { return Ok(()) };
        let part = self.caller.runtime.block_on(oldest).map_err(|error| {
            Diagnostic::internal(format!("the upload of `{}` broke off", self.place.path))
                .cause(error)
        })??;
        self.done.push(part.content_id);
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let taken = buffer.len().min(PART_BYTES - self.part.len());
        self.part.extend_from_slice(&buffer[..taken]);
        if self.part.len() == PART_BYTES {
            self.send().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PendingWriter for Writer {
    fn finish(mut self: Box<Self>) -> Result<PendingHandle> {
        // A file without a byte still needs a part.
        if !self.part.is_empty() || self.done.len() + self.underway.len() == 0 {
            self.send()?;
        }
        while !self.underway.is_empty() {
            self.arrive()?;
        }
        let upload = self.upload()?;
        let note = if upload.is_empty() { String::new() } else { self.place.note.path.clone() };
        Ok(PendingHandle::Multipart { upload, parts: std::mem::take(&mut self.done), note })
    }
}

/// Completes an upload: the file appears. `false` when the service knows no such upload (any more).
pub(super) async fn complete(
    uploads: &dyn MultipartStore,
    object: &Path,
    upload: &String,
    parts: &[String],
) -> Result<bool, Error> {
    let parts = parts.iter().map(|id| PartId { content_id: id.clone() }).collect();
    match uploads.complete_multipart(object, upload, parts).await {
        Ok(_) => Ok(true),
        Err(error) if is_unknown(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Aborts an upload; one that the service does not know (any more) is fine.
pub(super) async fn abort(
    uploads: &dyn MultipartStore,
    object: &Path,
    upload: &String,
) -> Result<(), Error> {
    match uploads.abort_multipart(object, upload).await {
        Err(error) if !is_unknown(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether the service knows no such upload: each says it in its own way.
fn is_unknown(error: &Error) -> bool {
    let text = error.to_string();
    let said = ["NoSuchUpload", "InvalidBlockList", "InvalidPart", "MultipartUpload not found"];
    matches!(error, Error::NotFound { .. }) || said.iter().any(|said| text.contains(said))
}
