//! What the source's tests and fuzzing share: a plan with small limits, and a store in memory.

#![expect(clippy::unwrap_used, reason = "for tests and fuzzing only")]

use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::{CleanSource, OnChangedInput, OnTypeConflict, Order, SourcePlan},
    storage::{Created, Meta, PendingWriter, Store},
    types::{BatchId, InputFile, PendingFile},
};
use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A plan that reads everything and rescues what does not fit.
pub(crate) fn plan() -> SourcePlan {
    SourcePlan {
        root: "memory".into(),
        storage_options: crate::storage::StorageOptions::default(),
        pattern: "**".into(),
        schema: None,
        rescued_column: Some("_rescued".into()),
        on_type_conflict: OnTypeConflict::Null,
        max_record_bytes: 16 << 20,
        max_depth: 128,
        max_decompression_ratio: 250,
        max_files_per_trigger: None,
        max_bytes_per_trigger: None,
        on_changed_input: OnChangedInput::Fail,
        order: Order::ModificationTime,
        max_file_age: None,
        clean_source: CleanSource::Off,
    }
}

/// Files in memory, which can be read and listed, and read in small steps.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    files: Mutex<BTreeMap<String, (Vec<u8>, i64)>>,
    /// Names that listings gave.
    pub(crate) listed: AtomicUsize,
    /// Most bytes that one read gives; 0: as many as asked for.
    pub(crate) step_bytes: usize,
}

impl MemoryStore {
    pub(crate) fn put_at(&self, path: &str, content: &[u8], modified_us: i64) {
        self.files.lock().unwrap().insert(path.into(), (content.into(), modified_us));
    }

    pub(crate) fn inputs(&self) -> Vec<InputFile> {
        self.list("").unwrap().into_iter().map(InputFile::from).collect()
    }
}

fn meta(path: &str, content: &[u8], modified_us: i64) -> Meta {
    Meta { path: path.into(), size_bytes: content.len() as u64, modified_us, etag: None }
}

struct Steps {
    content: io::Cursor<Vec<u8>>,
    step_bytes: usize,
}

impl Read for Steps {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = if self.step_bytes == 0 { buffer.len() } else { self.step_bytes };
        let length = buffer.len().min(most);
        self.content.read(&mut buffer[..length])
    }
}

impl Store for MemoryStore {
    fn root(&self) -> &'static str {
        "memory"
    }

    fn list(&self, prefix: &str) -> Result<Vec<Meta>> {
        let files = self.files.lock().unwrap();
        let below = |path: &str| prefix.is_empty() || path.starts_with(&format!("{prefix}/"));
        let found = files.iter().filter(|(path, _)| below(path));
        let found: Vec<_> = found.map(|(path, (text, time))| meta(path, text, *time)).collect();
        self.listed.fetch_add(found.len(), Ordering::Relaxed);
        Ok(found)
    }

    fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Meta>> {
        let mut found = self.list(prefix)?;
        let all = found.len();
        found.retain(|meta| meta.path.as_str() > after);
        self.listed.fetch_sub(all - found.len(), Ordering::Relaxed);
        Ok(found)
    }

    fn head(&self, path: &str) -> Result<Option<Meta>> {
        let files = self.files.lock().unwrap();
        Ok(files.get(path).map(|(content, modified_us)| meta(path, content, *modified_us)))
    }

    /// A path that contains `forbidden` is listed but does not open.
    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>> {
        let content = self.read(path)?.filter(|_| !path.contains("forbidden"));
        let content = content.ok_or_else(|| Diagnostic {
            is_denied: true,
            ..Diagnostic::storage(format!("cannot open `{path}`"))
        })?;
        Ok(Box::new(Steps { content: io::Cursor::new(content), step_bytes: self.step_bytes }))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.files.lock().unwrap().get(path).map(|(content, _)| content.clone()))
    }

    fn create(&self, path: &str, content: &[u8]) -> Result<Created> {
        if self.files.lock().unwrap().contains_key(path) {
            return Ok(Created::Exists);
        }
        self.put_at(path, content, 0);
        Ok(Created::New)
    }

    fn put(&self, path: &str, content: &[u8]) -> Result<()> {
        self.put_at(path, content, 0);
        Ok(())
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.files.lock().unwrap().remove(path);
        Ok(())
    }

    fn pending(&self, _: BatchId, _: &str) -> Result<Box<dyn PendingWriter>> {
        unreachable!("the source only reads")
    }

    fn sync_pending(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("the source only reads")
    }

    fn verify_pending(&self, _: &PendingFile) -> Result<()> {
        unreachable!("the source only reads")
    }

    fn publish(&self, _: &[PendingFile]) -> Result<()> {
        unreachable!("the source only reads")
    }

    fn discard(&self, _: BatchId) -> Result<()> {
        unreachable!("the source only reads")
    }
}
