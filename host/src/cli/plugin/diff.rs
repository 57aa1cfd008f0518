//! Two lists of lines, the shortest way from one to the other.

use std::fmt::Write;

/// Equal lines that are shown before and after a difference.
const CONTEXT: usize = 2;

/// Longest lists that are compared line by line; beyond, only where they part is shown.
const MAX_LINES: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    Missing,
    Extra,
}

/// Lines with `-` where one is missing and `+` where one is too many; empty when all are equal.
pub(super) fn lines(expected: &[String], actual: &[String]) -> String {
    if expected == actual {
        return String::new();
    }
    let changes = if expected.len().max(actual.len()) <= MAX_LINES {
        changes(expected, actual)
    } else {
        first_change(expected, actual)
    };
    let near = |at: usize| {
        let window = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(changes.len());
        changes[window].iter().any(|(change, _)| *change != Change::Same)
    };
    let mut text = String::new();
    let mut skipped = false;
    for (at, (change, line)) in changes.iter().enumerate() {
        if !near(at) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            text.push_str("  ...\n");
        }
        let sign = match change {
            Change::Same => ' ',
            Change::Missing => '-',
            Change::Extra => '+',
        };
        let _ = writeln!(text, "{sign} {line}");
    }
    if skipped {
        text.push_str("  ...\n");
    }
    text
}

/// By the longest common subsequence.
fn changes<'a>(expected: &'a [String], actual: &'a [String]) -> Vec<(Change, &'a str)> {
    let width = actual.len() + 1;
    let mut common = vec![0_u32; (expected.len() + 1) * width];
    for e in (0..expected.len()).rev() {
        for a in (0..actual.len()).rev() {
            common[e * width + a] = if expected[e] == actual[a] {
                common[(e + 1) * width + a + 1] + 1
            } else {
                common[(e + 1) * width + a].max(common[e * width + a + 1])
            };
        }
    }
    let (mut e, mut a) = (0, 0);
    let mut changes = Vec::with_capacity(expected.len().max(actual.len()));
    while e < expected.len() || a < actual.len() {
        if e < expected.len() && a < actual.len() && expected[e] == actual[a] {
            changes.push((Change::Same, expected[e].as_str()));
            (e, a) = (e + 1, a + 1);
        } else if e < expected.len()
            && (a == actual.len() || common[(e + 1) * width + a] >= common[e * width + a + 1])
        {
            changes.push((Change::Missing, expected[e].as_str()));
            e += 1;
        } else {
            changes.push((Change::Extra, actual[a].as_str()));
            a += 1;
        }
    }
    changes
}

fn first_change<'a>(expected: &'a [String], actual: &'a [String]) -> Vec<(Change, &'a str)> {
    let same = expected.iter().zip(actual).take_while(|(e, a)| e == a).count();
    let start = expected[..same].iter().map(|line| (Change::Same, line.as_str()));
    let missing = expected.get(same).map(|line| (Change::Missing, line.as_str()));
    let extra = actual.get(same).map(|line| (Change::Extra, line.as_str()));
    start.chain(missing).chain(extra).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(expected: &str, actual: &str) -> String {
        let split = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        lines(&split(expected), &split(actual)).replace('\n', "|")
    }

    #[test]
    fn only_what_differs_is_shown_with_a_little_around_it() {
        assert_eq!(diff("abc", "abc"), "");
        assert_eq!(diff("abc", "axc"), "  a|- b|+ x|  c|");
        assert_eq!(diff("abcdefgh", "abcdxefgh"), "  ...|  c|  d|+ x|  e|  f|  ...|");
        assert_eq!(diff("", "a"), "+ a|");
        assert_eq!(diff("ab", ""), "- a|- b|");
        assert_eq!(diff("aabb", "abab"), "  a|- a|  b|+ a|  b|");
    }

    #[test]
    fn lists_too_long_to_align_show_where_they_part() {
        let long = "a".repeat(MAX_LINES + 1);
        assert_eq!(diff(&format!("{long}b"), &format!("{long}c")), "  ...|  a|  a|- b|+ c|");
        assert_eq!(diff(&long, &format!("{long}c")), "  ...|  a|  a|+ c|");
    }
}
