//! What came of the runs of one competitor on one scenario.

use crate::bench::{child::Usage, report::median};
use std::{fmt, path::Path};

/// What came of one run.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It ended, and its table is right.
    Right { usage: Usage, files: usize },
    /// It ended, and its table is not what the data says.
    Wrong(String),
    /// It did not start, did not end, or ended with an error.
    Failed(String),
}

impl Outcome {
    /// The same, its message one line that does not say where the repository is.
    pub(super) fn without(self, root: &Path) -> Self {
        let clean = |message: &str| {
            let message = message.replace(&*root.to_string_lossy(), ".");
            message.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        match self {
            Self::Right { .. } => self,
            Self::Wrong(message) => Self::Wrong(clean(&message)),
            Self::Failed(message) => Self::Failed(clean(&message)),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right { usage, .. } => {
                write!(f, "{:.2} s, {:.2} s of CPU", usage.wall_secs, usage.cpu_secs)
            }
            Self::Wrong(message) => write!(f, "wrong: {message}"),
            Self::Failed(message) => write!(f, "failed: {message}"),
        }
    }
}

/// Lockgate or a peer, and its runs.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) note: &'static str,
    pub(super) runs: Vec<Outcome>,
}

/// Medians of right runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Medians {
    pub(super) wall_secs: f64,
    pub(super) cpu_secs: f64,
    pub(super) peak_bytes: f64,
    /// Of the table, in the first run.
    pub(super) files: usize,
    pub(super) runs: usize,
}

impl Row {
    /// What the data says against a table of it.
    pub(super) fn wrong(&self) -> Option<&str> {
        self.runs.iter().find_map(|run| match run {
            Outcome::Wrong(message) => Some(&**message),
            _ => None,
        })
    }

    /// Why runs failed.
    pub(super) fn failures(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().filter_map(|run| match run {
            Outcome::Failed(message) => Some(&**message),
            _ => None,
        })
    }

    /// Whether another run would only take time: after a wrong table, or two failures.
    pub(super) fn is_given_up(&self) -> bool {
        self.wrong().is_some() || self.failures().count() > 1
    }

    /// Of the runs that were right; `None` if there was none, or a table was wrong.
    pub(super) fn medians(&self) -> Option<Medians> {
        let right = self.runs.iter().filter_map(|run| match run {
            Outcome::Right { usage, files } => Some((usage, *files)),
            _ => None,
        });
        let right: Vec<_> = right.collect();
        let (_, files) = *right.first().filter(|_| self.wrong().is_none())?;
        let of = |value: fn(&Usage) -> f64| median(right.iter().map(|(usage, _)| value(usage)));
        Some(Medians {
            wall_secs: of(|usage| usage.wall_secs),
            cpu_secs: of(|usage| usage.cpu_secs),
            peak_bytes: of(|usage| usage.peak_bytes as f64),
            files,
            runs: right.len(),
        })
    }
}

/// For tests: a row of runs that took so many seconds, CPU time twice the wall time.
#[cfg(test)]
pub(super) fn row(name: &'static str, wall_secs: &[f64]) -> Row {
    let right = |wall_secs: &f64| Outcome::Right {
        usage: Usage { wall_secs: *wall_secs, cpu_secs: wall_secs * 2.0, peak_bytes: 50_000_000 },
        files: 30,
    };
    Row { name, version: "1.2", note: "", runs: wall_secs.iter().map(right).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_each_measure_by_itself() {
        let medians = row("a", &[3.0, 1.0, 2.0]).medians().unwrap();
        assert_eq!((medians.wall_secs, medians.cpu_secs, medians.runs), (2.0, 4.0, 3));
        assert_eq!(medians.files, 30);
    }

    #[test]
    fn messages_do_not_say_where_the_repository_is() {
        let outcome = Outcome::Failed("no /home/me/lockgate/target/x\nin  it".into());
        let outcome = outcome.without(Path::new("/home/me/lockgate"));
        assert_eq!(outcome.to_string(), "failed: no ./target/x in it");
    }

    #[test]
    fn a_wrong_table_takes_the_figures_away() {
        let mut wrong = row("a", &[1.0, 1.0]);
        wrong.runs.push(Outcome::Wrong("rows".into()));
        assert_eq!(wrong.medians(), None);
        assert!(wrong.is_given_up());
        assert_eq!(wrong.wrong(), Some("rows"));
    }

    #[test]
    fn a_run_that_fails_does_not_count_and_two_are_enough() {
        let mut failed = row("a", &[1.0]);
        failed.runs.push(Outcome::Failed("killed".into()));
        assert_eq!(failed.medians().unwrap().runs, 1);
        assert!(!failed.is_given_up());
        failed.runs.push(Outcome::Failed("killed".into()));
        assert!(failed.is_given_up());
        failed.runs.remove(0);
        assert_eq!(failed.medians(), None);
    }
}
