//! What a micro-batch reads: from where, and whether it is still what was recorded.

use crate::{
    checkpoint::Checkpoint,
    diagnostic::{Diagnostic, Result},
    metrics::{Observer, Silent},
    pipeline::plan::{OnChangedInput, SourcePlan},
    source::{pattern::Pattern, returned::ReturnedStore, side_by_side},
    storage::Storage,
    types::{BatchId, InputFile, OffsetRecord, RecordId},
};
use std::sync::Arc;

/// Where the files of a micro-batch are read from.
pub(super) struct Inputs {
    store: Storage,
    /// The same, where the files are rejected records that are put back.
    returned: Option<Arc<ReturnedStore>>,
}

impl Inputs {
    /// Files of the source.
    pub(super) fn of_files(source: &Storage) -> Self {
        Self { store: Arc::clone(source), returned: None }
    }

    /// What a record says.
    ///
    /// # Errors
    /// Fails when records are put back whose text is gone or damaged.
    pub(super) fn open(
        checkpoint: &Checkpoint,
        source: &Storage,
        offsets: &OffsetRecord,
    ) -> Result<Self> {
        let Some(sha256) = &offsets.replay else { return Ok(Self::of_files(source)) };
        let text = checkpoint.replay_text(sha256)?;
        let returned = Arc::new(ReturnedStore::new(&text, Arc::clone(source))?);
        let store = Arc::clone(&returned) as Storage;
        Ok(Self { store, returned: Some(returned) })
    }

    /// Makes sure that a micro-batch which was begun finds the files it recorded, unless they
    /// may be left out.
    ///
    /// # Errors
    /// Which one changed or is gone; also when the store refuses.
    pub(super) fn are_left(
        plan: &SourcePlan,
        source: &Storage,
        begun: &OffsetRecord,
    ) -> Result<()> {
        // Records that are put back lie in the checkpoint.
        if begun.replay.is_some() {
            return Ok(());
        }
        Self::of_files(source).unchanged(plan, begun, &Silent).map(drop)
    }

    /// The store to read from.
    pub(super) fn store(&self) -> &Storage {
        &self.store
    }

    /// The rejected records that are put back, if that is what is read.
    pub(super) fn returned(&self) -> Option<&ReturnedStore> {
        self.returned.as_deref()
    }

    /// The recorded files that are still what they were.
    ///
    /// # Errors
    /// Fails at one that changed and may not be left out, where the source itself seems to be
    /// gone, and when the store refuses.
    pub(super) fn unchanged(
        &self,
        plan: &SourcePlan,
        offsets: &OffsetRecord,
        observer: &dyn Observer,
    ) -> Result<Vec<InputFile>> {
        let mut files = Vec::with_capacity(offsets.files.len());
        let mut changes = Vec::new();
        let mut gone = 0;
        let found = side_by_side::each(&offsets.files, |file| self.store.head(&file.path))?;
        for (file, now) in offsets.files.iter().zip(found) {
            let now = now.map(InputFile::from);
            if now.as_ref() == Some(file) {
                files.push(file.clone());
                continue;
            }
            gone += usize::from(now.is_none());
            let change = changed_input(offsets.batch, file, now.as_ref());
            match plan.on_changed_input {
                OnChangedInput::Fail => {
                    return Err(change.hint(
                        "put the file back as it was, or set `on_changed_input = \"skip\"` in `[source]` to leave it out",
                    ));
                }
                OnChangedInput::Skip => changes.push(
                    change.hint("it is left out for good: deliver it again under another name"),
                ),
            }
        }
        if self.returned.is_none() && gone > 0 && gone == offsets.files.len() {
            self.is_there(plan, offsets)?;
        }
        for change in &changes {
            observer.warning(change);
        }
        Ok(files)
    }

    /// Makes sure that the source is there, where none of the recorded files is: what was not
    /// mounted for a moment must not be left out for good.
    fn is_there(&self, plan: &SourcePlan, offsets: &OffsetRecord) -> Result<()> {
        let pattern = Pattern::new(&plan.pattern)?;
        let listed = self.store.list(&pattern.directory())?;
        if listed.iter().any(|meta| pattern.matches(&meta.path) && !pattern.hides(&meta.path)) {
            return Ok(());
        }
        let message = format!(
            "no input that micro-batch {} recorded is there, nor any other",
            offsets.batch.0
        );
        let wanted = format!("{}/{}", self.store.root(), plan.pattern);
        Err(Diagnostic::storage(message)
            .cause(format!("no file matches `{wanted}`"))
            .hint("see whether the source is mounted, and put the files back")
            .hint("if they were removed for good, a run leaves them out as soon as there is another file"))
    }
}

fn changed_input(batch: BatchId, then: &InputFile, now: Option<&InputFile>) -> Diagnostic {
    let what = match RecordId::of_input_path(&then.path) {
        Some(id) => format!("the file that quarantined record {id} stands for"),
        None => format!("input `{}`", then.path),
    };
    let cause = match now {
        None => "it is gone".to_owned(),
        Some(now) => format!(
            "it had {} bytes, now it has {} bytes or another time of change",
            then.size_bytes, now.size_bytes
        ),
    };
    Diagnostic::data(format!("{what} changed after micro-batch {} recorded it", batch.0))
        .cause(cause)
}
