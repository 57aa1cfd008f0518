//! The guarantees of `docs/checkpoint.md` and the tests that hold them: none without the other.
//!
//! Owns the form of that page: a guarantee carries a label (`**G7**`), and a row of the table at
//! its end links the label to tests, as `[name](../path/of/file.rs)`.

use std::{collections::BTreeSet, fs, path::Path};

/// The page, below the repository's root.
const PAGE: &str = "docs/checkpoint.md";

/// What is wrong with the page: guarantees without a test, rows without a guarantee, links to
/// tests that are not there.
pub(crate) fn breaches(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    let found = check(&text, |file| fs::read_to_string(root.join(file)).unwrap_or_default());
    found.into_iter().map(|what| format!("{PAGE}: {what}")).collect()
}

fn check(page: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut held = BTreeSet::new();
    let (rows, text): (Vec<&str>, Vec<&str>) =
        page.lines().partition(|line| line.starts_with("| G"));
    for row in rows {
        let label = row[2..].split(' ').next().unwrap_or_default();
        let links: Vec<(&str, &str)> = links(row).collect();
        if links.is_empty() {
            breaches.push(format!("{label} is held by no test"));
        }
        for (name, file) in links {
            if !read(file).contains(&format!("fn {name}(")) {
                breaches.push(format!("{label}: there is no test `{name}` in {file}"));
            }
        }
        held.insert(label);
    }
    let text = text.join("\n");
    let stated: BTreeSet<&str> = text.split("**").filter(|word| is_label(word)).collect();
    let missing = |label: &&str| format!("{label} stands on one side only: text or table");
    breaches.extend(stated.symmetric_difference(&held).map(missing));
    breaches
}

fn is_label(word: &str) -> bool {
    word.strip_prefix('G')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The name and file of every `[name](../file)`.
fn links(row: &str) -> impl Iterator<Item = (&str, &str)> {
    row.split('[').skip(1).filter_map(|link| {
        let (name, rest) = link.split_once("](../")?;
        Some((name.trim_matches('`'), rest.split_once(')')?.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "It MUST hold. **G1** And this too. **G2**\n\n\
        | G1 | [`it_holds`](../a.rs) |\n| G2 | [`this_too`](../a.rs), [`gone`](../b.rs) |\n";

    #[test]
    fn guarantees_tests_and_links_are_held_against_each_other() {
        let read = |_: &str| "fn it_holds() {}\nfn this_too() {}".to_owned();
        assert_eq!(check(PAGE, read), ["G2: there is no test `gone` in b.rs"]);
        let without = PAGE.replace("[`it_holds`](../a.rs)", "");
        assert!(check(&without, read).contains(&"G1 is held by no test".to_owned()));
        let unstated = PAGE.replace("**G1**", "");
        assert!(check(&unstated, read)[1].contains("G1 stands on one side"));
    }
}
