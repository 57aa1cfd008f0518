//! Files that are listed and not read: those that changed after they were read, and those that
//! are too old. Each is told once in a run.

use crate::{
    checkpoint::Seen,
    diagnostic::Diagnostic,
    metrics::Observer,
    pipeline::plan::SourcePlan,
    source::discover::Discovered,
    types::{InputFile, Sighting},
};

/// What was told already.
#[derive(Default)]
pub(super) struct LeftOut {
    told: Seen,
}

impl LeftOut {
    /// Tells what a look at the source found and leaves out.
    pub(super) fn tell(&mut self, found: &Discovered, plan: &SourcePlan, observer: &dyn Observer) {
        if let Some((which, count)) = self.fresh(&found.changed) {
            let changed = Diagnostic::data(format!("{which} changed after {} read", was(count)))
                .cause("a file is read once, so what changed is not in the table")
                .hint("write finished files under new names, and move them into place");
            observer.warning(&changed);
        }
        if let Some((which, count)) = self.fresh(&found.too_old) {
            let is = if count == 1 { "is" } else { "are" };
            let age = plan.max_file_age.unwrap_or_default();
            let too_old = Diagnostic::data(format!("{which} {is} too old to be read"))
                .cause(format!(
                    "changed more than `max_file_age` ({}) before the newest file that was read",
                    crate::pipeline::quantity::TimeSpan(age)
                ))
                .hint("touch the files, or raise `max_file_age`, if they are to be read");
            observer.warning(&too_old);
        }
    }

    /// Which files, and how many, were not told yet.
    fn fresh(&mut self, files: &[InputFile]) -> Option<(String, usize)> {
        let is_fresh = |file: &&InputFile| self.told.sighting(file) != Sighting::Consumed;
        let fresh: Vec<_> = files.iter().filter(is_fresh).cloned().collect();
        let first = &fresh.first()?.path;
        let which = match fresh.len() {
            1 => format!("input `{first}`"),
            count => format!("input `{first}` and {} others", count - 1),
        };
        self.told.add(&fresh);
        Some((which, fresh.len()))
    }
}

fn was(count: usize) -> &'static str {
    if count == 1 { "it was" } else { "they were" }
}
