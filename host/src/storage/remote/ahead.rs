//! Small files downloaded before they are asked for, so that a micro-batch of many does not wait
//! for an answer each.
//!
//! Owns what lies in memory and its bound; knows nothing of who reads. A download that fails is
//! forgotten: whoever opens the file asks for it then, and hears why.

use crate::types::InputFile;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use object_store::{Error, ObjectStore, ObjectStoreExt as _, path::Path};
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

/// A file that is to be opened.
enum Slot {
    /// Its download has not begun.
    Planned,
    /// It was downloaded, or is on its way.
    Begun(oneshot::Receiver<Downloaded>),
}

/// Files by object, until they are opened.
type Waiting = HashMap<Path, Slot>;

/// What is being downloaded, and what was.
#[derive(Default)]
pub(super) struct Ahead {
    files: Arc<Mutex<Waiting>>,
    task: Mutex<Option<AbortHandle>>,
}

/// What a download works with.
#[derive(Clone)]
struct Download {
    store: Arc<dyn ObjectStore>,
    waiting: Arc<Mutex<Waiting>>,
    budget: Arc<Semaphore>,
}

/// A download that has its share of the budget.
struct Begun {
    file: InputFile,
    object: Path,
    share: OwnedSemaphorePermit,
    hand_over: oneshot::Sender<Downloaded>,
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
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = task.take() {
            earlier.abort();
        }
        let small = files.into_iter().filter(|(_, file)| file.size_bytes <= SMALL_BYTES);
        let small: Vec<_> = small.map(|(object, file)| (object, file.clone())).collect();
        let planned = small.iter().map(|(object, _)| (object.clone(), Slot::Planned));
        *lock(&self.files) = planned.collect();
        let download = Download {
            store: Arc::clone(store),
            waiting: Arc::clone(&self.files),
            budget: Arc::new(Semaphore::new(BUDGET_KIB)),
        };
        let all = async move {
            let begun = stream::iter(small)
                .filter_map(|(object, file)| download.clone().begin(object, file));
            let done = begun.map(|begun| download.clone().run(begun));
            done.buffered(AT_ONCE).collect::<()>().await;
        };
        *task = Some(runtime.spawn(all).abort_handle());
    }

    /// The file, if it was downloaded or is on its way.
    pub(super) fn take(&self, object: &Path) -> Option<Box<dyn Read + Send>> {
        let slot = lock(&self.files).remove(object);
        let Some(Slot::Begun(receiver)) = slot else { return None };
        let downloaded = receiver.blocking_recv().ok()?;
        let content = Cursor::new(downloaded.content.clone());
        Some(Box::new(Downloading { content, _whole: downloaded }))
    }
}

impl Download {
    /// Waits for memory; `None` when the file was opened meanwhile.
    async fn begin(self, object: Path, file: InputFile) -> Option<Begun> {
        let share = self.budget.acquire_many_owned(kib(file.size_bytes)).await.ok()?;
        let (hand_over, receiver) = oneshot::channel();
        *lock(&self.waiting).get_mut(&object)? = Slot::Begun(receiver);
        Some(Begun { file, object, share, hand_over })
    }

    /// Downloads the file, unless it is another one by now: whoever opens it finds out.
    async fn run(self, begun: Begun) {
        let Begun { file, object, share, hand_over } = begun;
        let download = async {
            let found = self.store.get(&object).await?;
            let etag = found.meta.e_tag.as_deref().map(|tag| tag.trim_matches('"'));
            if found.meta.size != file.size_bytes || etag != file.etag.as_deref() {
                return Ok(None);
            }
            found.bytes().await.map(Some)
        };
        let downloaded: Result<Result<Option<Bytes>, Error>, _> =
            tokio::time::timeout(WITHIN, download).await;
        if let Ok(Ok(Some(content))) = downloaded {
            let _ = hand_over.send(Downloaded { content, _share: share });
        }
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
