//! Which files the next micro-batch reads.
//!
//! Owns what an earlier listing gave for later, and what was told of files that are left out;
//! knows nothing of what is made of the files.

use super::left_out::LeftOut;
use crate::{
    checkpoint::Checkpoint,
    diagnostic::Result,
    metrics::Observer,
    pipeline::plan::SourcePlan,
    source::{
        arrivals::Look,
        backlog::Backlog,
        discover::{self, Known, Unfinished},
    },
    storage::Storage,
    types::InputFile,
};
use std::time::Instant;

/// Looks for the files of one micro-batch after the other.
#[derive(Default)]
pub(super) struct Discovery {
    left_out: LeftOut,
    backlog: Backlog,
}

/// Where files are looked for, and what is known of them.
pub(super) struct Place<'a> {
    pub(super) plan: &'a SourcePlan,
    pub(super) source: &'a Storage,
    pub(super) checkpoint: &'a Checkpoint,
}

/// The files of a micro-batch, and what is still to be looked at, as far as it is known.
type Next = (Vec<InputFile>, Option<Look>);

impl Discovery {
    /// The new files among those to be looked at, as they are in the store.
    ///
    /// # Errors
    /// Fails when the store refuses.
    pub(super) fn next(
        &mut self,
        look: &Look,
        place: &Place<'_>,
        observer: &dyn Observer,
    ) -> Result<Next> {
        if let Look::Everything(_) = look {
            let files = self.backlog.take(place.plan, place.source, Instant::now())?;
            if !files.is_empty() {
                // What came after the listing is in none yet.
                return Ok((files, Some(Look::EVERYTHING)));
            }
        }
        self.discover(look, place, observer)
    }

    fn discover(
        &mut self,
        look: &Look,
        place: &Place<'_>,
        observer: &dyn Observer,
    ) -> Result<Next> {
        let start = Instant::now();
        let Place { plan, source, checkpoint } = *place;
        let (seen, position) = (checkpoint.seen(), checkpoint.position());
        let sighting = |file: &InputFile| seen.sighting(file);
        let known = |unfinished| Known { sighting: &sighting, position, unfinished };
        let found = match look {
            Look::Everything(but) => discover::discover(plan, source, &known(but)),
            Look::Files(paths) => {
                discover::discover_among(plan, source, &known(&Unfinished::NONE), paths)
            }
        }?;
        self.left_out.tell(&found, plan, observer);
        let is_more = !found.later.is_empty();
        let rest = if let Look::Everything(_) = look {
            self.backlog.keep(found.later, start.elapsed(), Instant::now());
            Look::EVERYTHING
        } else {
            Look::Files(found.later.into_iter().map(|file| file.path).collect())
        };
        Ok((found.files, is_more.then_some(rest)))
    }
}
