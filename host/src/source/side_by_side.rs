//! The same call about each of many files, several at a time: of a remote store, each is a wait.

use crate::{diagnostic::Result, types::InputFile};
use std::{iter, thread};

/// From so many files on several are at work.
pub(super) const MANY: usize = 32;
const AT_A_TIME: usize = 8;

/// Does this about each file; gives what came of them, in their order.
///
/// # Errors
/// Gives a failure of the work; it may be done about some of the other files then, and about
/// others not.
pub(super) fn each<T: Send>(
    files: &[InputFile],
    work: impl Fn(&InputFile) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    if files.len() < MANY {
        return files.iter().map(work).collect();
    }
    let (work, share) = (&work, files.len().div_ceil(AT_A_TIME));
    let mut done = Vec::new();
    done.resize_with(files.len(), || None);
    thread::scope(|scope| {
        for (files, done) in iter::zip(files.chunks(share), done.chunks_mut(share)) {
            scope.spawn(move || {
                for (file, done) in iter::zip(files, done) {
                    if done.insert(work(file)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    #[test]
    fn what_came_of_few_and_of_many_is_in_their_order_and_a_failure_is_none_of_it() {
        for count in [0, 1, MANY - 1, MANY, 5 * MANY + 3] {
            let file = |n: usize| InputFile {
                path: n.to_string(),
                size_bytes: n as u64,
                modified_us: 0,
                etag: None,
            };
            let files: Vec<_> = (0..count).map(file).collect();
            let sizes = each(&files, |file| Ok(file.size_bytes)).unwrap();
            assert_eq!(sizes, (0..count as u64).collect::<Vec<_>>());
            let last = count.saturating_sub(1) as u64;
            let failure = each(&files, |file| {
                if file.size_bytes == last { Err(Diagnostic::storage("no")) } else { Ok(()) }
            });
            assert_eq!(failure.is_err(), count > 0, "{count}");
        }
    }
}
