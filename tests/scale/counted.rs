//! A store that counts what it is asked for, and one that makes up a million files.

use lockgate::{
    diagnostic::Result,
    storage::{Created, Lock, Meta, PendingWriter, Storage, Store},
    types::{BatchId, InputFile, PendingFile},
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

/// What a store was asked for.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: AtomicU64,
    pub(crate) names_listed: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
}

impl Counts {
    /// Calls, names listed, bytes written, bytes read.
    pub(crate) fn get(&self) -> [u64; 4] {
        [&self.calls, &self.names_listed, &self.bytes_written, &self.bytes_read]
            .map(|count| count.load(Relaxed))
    }

    /// A store that counts here.
    pub(crate) fn wrap(self: &Arc<Self>, inner: Storage) -> Storage {
        Arc::new(Counted { inner, counts: Arc::clone(self) })
    }
}

#[derive(Debug)]
struct Counted {
    inner: Storage,
    counts: Arc<Counts>,
}

impl Counted {
    fn call(&self) {
        self.counts.calls.fetch_add(1, Relaxed);
    }

    fn listed(&self, listed: Result<Vec<Meta>>) -> Result<Vec<Meta>> {
        self.call();
        listed.inspect(|names| {
            self.counts.names_listed.fetch_add(names.len() as u64, Relaxed);
        })
    }

    fn writes(&self, content: &[u8]) {
        self.call();
        self.counts.bytes_written.fetch_add(content.len() as u64, Relaxed);
    }
}

impl Store for Counted {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        self.listed(self.inner.list(prefix))
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        self.listed(self.inner.list_after(prefix, after))
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        self.call();
        self.inner.head(path)
    }

    fn open(&self, path: &str) -> Result<Box<dyn io::Read + Send>> {
        self.call();
        self.inner.open(path)
    }

    fn will_open(&self, files: &[InputFile]) {
        self.inner.will_open(files);
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.call();
        self.inner.read(path).inspect(|content| {
            let bytes = content.as_ref().map_or(0, Vec::len);
            self.counts.bytes_read.fetch_add(bytes as u64, Relaxed);
        })
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        self.writes(content);
        self.inner.create(path, content)
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        self.writes(content);
        self.inner.put(path, content)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.call();
        self.inner.delete(path)
    }

    fn pending(&self, batch: BatchId, path: &str) -> Result<Box<dyn PendingWriter>> {
        self.call();
        self.inner.pending(batch, path)
    }

    fn sync_pending(&self, files: &[PendingFile]) -> Result<()> {
        self.call();
        self.inner.sync_pending(files)
    }

    fn verify_pending(&self, file: &PendingFile) -> Result<()> {
        self.call();
        self.inner.verify_pending(file)
    }

    fn publish(&self, files: &[PendingFile]) -> Result<()> {
        self.call();
        self.inner.publish(files)
    }

    fn discard(&self, batch: BatchId) -> Result<()> {
        self.call();
        self.inner.discard(batch)
    }

    fn settle(&self, prefix: &str) -> Result<()> {
        self.call();
        self.inner.settle(prefix)
    }

    fn lock(&self, path: &str, holder: &[u8]) -> Result<Lock> {
        self.call();
        self.inner.lock(path, holder)
    }

    fn lock_holder(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.call();
        self.inner.lock_holder(path)
    }
}

/// The `n`th log file of one account and region, as `CloudTrail` delivers them: one every five
/// minutes, about as large as those of a busy account.
pub(crate) fn log_file(n: u64) -> InputFile {
    let (day, minute) = (n / 288, n % 288 * 5);
    let (year, month, day) = (2016 + day / 336, day % 336 / 28 + 1, day % 28 + 1);
    let (hour, minute) = (minute / 60, minute % 60);
    let unique = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let path = format!(
        "AWSLogs/123837827345/CloudTrail/us-east-1/{year:04}/{month:02}/{day:02}/\
         123837827345_CloudTrail_us-east-1_{year:04}{month:02}{day:02}T{hour:02}{minute:02}Z_\
         {unique:016x}.json.gz"
    );
    let modified_us = 1_451_606_400_000_000 + n as i64 * 300_000_000;
    InputFile { path, size_bytes: 3_105 + unique % 30_000, modified_us, etag: None }
}

/// A source that lists so many log files, and holds one record in each.
#[derive(Debug)]
pub(crate) struct MadeUp {
    pub(crate) files: u64,
    /// How long a listing takes.
    pub(crate) listing: Duration,
}

impl MadeUp {
    fn metas(&self, first: u64) -> Vec<Meta> {
        thread::sleep(self.listing);
        (first..self.files).map(meta).collect()
    }

    /// The first file whose path is not before the one that is looked for; paths grow with the
    /// number.
    fn first(&self, is_before: impl Fn(&str) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.files);
        while low < high {
            let middle = u64::midpoint(low, high);
            if is_before(&log_file(middle).path) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

fn meta(n: u64) -> Meta {
    let InputFile { path, size_bytes, modified_us, etag } = log_file(n);
    Meta { path, size_bytes, modified_us, etag }
}

impl Store for MadeUp {
    fn root(&self) -> &'static str {
        "made-up"
    }

    fn list(&self, _: &str) -> Result<Vec<Meta>> {
        Ok(self.metas(0))
    }

    fn list_after(&self, _: &str, after: &str) -> Result<Vec<Meta>> {
        Ok(self.metas(self.first(|path| path <= after)))
    }

    fn open(&self, _: &str) -> Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(io::Cursor::new(b"{\"id\":1}\n".to_vec())))
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        let found = self.first(|before| before < path);
        Ok((found < self.files).then(|| meta(found)).filter(|meta| meta.path == path))
    }

    fn read(&self, _: &str) -> Result<Option<Vec<u8>>> {
        unreachable!("input files are opened")
    }

    fn create(&self, _: &str, _: &[u8]) -> Result<Created> {
        unreachable!("the source is only read")
    }

    fn put(&self, _: &str, _: &[u8]) -> Result<()> {
        unreachable!("the source is only read")
    }

    fn delete(&self, _: &str) -> Result<()> {
        unreachable!("the source is only read")
    }

    fn pending(&self, _: BatchId, _: &str) -> Result<Box<dyn PendingWriter>> {
        unreachable!("the source is only read")
    }

    fn sync_pending(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("the source is only read")
    }

    fn verify_pending(&self, _: &PendingFile) -> Result<()> {
        unreachable!("the source is only read")
    }

    fn publish(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("the source is only read")
    }

    fn discard(&self, _: BatchId) -> Result<()> {
        unreachable!("the source is only read")
    }
}
