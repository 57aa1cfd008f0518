//! Which pipeline a checkpoint belongs to, and which pipeline a table belongs to.
//!
//! Owns `pipeline.json` and the table's `_lockgate/table.json`; knows nothing of the logs.

use super::{
    layout::{COMMITS, HISTORY, OFFSETS, PIPELINE, SEEN, TABLE},
    log::{decode, encode},
};
use crate::{
    clock,
    diagnostic::{Diagnostic, Result},
    storage::{Created, Storage},
};
use serde::{Deserialize, Serialize};

/// A pipeline, as its checkpoint knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Unique for ever, a UUID.
    pub id: String,
    /// Name in the pipeline file.
    pub name: String,
    /// Start of its first run, in microseconds since 1970.
    pub created_us: i64,
}

/// Reads whose checkpoint it is; `None` when it is nobody's.
pub(super) fn read(storage: &Storage) -> Result<Option<Identity>> {
    let text = storage.read(PIPELINE)?;
    text.map(|text| decode(storage, PIPELINE, &text)).transpose()
}

/// Makes the checkpoint this pipeline's, or makes sure that it is.
pub(super) fn claim(storage: &Storage, name: &str) -> Result<Identity> {
    if let Some(known) = owned(storage, name)? {
        return Ok(known);
    }
    let id = uuid::Uuid::new_v4().to_string();
    let ours = Identity { id, name: name.to_owned(), created_us: clock::now_us() };
    match storage.create(PIPELINE, &encode(&ours)?)? {
        Created::New => Ok(ours),
        Created::Exists => Ok(owned(storage, name)?.unwrap_or(ours)),
    }
}

/// Makes sure that the checkpoint is this pipeline's, or nobody's and empty.
pub(super) fn owned(storage: &Storage, name: &str) -> Result<Option<Identity>> {
    let known = match read(storage)? {
        Some(known) => known,
        None => match left_behind(storage)? {
            None => return Ok(None),
            // Another runner may have created both since.
            Some(refusal) => read(storage)?.ok_or(refusal)?,
        },
    };
    if known.name == name {
        return Ok(Some(known));
    }
    let (root, since) = (storage.root(), clock::utc(known.created_us));
    Err(Diagnostic::config(format!(
        "the checkpoint `{root}` belongs to pipeline `{}`, not to `{name}`",
        known.name
    ))
    .cause(format!("`{root}/{PIPELINE}` says so since {since}"))
    .hint(format!("give `{name}` a `checkpoint` directory of its own"))
    .hint(format!("if the pipeline was renamed, name it `{}` again", known.name)))
}

/// What is wrong with a checkpoint that is nobody's: logs are there.
fn left_behind(storage: &Storage) -> Result<Option<Diagnostic>> {
    for log in [OFFSETS, COMMITS, HISTORY, SEEN] {
        if let Some(left) = storage.list(log)?.first() {
            let root = storage.root();
            let message = format!("the checkpoint `{root}` has no `{PIPELINE}`");
            return Ok(Some(
                Diagnostic::storage(message)
                    .cause(format!("`{root}/{}` is there, so there was one", left.path))
                    .hint("put back the checkpoint as a whole from one copy")
                    .hint("or start over: move the checkpoint and the table away, both, then run again"),
            ));
        }
    }
    Ok(None)
}

/// Makes sure that the checkpoint is still there, and ours: somebody may have deleted or replaced
/// it while this process ran.
pub(super) fn verify(ours: &Identity, storage: &Storage) -> Result<()> {
    let root = storage.root();
    match read(storage)? {
        Some(known) if known == *ours => Ok(()),
        Some(_) => Err(Diagnostic::storage(format!("the checkpoint `{root}` was replaced"))
            .cause(format!("`{root}/{PIPELINE}` is another one than when this run began"))
            .hint(
                "see who replaced it; then run again with the checkpoint that belongs to the table",
            )),
        None => Err(Diagnostic::storage(format!("the checkpoint `{root}` is gone"))
            .cause(format!("`{root}/{PIPELINE}` was there when this run began"))
            .hint("put the checkpoint back as a whole from one copy, then run again")
            .hint("or start over: move the checkpoint and the table away, both, then run again")),
    }
}

/// Makes the table this pipeline's, or makes sure that it is: the names of its files follow
/// from the micro-batch, so two pipelines, or one with a new checkpoint, would collide.
///
/// `is_written` tells that micro-batches were committed: then the table is there already, and
/// it says whose it is.
pub(super) fn claim_table(ours: &Identity, sink: &Storage, is_written: bool) -> Result<()> {
    let is_ours = || owns_table(Some(&ours.id), &ours.name, sink, is_written);
    if is_ours()? || sink.create(TABLE, &encode(ours)?)? == Created::New {
        return Ok(());
    }
    is_ours().map(drop)
}

