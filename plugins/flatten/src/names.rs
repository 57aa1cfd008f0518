//! Names of the new columns, and who gets a name that several want.
//!
//! Names that differ only in case count as the same: Spark and DuckDB could not tell the
//! columns apart. Columns that were there already keep their names; after them the first in
//! the order of the schema has the name, and the others get the first free of `_2`, `_3`, ...
//! A number never takes a name that some column has without one.
//!
//! | there already | wanted, in order | given |
//! |---|---|---|
//! | `id` | `id` | `id_2` |
//! | | `a_b`, `a_b` | `a_b`, `a_b_2` |
//! | | `ID`, `id`, `Id` | `ID`, `id_2`, `Id_3` |
//! | | `a`, `a`, `a_2` | `a`, `a_3`, `a_2` |
//! | | (empty) | `_` |

use std::collections::{BTreeMap, BTreeSet};

/// The names that are given, one for each that is wanted.
pub(crate) fn give(present: &[&str], wanted: &[String]) -> Vec<String> {
    let mut taken: BTreeSet<String> = present.iter().map(|name| fold(name)).collect();
    let is_first: Vec<bool> = wanted.iter().map(|name| taken.insert(fold(name))).collect();
    let mut next_number: BTreeMap<String, u32> = BTreeMap::new();
    let mut given = Vec::with_capacity(wanted.len());
    for (name, is_first) in wanted.iter().zip(is_first) {
        if is_first {
            given.push(name.clone());
            continue;
        }
        let number = next_number.entry(fold(name)).or_insert(2);
        let numbered = loop {
            let numbered = format!("{name}_{number}");
            *number += 1;
            if taken.insert(fold(&numbered)) {
                break numbered;
            }
        };
        given.push(numbered);
    }
    given
}

/// The name of a member: its path joined, `_` when nothing is left.
pub(crate) fn join(steps: &[String], separator: &str) -> String {
    let name = steps.join(separator);
    if name.is_empty() { "_".to_owned() } else { name }
}

/// Equal for names that a case-insensitive reader takes for the same.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(present: &[&str], wanted: &[&str]) -> Vec<String> {
        give(present, &wanted.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_keeps_the_name_and_later_ones_get_numbers() {
        for (present, wanted, expected) in [
            (&["id"][..], &["id"][..], &["id_2"][..]),
            (&[], &["a_b", "a_b", "a_b"], &["a_b", "a_b_2", "a_b_3"]),
            (&[], &["ID", "id", "Id"], &["ID", "id_2", "Id_3"]),
            (&[], &["a", "a", "a_2"], &["a", "a_3", "a_2"]),
            (&["a_2"], &["a", "a"], &["a", "a_3"]),
            (&["A", "a_2"], &["a", "a"], &["a_3", "a_4"]),
            (&[], &["Straße", "STRASSE", "straße"], &["Straße", "STRASSE", "straße_2"]),
            (&[], &[], &[]),
        ] {
            assert_eq!(given(present, wanted), expected, "{present:?} {wanted:?}");
        }
    }

    #[test]
    fn given_names_are_all_different() {
        let wanted = ["a", "A", "a_2", "a_2", "A_2_2", "a", "_", "_", ""];
        let names: BTreeSet<_> = given(&["a_3"], &wanted).iter().map(|name| fold(name)).collect();
        assert_eq!(names.len(), wanted.len());
    }

    #[test]
    fn a_name_of_nothing_becomes_an_underscore() {
        assert_eq!(join(&[String::new()], "."), "_");
        assert_eq!(join(&["a".into(), String::new()], "_"), "a_");
        assert_eq!(join(&["a.b".into(), "c:d".into()], "_"), "a.b_c:d");
    }
}
