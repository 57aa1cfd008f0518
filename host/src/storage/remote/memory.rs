//! A store in memory with multipart uploads: the protocol of the clouds without a service.

use super::{Appear, Remote, call::silent};
use crate::{
    diagnostic::Result,
    storage::{Storage, StorageOptions},
};
use object_store::{ObjectStore, memory::InMemory, multipart::MultipartStore, path::Path};
use std::sync::Arc;

/// What stays in memory while processes come and go.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<InMemory>);

impl Memory {
    /// The store rooted at `root` (empty: everything), as a process of its own would open it.
    ///
    /// # Errors
    /// Fails when the system grants no threads.
    pub fn open(&self, root: &str) -> Result<Storage> {
        let store = Arc::clone(&self.0) as Arc<dyn ObjectStore>;
        let uploads = Arc::clone(&self.0) as Arc<dyn MultipartStore>;
        let options = StorageOptions::default();
        let name = format!("memory://{root}");
        // It takes the parts of a file in their order only.
        let appear = Appear::Multipart { uploads, parts_at_once: 1 };
        Ok(Arc::new(Remote::new(store, appear, Path::from(root), name, &options, &silent())?))
    }
}
