//! An object as a reader: read ahead in the background, taken up again where a connection broke.
//!
//! Owns the stream of bytes; knows nothing of what they mean. An object that changed between
//! two connections is an error, never a mixture.

use super::call::Caller;
use crate::diagnostic::{Diagnostic, Result};
use bytes::{Buf, Bytes};
use futures_util::{StreamExt as _, stream::BoxStream};
use object_store::{
    Error, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore,
    client::{HttpError, HttpErrorKind},
    path::Path,
};
use std::{io, sync::Arc, time::Duration};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Pieces read ahead; a service sends pieces of some kilobytes up to about a megabyte.
const AHEAD: usize = 16;

/// A connection that is silent this long is broken.
const SILENCE: Duration = Duration::from_secs(30);

/// Opens an object.
///
/// # Errors
/// Fails when there is no such object, or the store refuses.
pub(super) fn open(
    caller: &Caller,
    store: &Arc<dyn ObjectStore>,
    path: &str,
    object: Path,
) -> Result<Box<dyn io::Read + Send>> {
    let get = || async { store.get_opts(&object, GetOptions::default()).await };
    let first = caller.call("open", path, get)?;
    let left = first.meta.size;
    let (pieces, received) = mpsc::channel(AHEAD);
    let download = Download {
        caller: caller.clone(),
        store: Arc::clone(store),
        path: path.to_owned(),
        meta: first.meta.clone(),
        object,
        at: 0,
    };
    caller.runtime.spawn(download.run(first, pieces));
    let reader = Reader { received, piece: Bytes::new(), path: path.to_owned(), left };
    Ok(Box::new(reader))
}

struct Reader {
    received: Receiver<Result<Bytes>>,
    piece: Bytes,
    path: String,
    /// Bytes that are still to come.
    left: u64,
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.received.blocking_recv() {
                Some(Ok(piece)) => {
                    self.left = self.left.saturating_sub(piece.len() as u64);
                    self.piece = piece;
                }
                Some(Err(failure)) => return Err(io::Error::other(failure)),
                None if self.left == 0 => return Ok(0),
                None => {
                    return Err(io::Error::other(Diagnostic::internal(format!(
                        "the download of `{}` broke off",
                        self.path
                    ))));
                }
            }
        }
        let taken = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}

/// What comes through one connection.
type Pieces = BoxStream<'static, Result<Bytes, Error>>;

/// A connection that ended before the object did.
fn ended() -> Error {
    let early = io::Error::from(io::ErrorKind::UnexpectedEof);
    let source = Box::new(HttpError::new(HttpErrorKind::Interrupted, early));
    Error::Generic { store: "connection", source }
}

/// An object on its way.
struct Download {
    caller: Caller,
    store: Arc<dyn ObjectStore>,
    path: String,
    object: Path,
    meta: ObjectMeta,
    /// Bytes that went to the reader.
    at: u64,
}

impl Download {
    /// Sends every piece, then ends; ends early when the reader is gone or after a failure.
    async fn run(mut self, first: GetResult, pieces: Sender<Result<Bytes>>) {
        let mut stream = first.into_stream();
        loop {
            while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE, stream.next()).await {
                self.at += piece.len() as u64;
                if pieces.send(Ok(piece)).await.is_err() {
                    return;
                }
            }
            if self.at >= self.meta.size {
                return;
            }
            match self.reconnect().await {
                Ok((piece, rest)) => {
                    self.at += piece.len() as u64;
                    stream = rest;
                    if pieces.send(Ok(piece)).await.is_err() {
                        return;
                    }
                }
                Err(failure) => {
                    let _ = pieces.send(Err(failure)).await;
                    return;
                }
            }
        }
    }

    /// Asks for the rest of the same object, until its first piece is there: a connection that
    /// brings nothing is a failure like any other, and is not repeated for ever.
    async fn reconnect(&self) -> Result<(Bytes, Pieces)> {
        let get = || async {
            let range = Some(GetRange::Offset(self.at));
            let if_match = self.meta.e_tag.clone();
            let options = GetOptions { range, if_match, ..GetOptions::default() };
            self.store.get_opts(&self.object, options).await
        };
        let same = |found: &GetResult| {
            found.meta.size == self.meta.size && found.meta.last_modified == self.meta.last_modified
        };
        let answer = self.caller.ask("read on in", &self.path, || async {
            let found = match get().await {
                Err(Error::Precondition { .. }) => return Ok(None),
                found => found?,
            };
            if !same(&found) {
                return Ok(None);
            }
            let mut stream = found.into_stream();
            match stream.next().await {
                Some(piece) => Ok(Some((piece?, stream))),
                None => Err(ended()),
            }
        });
        answer.await?.ok_or_else(|| {
            Diagnostic::storage(format!("`{}` changed while it was read", self.path))
                .hint("write a file under another name first, and rename it when it is complete")
        })
    }
}
