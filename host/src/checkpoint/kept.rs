//! What is kept by content: components, and the text of records that are put back. Its name is its
//! SHA-256, so damage to it is noticed, and keeping it twice is keeping it once.

use super::{Checkpoint, hex_sha256, layout, log};
use crate::diagnostic::{Diagnostic, Result};

impl Checkpoint {
    /// Keeps a component, whose SHA-256 in hex this is.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn store_component(&self, sha256: &str, bytes: &[u8]) -> Result<()> {
        self.store_once(&layout::plugin(sha256), bytes)
    }

    fn store_once(&self, path: &str, bytes: &[u8]) -> Result<()> {
        if self.storage.head(path)?.is_none() {
            self.storage.create(path, bytes)?;
        }
        Ok(())
    }

    /// A component that was kept.
    ///
    /// # Errors
    /// Fails when it is gone or damaged, and when the store refuses.
    pub fn component(&self, sha256: &str) -> Result<Vec<u8>> {
        let why = "a micro-batch that has to be replayed ran with this component";
        self.by_content(&layout::plugin(sha256), sha256, why)
    }

    /// Keeps the text of records that are put back, by content; gives its SHA-256 in hex.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn store_replay(&self, text: &[u8]) -> Result<String> {
        let sha256 = hex_sha256(text);
        self.store_once(&layout::replay(&sha256), text)?;
        Ok(sha256)
    }

    /// The text of records that are put back.
    ///
    /// # Errors
    /// Fails when it is gone or damaged, and when the store refuses.
    pub fn replay_text(&self, sha256: &str) -> Result<Vec<u8>> {
        let why = "a micro-batch that was begun puts these rejected records back";
        self.by_content(&layout::replay(sha256), sha256, why)
    }

    /// Drops the text of records that are put back by now: their micro-batch is published.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub fn drop_replay(&self, sha256: &str) -> Result<()> {
        self.storage.delete(&layout::replay(sha256))
    }

    fn by_content(&self, path: &str, sha256: &str, why: &str) -> Result<Vec<u8>> {
        match self.storage.read(path)? {
            Some(bytes) if hex_sha256(&bytes) == sha256 => Ok(bytes),
            Some(_) => Err(log::damaged(&self.storage, path, "its SHA-256 is not its name")),
            None => Err(Diagnostic::storage(format!("`{}/{path}` is gone", self.storage.root()))
                .cause(why)
                .hint("put back the checkpoint as a whole from one copy")),
        }
    }
}