/// Makes sure that the table is this pipeline's, or nobody's and empty; false for the latter.
/// A pipeline that never ran has no id.
pub(super) fn owns_table(
    id: Option<&str>,
    name: &str,
    sink: &Storage,
    is_written: bool,
) -> Result<bool> {
    let root = sink.root();
    let Some(text) = sink.read(TABLE)? else {
        if !is_written {
            return Ok(false);
        }
        return Err(Diagnostic::storage(format!(
            "`{root}` is not the table that this checkpoint belongs to"
        ))
        .cause(format!("micro-batches were committed, and there is no `{root}/{TABLE}`"))
        .hint("set `[sink] path` to where the table is, or put the table back from a copy")
        .hint("or start over: move the checkpoint away, too, then run again"));
    };
    let known: Identity = decode(sink, TABLE, &text)?;
    if Some(known.id.as_str()) == id {
        return Ok(true);
    }
    let another = "choose another `sink` directory, or move the table away to start over";
    let refusal = if known.name == name {
        let whose = format!("an earlier checkpoint of pipeline `{name}`");
        Diagnostic::config(format!("the table `{root}` belongs to {whose}"))
            .hint("put back the checkpoint that the table was written with")
            .hint(format!("or {another}"))
    } else {
        let whose = format!("pipeline `{}`", known.name);
        Diagnostic::config(format!("the table `{root}` belongs to {whose}")).hint(another)
    };
    Err(refusal.cause(format!("`{root}/{TABLE}` says so since {}", clock::utc(known.created_us))))
}

/// Makes sure that a checkpoint and a table are of one pipeline, or both nobody's. A table that is
/// somebody's where the checkpoint is nobody's was written with one that was lost.
pub(super) fn belong_together(
    checkpoint: &Storage,
    name: &str,
    table: &Storage,
    is_written: bool,
) -> Result<()> {
    let is_theirs = |known: &Option<Identity>| {
        let id = known.as_ref().map(|known| known.id.as_str());
        owns_table(id, name, table, is_written).map(drop)
    };
    let known = owned(checkpoint, name)?;
    match is_theirs(&known) {
        // Another runner may have created both since.
        Err(_) if known.is_none() => is_theirs(&owned(checkpoint, name)?),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checkpoint::fixture, diagnostic::Kind};

    #[test]
    fn a_checkpoint_keeps_its_identity() {
        let (_temp, storage) = fixture::storage();
        let first = claim(&storage, "payments").unwrap();
        assert_eq!(claim(&storage, "payments").unwrap(), first);
        assert_eq!(first.id.len(), 36);
    }

    #[test]
    fn a_checkpoint_that_is_deleted_or_replaced_is_noticed() {
        let (_temp, storage) = fixture::storage();
        let ours = claim(&storage, "payments").unwrap();
        verify(&ours, &storage).unwrap();
        storage.delete(PIPELINE).unwrap();
        assert!(verify(&ours, &storage).unwrap_err().message.ends_with("is gone"));
        claim(&storage, "payments").unwrap();
        assert!(verify(&ours, &storage).unwrap_err().message.ends_with("was replaced"));
    }

    #[test]
    fn the_checkpoint_of_another_pipeline_is_refused() {
        let (_temp, storage) = fixture::storage();
        claim(&storage, "payments").unwrap();
        let refusal = claim(&storage, "refunds").unwrap_err();
        assert_eq!(refusal.kind, Kind::Config);
        assert!(refusal.message.ends_with("belongs to pipeline `payments`, not to `refunds`"));
        assert_eq!(refusal.hints[1], "if the pipeline was renamed, name it `payments` again");
    }

    #[test]
    fn logs_without_a_pipeline_file_are_refused() {
        let (_temp, storage) = fixture::storage();
        storage.put("commits/0000000000.json", b"{}").unwrap();
        let refusal = claim(&storage, "payments").unwrap_err();
        assert!(refusal.message.ends_with("has no `pipeline.json`"), "{refusal}");
        assert!(refusal.causes[0].contains("commits/0000000000.json"), "{refusal}");
    }

    #[test]
    fn a_table_takes_files_of_one_checkpoint_only() {
        let (_a, ours) = fixture::storage();
        let (_b, others) = fixture::storage();
        let (_c, table) = fixture::storage();
        let (ours, again) =
            (claim(&ours, "payments").unwrap(), claim(&others, "payments").unwrap());
        let refusal = claim_table(&ours, &table, true).unwrap_err();
        assert!(refusal.message.contains("is not the table"), "{refusal}");
        claim_table(&ours, &table, false).unwrap();
        claim_table(&ours, &table, true).unwrap();
        let refusal = claim_table(&again, &table, false).unwrap_err();
        assert!(
            refusal.message.contains("an earlier checkpoint of pipeline `payments`"),
            "{refusal}"
        );
        let other = Identity { name: "refunds".into(), ..again };
        let refusal = claim_table(&other, &table, false).unwrap_err();
        assert!(refusal.message.ends_with("belongs to pipeline `payments`"), "{refusal}");
    }
}
