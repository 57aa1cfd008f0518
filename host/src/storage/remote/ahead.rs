//! Small files downloaded before they are asked for, so that a micro-batch of many does not wait
//! for an answer each.
//!
//! Owns what lies in memory and its bound; knows nothing of who reads. A download that fails is
//! forgotten: whoever opens the file asks for it then, and hears why.

use crate::types::InputFile;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use std::{
    collections::HashMap,
    io::{self, Cursor, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::AbortHandle,
};

/// A larger file is read as it comes.
const SMALL_BYTES: u64 = 4 << 20;

/// Memory for files that are not yet read, in KiB.
const BUDGET_KIB: usize = 64 << 10;

/// Downloads at once.
const AT_ONCE: usize = 16;

/// A download that takes longer is forgotten.
const WITHIN: Duration = Duration::from_secs(30);

/// A file in memory, and its share of the budget.
struct Downloaded {
    content: Bytes,
    _share: OwnedSemaphorePermit,
}

/// Files by object: downloaded, or on their way.
type Waiting = HashMap<Path, oneshot::Receiver<Downloaded>>;

/// What is being downloaded, and what was.
#[derive(Default)]
pub(super) struct Ahead {
    files: Arc<Mutex<Waiting>>,
    task: Mutex<Option<AbortHandle>>,
}

impl Ahead {
    /// Starts to download the small ones of these files, in their order; drops what is left of
    /// earlier ones.
    pub(super) fn start(
        &self,
        runtime: &Runtime,
        store: &Arc<dyn ObjectStore>,
        files: Vec<(Path, &InputFile)>,
    ) {
        let small = files.into_iter().filter(|(_, file)| file.size_bytes <= SMALL_BYTES);
        let small: Vec<_> = small.map(|(object, file)| (object, kib(file.size_bytes))).collect();
        let (store, waiting) = (Arc::clone(store), Arc::clone(&self.files));
        let downloads = async move {
            let budget = Arc::new(Semaphore::new(BUDGET_KIB));
            let started = stream::iter(small).filter_map(|(object, kib)| {
                let (budget, waiting) = (Arc::clone(&budget), Arc::clone(&waiting));
                async move {
                    let share = budget.acquire_many_owned(kib).await.ok()?;
                    let (hand_over, receiver) = oneshot::channel();
                    lock(&waiting).insert(object.clone(), receiver);
                    Some((object, share, hand_over))
                }
            });
            let downloading = started.map(|(object, share, hand_over)| {
                let store = Arc::clone(&store);
                async move {
                    let download = async { store.get(&object).await?.bytes().await };
                    let downloaded = tokio::time::timeout(WITHIN, download).await;
                    if let Ok(Ok(content)) = downloaded {
                        let _ = hand_over.send(Downloaded { content, _share: share });
                    }
                }
            });
            downloading.buffered(AT_ONCE).collect::<()>().await;
        };
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = task.take() {
            earlier.abort();
        }
        lock(&self.files).clear();
        *task = Some(runtime.spawn(downloads).abort_handle());
    }

    /// The file, if it was downloaded or is on its way.
    pub(super) fn take(&self, object: &Path) -> Option<Box<dyn Read + Send>> {
        let receiver = lock(&self.files).remove(object)?;
        let downloaded = receiver.blocking_recv().ok()?;
        let content = Cursor::new(downloaded.content.clone());
        Some(Box::new(Downloading { content, _whole: downloaded }))
    }
}

/// A file read from memory, which it gives back when it is closed.
struct Downloading {
    content: Cursor<Bytes>,
    _whole: Downloaded,
}

impl Read for Downloading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

/// Share of the budget that a file takes; at least one, so that the number of files is bounded.
fn kib(size_bytes: u64) -> u32 {
    u32::try_from(size_bytes >> 10).unwrap_or(u32::MAX).saturating_add(1)
}

fn lock(files: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}
