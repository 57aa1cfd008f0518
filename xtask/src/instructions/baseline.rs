//! How many instructions each job took when somebody last said that this is right, and how far
//! a count may be from it.
//!
//! Owns the form of the file, which is made to be read in a diff:
//! ```text
//! compiler rustc 1.95.0 (59807616e 2026-04-14)
//! payments 1234567890
//! ```

use std::{collections::BTreeMap, fmt::Write};

/// How far a count may be from the baseline, in percent of it, before somebody must look.
const TOLERANCE_PERCENT: u64 = 5;

/// Instructions by job, and the compiler of the binary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// What `rustc --version` says.
    pub(super) compiler: String,
    /// Instructions of each job.
    pub(super) jobs: BTreeMap<String, u64>,
}

impl Counts {
    /// Reads what [`text`](Self::text) wrote.
    ///
    /// # Errors
    /// Says which line is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut counts = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let wrong = || format!("the baseline has a line that is none of its own: `{line}`");
            let (name, value) = line.split_once(' ').ok_or_else(wrong)?;
            if name == "compiler" {
                counts.compiler = value.into();
            } else {
                counts.jobs.insert(name.into(), value.parse().map_err(|_| wrong())?);
            }
        }
        Ok(counts)
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "# Instructions of each job, written by `cargo xtask instructions --update`.\n\
             compiler {}\n",
            self.compiler
        );
        for (job, count) in &self.jobs {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{job} {count}");
        }
        text
    }

    /// What speaks against the counts of these jobs, a paragraph each.
    pub(super) fn objections(&self, counted: &Self) -> Vec<String> {
        let objection = |(job, count): (&String, &u64)| {
            let Some(baseline) = self.jobs.get(job) else {
                return Some(format!("job `{job}` is not in the baseline: add `--update`"));
            };
            let percent = percent(*baseline, *count);
            if count.abs_diff(*baseline) * 100 <= baseline * TOLERANCE_PERCENT {
                return None;
            }
            let (more, advice) = if percent > 0.0 {
                let advice = "see what takes them, here and on a commit before; if it is worth it, \
                              add `--update` and say why in the commit";
                ("more", advice)
            } else {
                ("fewer", "hold what was won: add `--update` and commit the new baseline")
            };
            let mut text = format!(
                "job `{job}`: {} instructions, {} in the baseline: {:.1} % {more}, at most \
                 {TOLERANCE_PERCENT} % are let pass\n  {advice}\n  where they are: \
                 callgrind_annotate target/instructions/{job}.callgrind | head -60",
                grouped(*count),
                grouped(*baseline),
                percent.abs(),
            );
            if self.compiler != counted.compiler {
                let (before, after) = (&self.compiler, &counted.compiler);
                let _ = write!(
                    text,
                    "\n  the compiler is another one, {after} after {before}: its part is what \
                     `--update` on the commit before shows"
                );
            }
            Some(text)
        };
        counted.jobs.iter().filter_map(objection).collect()
    }

    /// A line on one job, for the terminal.
    pub(super) fn line(&self, job: &str, count: u64) -> String {
        let against = self.jobs.get(job).map_or_else(
            || "not in the baseline".to_owned(),
            |baseline| format!("{:+.2} % of {}", percent(*baseline, count), grouped(*baseline)),
        );
        format!("{job:12}  {:>15} instructions  {against}", grouped(count))
    }
}

fn percent(baseline: u64, count: u64) -> f64 {
    (count as f64 / baseline.max(1) as f64 - 1.0) * 100.0
}

/// Digits in groups of three.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(compiler: &str, jobs: &[(&str, u64)]) -> Counts {
        let jobs = jobs.iter().map(|(job, count)| ((*job).to_owned(), *count)).collect();
        Counts { compiler: compiler.into(), jobs }
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let written = counts("rustc 1.95.0 (x)", &[("a", 1), ("b", 1 << 40)]);
        assert_eq!(Counts::parse(&written.text()), Ok(written));
        assert!(Counts::parse("a 12x\n").unwrap_err().contains("`a 12x`"));
    }

    #[test]
    fn five_percent_pass_both_ways_and_no_more() {
        let baseline = counts("c", &[("a", 1_000_000)]);
        for (count, passes) in [
            (950_000, true),
            (1_000_000, true),
            (1_050_000, true),
            (949_999, false),
            (1_050_001, false),
        ] {
            let objections = baseline.objections(&counts("c", &[("a", count)]));
            assert_eq!(objections.is_empty(), passes, "{count}: {objections:?}");
        }
    }

    #[test]
    fn an_objection_names_job_counts_and_percent_and_what_to_do() {
        let baseline = counts("c", &[("a", 1_000_000), ("other", 5)]);
        let [more] = &baseline.objections(&counts("c", &[("a", 1_234_500)]))[..] else {
            panic!("one job, one objection")
        };
        assert!(more.starts_with(
            "job `a`: 1,234,500 instructions, 1,000,000 in the baseline: 23.4 % more"
        ));
        assert!(!more.contains("compiler"), "{more}");
        let [fewer] = &baseline.objections(&counts("d", &[("a", 500_000)]))[..] else {
            panic!("one job, one objection")
        };
        assert!(fewer.contains("50.0 % fewer") && fewer.contains("--update"), "{fewer}");
        assert!(fewer.contains("callgrind_annotate target/instructions/a.callgrind"), "{fewer}");
        assert!(fewer.contains("d after c"), "{fewer}");
        let [unknown] = &baseline.objections(&counts("c", &[("b", 1)]))[..] else {
            panic!("one job, one objection")
        };
        assert!(unknown.contains("`b` is not in the baseline"), "{unknown}");
    }

    #[test]
    fn jobs_that_were_not_counted_are_not_compared() {
        let baseline = counts("c", &[("a", 10), ("b", 10)]);
        assert_eq!(baseline.objections(&counts("c", &[("b", 10)])), Vec::<String>::new());
    }
}
