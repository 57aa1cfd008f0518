//! Patterns over paths: `record.user.*`, `**.id`.
//!
//! | pattern | matches |
//! |---|---|
//! | `record.user` | that member, and so everything in it |
//! | `record.*.id` | `record.user.id`, `record.order.id`; not `record.id` |
//! | `record.u?er*` | `record.user`, `record.user_agent` |
//! | `**.id` | every `id`, however deep |

use lockgate_sdk::Path;

/// Whether a pattern names this path or something that holds it.
pub(crate) fn covers(pattern: &Path, path: &Path) -> bool {
    let steps = path.steps();
    (1..=steps.len()).any(|end| matches(pattern.steps(), &steps[..end]))
}

/// Whether a pattern names exactly this path.
pub(crate) fn names(pattern: &Path, path: &Path) -> bool {
    matches(pattern.steps(), path.steps())
}

fn matches(pattern: &[String], steps: &[String]) -> bool {
    match pattern.split_first() {
        None => steps.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=steps.len()).any(|skipped| matches(rest, &steps[skipped..]))
        }
        Some((first, rest)) => steps.split_first().is_some_and(|(step, steps)| {
            let (glob, name): (Vec<_>, Vec<_>) = (first.chars().collect(), step.chars().collect());
            name_matches(&glob, &name) && matches(rest, steps)
        }),
    }
}

/// Matches one name; a star that took too little is given one more character.
fn name_matches(glob: &[char], name: &[char]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    (g, n) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn stars_stay_inside_a_name_and_double_stars_cross_names() {
        for (pattern, yes, no) in [
            (
                "record.user",
                &["record.user"][..],
                &["record", "record.user.id", "record.users"][..],
            ),
            ("record.*", &["record.a"], &["record", "record.a.b", "other.a"]),
            ("record.*.id", &["record.a.id"], &["record.id", "record.a.b.id"]),
            ("**.id", &["id", "a.id", "a.b.id"], &["a.idx", "a.id.x"]),
            ("a.**.z", &["a.z", "a.b.z", "a.b.c.z"], &["a.b", "z"]),
            ("**", &["a", "a.b"], &[]),
            ("r.u?er*", &["r.user", "r.user_agent"], &["r.uer", "r.usr"]),
            ("r.*a*b", &["r.ab", "r.xaybb", "r.aab"], &["r.ba", "r.abc"]),
            ("`a.b`.c", &["`a.b`.c"], &["a.b.c"]),
            ("r.größe?", &["r.größen"], &["r.größe"]),
        ] {
            for text in yes {
                assert!(names(&path(pattern), &path(text)), "{pattern} {text}");
            }
            for text in no {
                assert!(!names(&path(pattern), &path(text)), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn a_pattern_that_names_a_struct_covers_all_of_it() {
        assert!(covers(&path("record.user"), &path("record.user.name.first")));
        assert!(!covers(&path("record.user.name.first"), &path("record.user")));
    }
}
