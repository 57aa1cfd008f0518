//! A listing of any length: a service answers by the thousand, and takes its time.
//!
//! Owns how a listing that breaks goes on where it broke; knows nothing of what is listed.

use super::{
    Remote, absent,
    call::{ANSWER_WITHIN, late},
};
use crate::{diagnostic::Result, storage::Meta};
use futures_util::StreamExt as _;
use object_store::{Error, path::Path};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// No limit for the whole: every answer has its own.
const WHOLE: Duration = Duration::from_hours(24);

/// What came so far.
#[derive(Default)]
struct Listed {
    found: Vec<Meta>,
    /// The last name that came, and how many.
    last: Option<Path>,
    names: u64,
}

/// Every file below a directory, after a path where one is given; sorted by path.
pub(super) fn list(store: &Remote, prefix: &str, after: Option<&str>) -> Result<Vec<Meta>> {
    let dir = store.locate_dir(prefix)?;
    let offset = after.map(|after| store.locate(after)).transpose()?;
    let listed = Mutex::new(Listed::default());
    let names = || listed.lock().unwrap_or_else(PoisonError::into_inner).names;
    loop {
        let before = names();
        let page = || go_on(store, &dir, offset.as_ref(), &listed);
        match store.caller.call_within(WHOLE, "list", prefix, page) {
            Ok(()) => break,
            // Patience is for a service that brings nothing.
            Err(_) if names() > before && store.appear.is_listed_in_order() => {}
            Err(failure) => return Err(failure),
        }
    }
    let mut found = listed.into_inner().unwrap_or_else(PoisonError::into_inner).found;
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Lists from the last name on that came; from the start where names come in no order.
async fn go_on(
    store: &Remote,
    dir: &Path,
    offset: Option<&Path>,
    listed: &Mutex<Listed>,
) -> Result<(), Error> {
    let lock = || listed.lock().unwrap_or_else(PoisonError::into_inner);
    if !store.appear.is_listed_in_order() {
        *lock() = Listed::default();
    }
    let from = lock().last.clone().or_else(|| offset.cloned());
    let within = Some(dir).filter(|dir| !dir.as_ref().is_empty());
    let mut listing = match &from {
        Some(from) => store.store.list_with_offset(within, from),
        None => store.store.list(within),
    };
    loop {
        let next = tokio::time::timeout(ANSWER_WITHIN, listing.next()).await;
        match next.map_err(|_| late())? {
            None => return Ok(()),
            Some(meta) => {
                // A directory that is not there is an empty one.
                let Some(meta) = absent(meta)? else { return Ok(()) };
                let mut listed = lock();
                listed.found.extend(store.describe(&meta));
                listed.names += 1;
                listed.last = Some(meta.location);
            }
        }
    }
}
