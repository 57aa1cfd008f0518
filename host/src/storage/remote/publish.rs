//! How pending objects become visible, or go.
//!
//! Owns the order of requests; knows nothing of commits. Everything may be repeated.

use super::{Appear, Remote, absent, call::Caller, is_absent, spool, upload};
use crate::{
    diagnostic::{Diagnostic, Result},
    storage::{Meta, PENDING, Store as _},
    types::{BatchId, PendingFile, PendingHandle},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{Error, ObjectStoreExt as _};

/// Files made visible at once.
const AT_ONCE: usize = 16;

/// Makes pending files visible at their final paths.
pub(super) fn publish(store: &Remote, files: &[PendingFile]) -> Result<()> {
    let every = stream::iter(files).map(|file| publish_one(store, file));
    store.caller.runtime.block_on(every.buffer_unordered(AT_ONCE).try_collect::<()>())
}

async fn publish_one(store: &Remote, file: &PendingFile) -> Result<()> {
    match &file.handle {
        PendingHandle::Multipart { upload, parts, note } => {
            complete(store, file, upload, parts).await?;
            if note.is_empty() { Ok(()) } else { remove(store, note).await }
        }
        PendingHandle::Rename { path } => rename(store, file, path).await,
    }
}

async fn complete(
    store: &Remote,
    file: &PendingFile,
    upload: &String,
    parts: &[String],
) -> Result<()> {
    let Appear::Multipart { uploads, .. } = &store.appear else {
        return Err(foreign(store, file));
    };
    let object = store.locate(&file.path)?;
    if let Some(found) = head(store, &file.path).await? {
        return is_published(store, file, &found).await;
    }
    let finish = || async {
        match upload::complete(uploads.as_ref(), &object, upload, parts).await {
            // Some services answer so about an upload that is completed.
            Err(error) => match store.store.head(&object).await {
                Ok(_) => Ok(false),
                Err(_) => Err(error),
            },
            completed => completed,
        }
    };
    let completed = store.caller.ask("publish", &file.path, finish).await;
    if matches!(completed, Ok(true)) {
        return Ok(());
    }
    // Another runner that publishes the same commit may have been faster.
    match (head(store, &file.path).await?, completed) {
        (Some(found), _) => is_published(store, file, &found).await,
        (None, Err(failure)) => Err(failure),
        (None, Ok(_)) => Err(gone(store, file, &format!("its upload `{upload}`"))),
    }
}

async fn rename(store: &Remote, file: &PendingFile, pending: &str) -> Result<()> {
    let (from, to) = (store.locate(pending)?, store.locate(&file.path)?);
    let moving = || async {
        match store.store.rename_if_not_exists(&from, &to).await {
            Ok(()) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) if is_absent(&error) => Ok(false),
            // A rename whose answer was lost is repeated, and then fails in many ways.
            Err(error) => match store.store.head(&from).await {
                Err(gone) if is_absent(&gone) => Ok(false),
                _ => Err(error),
            },
        }
    };
    // WebDAV does not say which of the two names is missing.
    let is_pending = head(store, pending).await?.is_some();
    if is_pending && store.caller.ask("publish", &file.path, moving).await? {
        return Ok(());
    }
    match (head(store, pending).await?, head(store, &file.path).await?) {
        (None, Some(found)) => is_published(store, file, &found).await,
        (None, None) => Err(gone(store, file, &format!("its pending file `{pending}`"))),
        (Some(_), found) => {
            // A rename that is a copy and a delete may have stopped between them.
            if found.is_some() && same_content(store, pending, &file.path).await? {
                return remove(store, pending).await;
            }
            Err(taken(store, file))
        }
    }
}

/// Drops what is pending of a micro-batch, and aborts what its notes name.
pub(super) fn discard(store: &Remote, batch: BatchId) -> Result<()> {
    for Meta { path, .. } in store.list(&format!("{PENDING}/{batch}"))? {
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.ends_with(upload::NOTE) {
            abort(store, &path)?;
        } else if !name.contains(spool::ENDING) {
            // HDFS has half-written files under names of its own, around ours.
            continue;
        }
        store.delete(&path)?;
    }
    Ok(())
}

fn abort(store: &Remote, note: &str) -> Result<()> {
    let Some(text) = store.read(note)? else { return Ok(()) };
    let (Appear::Multipart { uploads, .. }, Ok(said)) =
        (&store.appear, serde_json::from_slice::<upload::Upload>(&text))
    else {
        return Ok(());
    };
    let object = store.locate(&said.path)?;
    let aborting = || upload::abort(uploads.as_ref(), &object, &said.upload);
    store.caller.call("abort the upload to", &said.path, aborting)
}

async fn head(store: &Remote, path: &str) -> Result<Option<Meta>> {
    let object = store.locate(path)?;
    let look = || async { absent(store.store.head(&object).await) };
    let found = store.caller.ask("look at", path, look).await?;
    Ok(found.and_then(|meta| store.describe(&meta)))
}

async fn remove(store: &Remote, path: &str) -> Result<()> {
    let object = store.locate(path)?;
    let removing = || async { absent(store.store.delete(&object).await) };
    store.caller.ask("delete", path, removing).await.map(drop)
}

async fn same_content(store: &Remote, a: &str, b: &str) -> Result<bool> {
    let read = async |caller: &Caller, path: &str| {
        let object = store.locate(path)?;
        caller.ask("read", path, || async { store.store.get(&object).await?.bytes().await }).await
    };
    Ok(read(&store.caller, a).await? == read(&store.caller, b).await?)
}

async fn is_published(store: &Remote, file: &PendingFile, found: &Meta) -> Result<()> {
    if found.size_bytes == file.size_bytes {
        return Ok(());
    }
    // An upload that is still open was never completed: the file there is somebody else's.
    if let PendingHandle::Multipart { note, .. } = &file.handle
        && !note.is_empty()
        && head(store, note).await?.is_some()
    {
        return Err(taken(store, file));
    }
    Err(crate::storage::changed(store, file, found.size_bytes))
}

fn foreign(store: &Remote, file: &PendingFile) -> Diagnostic {
    Diagnostic::storage(format!(
        "`{}/{}` was written to a store of another kind",
        store.name, file.path
    ))
    .hint("run with the `[sink]` that the micro-batch was begun with")
}

fn gone(store: &Remote, file: &PendingFile, pending: &str) -> Diagnostic {
    Diagnostic::storage(format!(
        "the committed file `{}/{}` is gone, and so is {pending}",
        store.name, file.path
    ))
    .hint(crate::storage::RESTORE)
    .hint(crate::storage::UNDO)
}

fn taken(store: &Remote, file: &PendingFile) -> Diagnostic {
    Diagnostic::storage(format!(
        "cannot publish `{}/{}`: there is another file of that name",
        store.name, file.path
    ))
    .hint("another pipeline, or this one with an older checkpoint, wrote to this table: move its files away or choose another `sink` directory")
}
