//! The same call about each of many files, several at a time once they turn out to take long: of
//! a remote store each is a wait, of a local one less than it takes to start a thread.

use crate::{diagnostic::Result, types::InputFile};
use std::{
    iter, thread,
    time::{Duration, Instant},
};

/// Calls come one after the other for so long.
const ALONE: Duration = Duration::from_millis(1);
const AT_A_TIME: usize = 8;

/// Does this about each file; gives what came of them, in their order.
///
/// # Errors
/// Gives a failure of the work; it may be done about some of the other files then, and about
/// others not.
pub(crate) fn each<T: Send>(
    files: &[InputFile],
    work: impl Fn(&InputFile) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let start = Instant::now();
    let mut done = Vec::with_capacity(files.len());
    for file in files {
        done.push(work(file)?);
        if start.elapsed() >= ALONE {
            break;
        }
    }
    for outcome in spread(&files[done.len()..], &work) {
        done.push(outcome?);
    }
    Ok(done)
}

/// The same on several threads; each stops at its first failure.
fn spread<T: Send>(
    files: &[InputFile],
    work: &(impl Fn(&InputFile) -> Result<T> + Sync),
) -> impl Iterator<Item = Result<T>> {
    let share = files.len().div_ceil(AT_A_TIME).max(1);
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
    done.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    #[test]
    fn what_came_of_quick_and_of_slow_calls_is_in_their_order_and_a_failure_is_none_of_it() {
        for (count, slow) in [(0, 0), (1, 0), (1, 1), (40, 0), (40, 1), (163, 1), (163, 40)] {
            let file = |n: usize| InputFile {
                path: n.to_string(),
                size_bytes: n as u64,
                modified_us: 0,
                etag: None,
            };
            let files: Vec<_> = (0..count).map(file).collect();
            let caller = thread::current().id();
            let size = |file: &InputFile| {
                if file.size_bytes < slow {
                    thread::sleep(ALONE / 10);
                }
                Ok((file.size_bytes, thread::current().id() == caller))
            };
            let sizes = each(&files, size).unwrap();
            assert!(sizes.iter().map(|(size, _)| *size).eq(0..count as u64));
            if slow == 40 {
                assert!(sizes[0].1 && !sizes[162].1, "the last by another thread");
            }
            let last = count.saturating_sub(1) as u64;
            let failure = each(&files, |file| {
                size(file)?;
                if file.size_bytes == last { Err(Diagnostic::storage("no")) } else { Ok(()) }
            });
            assert_eq!(failure.is_err(), count > 0, "{count}");
        }
    }
}
