//! The contract changes only together with its version.

use crate::{Result, stamp};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const RECORD: &str = "wit/digests.txt";

/// Compares the contract with the digest recorded for its version, and the SDK's copy with
/// the contract.
///
/// # Errors
/// Says what to do when they differ.
pub fn check(root: &Path) -> Result {
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).map_err(|error| format!("`{path}`: {error}"))
    };
    let contract = read("wit/transform.wit")?;
    if contract != read("sdk/wit/transform.wit")? {
        return Err(
            "`sdk/wit/transform.wit` differs from the contract; type `cp wit/transform.wit sdk/wit/`"
                .into(),
        );
    }
    compare(&contract, &read(RECORD)?)?;
    eprintln!("the contract is as recorded");
    Ok(())
}

/// Compares a contract with the record: one line per version, `VERSION SHA256`.
fn compare(contract: &str, record: &str) -> Result {
    let version = version(contract).ok_or("the contract has no `package NAME@VERSION;` line")?;
    let digest = stamp::hex(&Sha256::digest(normalised(contract)));
    let known = record.lines().filter_map(|line| line.split_once(' '));
    match known.into_iter().find(|(recorded, _)| *recorded == version) {
        Some((_, recorded)) if recorded.trim() == digest => Ok(()),
        Some(_) => Err(format!(
            "the contract differs from version {version} as recorded in `{RECORD}`; \
             raise the version in its `package` line (plugins of the old one stop loading), \
             then add the line `NEW-VERSION {digest}` with the digest that this check prints then"
        )
        .into()),
        None => Err(format!(
            "version {version} of the contract is not in `{RECORD}`; add the line `{version} {digest}`"
        )
        .into()),
    }
}

fn version(contract: &str) -> Option<&str> {
    let line = contract.lines().find(|line| line.starts_with("package "))?;
    line.split_once('@')?.1.strip_suffix(';')
}

/// What the contract means: without comments, blank lines and indentation.
fn normalised(contract: &str) -> String {
    let mut text = String::new();
    for line in contract.lines() {
        let code = line.split("//").next().unwrap_or("").trim();
        if !code.is_empty() {
            let _ = writeln!(text, "{code}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "/// docs\npackage a:b@0.1.0;\ninterface i { f: func(); }\n";

    fn record() -> String {
        format!("0.1.0 {}\n", stamp::hex(&Sha256::digest(normalised(CONTRACT))))
    }

    #[test]
    fn comments_may_change_without_a_new_version() {
        assert!(compare(&CONTRACT.replace("docs", "better docs"), &record()).is_ok());
    }

    #[test]
    fn a_changed_function_needs_a_new_version() {
        let changed = CONTRACT.replace("f: func()", "g: func()");
        let message = compare(&changed, &record()).unwrap_err().to_string();
        assert!(message.contains("raise the version"), "{message}");
        let message = compare(&changed.replace("0.1.0", "0.2.0"), &record()).unwrap_err();
        assert!(message.to_string().contains("add the line `0.2.0 "), "{message}");
    }
}
