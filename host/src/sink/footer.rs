//! What the footer of a table file says of its origin.

use crate::{
    diagnostic::{Diagnostic, Result},
    storage::Storage,
};
use parquet::file::metadata::ParquetMetaDataReader;
use std::{collections::BTreeMap, io::Read};

/// Longest footer that is read.
const MOST_BYTES: usize = 16 << 20;
/// What a file ends with: the length of its footer, and a mark.
const TAIL_BYTES: usize = 8;

/// Reads the keys that lockgate writes into a file's footer.
///
/// # Errors
/// Fails when it is no Parquet file, and when the store refuses.
pub fn read(storage: &Storage, path: &str) -> Result<BTreeMap<String, String>> {
    let end = end(storage, path)?;
    let metadata = metadata(&end).ok_or_else(|| {
        Diagnostic::data(format!("`{}/{path}` is no whole Parquet file", storage.root()))
            .hint("name a file of a table, or one of a source together with `--pipeline`")
    })?;
    let keys = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    let ours = keys.filter(|pair| pair.key.starts_with("lockgate."));
    Ok(ours.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect())
}

/// The last bytes of a file. Stores are read from the start.
fn end(storage: &Storage, path: &str) -> Result<Vec<u8>> {
    let failed = |error| {
        Diagnostic::storage(format!("cannot read `{}/{path}`", storage.root())).cause(error)
    };
    let mut file = storage.open(path)?;
    let mut end = Vec::new();
    loop {
        let read = file.by_ref().take(MOST_BYTES as u64).read_to_end(&mut end).map_err(failed)?;
        if read == 0 {
            return Ok(end);
        }
        end.drain(..end.len().saturating_sub(MOST_BYTES));
    }
}

fn metadata(end: &[u8]) -> Option<parquet::file::metadata::ParquetMetaData> {
    let (rest, tail) = end.split_at_checked(end.len().checked_sub(TAIL_BYTES)?)?;
    let length = u32::from_le_bytes(tail[..4].try_into().ok()?) as usize;
    if &tail[4..] != b"PAR1" {
        return None;
    }
    let footer = rest.get(rest.len().checked_sub(length)?..)?;
    ParquetMetaDataReader::decode_metadata(footer).ok()
}
