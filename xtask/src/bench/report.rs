//! The report of our own runs: one line a scenario, medians.

use super::{generate::Expected, run::Run, scenario::Scenario};

/// Above the lines of [`line()`].
pub(super) const HEADER: &str = "scenario  MB JSON  wall s  CPU s  MB/wall s  MB/CPU s  peak MB  \
                                 decode  stages  write  batches  files  what it stands for";

/// What the runs of a scenario took: medians, and of the first run what is the same in all.
pub(super) fn line(scenario: &Scenario, expected: &Expected, runs: &[Run]) -> String {
    let of = |value: fn(&Run) -> f64| median(runs.iter().map(value));
    let (wall, cpu) = (of(|run| run.usage.wall_secs), of(|run| run.usage.cpu_secs));
    let megabytes = expected.bytes as f64 / 1e6;
    format!(
        "{:8}  {megabytes:7.1}  {wall:6.3}  {cpu:5.2}  {:9.0}  {:8.0}  {:7.0}  {:5.0}%  {:5.0}%  {:4.0}%  {:7}  {:5}  {}",
        scenario.name,
        megabytes / wall,
        megabytes / cpu,
        of(|run| run.usage.peak_bytes as f64) / 1e6,
        of(|run| run.shares.decode * 100.0),
        of(|run| run.shares.stages * 100.0),
        of(|run| run.shares.write * 100.0),
        runs.first().map_or(0, |run| run.micro_batches),
        runs.first().map_or(0, |run| run.files),
        scenario.about,
    )
}

/// The value in the middle, of two the larger; 0 of none.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        assert_eq!(median([3.0, 100.0, 1.0]).to_string(), "3");
        assert_eq!(median([2.0, 1.0]).to_string(), "2");
        assert_eq!(median([]).to_string(), "0");
    }
}
