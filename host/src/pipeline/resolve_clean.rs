//! What happens to files that were read: `clean_source` and what belongs to it.
//!
//! Owns which combinations make sense, and that an archive is no part of the source.

use super::{
    config,
    plan::CleanSource,
    resolve::{Context, key, storage_options},
};
use crate::{diagnostic::Diagnostic, storage::StorageOptions};

/// Resolves `clean_source` of a source whose files lie below `root`.
pub(super) fn clean_source(
    source: &config::Source,
    root: &str,
    context: &mut Context<'_>,
) -> Option<CleanSource> {
    let path = key("source", "archive_path");
    match (source.clean_source, &source.archive_path) {
        (config::CleanSource::Archive, Some(text)) => {
            let storage_options = archive_options(source, text);
            let archive = context.directory(text, &path, &storage_options)?;
            if overlap(root, &archive) {
                context.failures.push(
                    Diagnostic::config("the archive and the source lie one within the other")
                        .hint("choose a directory beside the source's: what is archived must not be read again")
                        .at(&path),
                );
                return None;
            }
            Some(CleanSource::Archive { root: archive, storage_options })
        }
        (config::CleanSource::Archive, None) => {
            context.failures.push(
                Diagnostic::config("`clean_source = \"archive\"` needs an `archive_path`")
                    .hint("name the directory or URL that files are moved to")
                    .at(&key("source", "clean_source")),
            );
            None
        }
        (other, Some(_)) => {
            context.failures.push(
                Diagnostic::config("`archive_path` without `clean_source = \"archive\"`")
                    .hint("add that, or remove `archive_path`")
                    .at_name(&path),
            );
            no_archive(other)
        }
        (other, None) => no_archive(other),
    }
}

fn no_archive(clean_source: config::CleanSource) -> Option<CleanSource> {
    match clean_source {
        config::CleanSource::Off => Some(CleanSource::Off),
        config::CleanSource::Delete => Some(CleanSource::Delete),
        config::CleanSource::Archive => None,
    }
}

fn archive_options(source: &config::Source, archive: &str) -> StorageOptions {
    let scheme = |url: &str| url.split_once("://").map(|(scheme, _)| scheme.to_owned());
    match &source.archive_storage_options {
        Some(options) => storage_options(options),
        None if scheme(archive).is_some() && scheme(archive) == scheme(&source.path) => {
            storage_options(&source.storage_options)
        }
        None => StorageOptions::default(),
    }
}

/// Whether one directory is the other, or lies within it.
fn overlap(a: &str, b: &str) -> bool {
    let below = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let [a, b] = [a, b].map(|root| root.strip_prefix("file://").unwrap_or(root));
    below(a, b) || below(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_lies_beside_the_source() {
        for (a, b, same) in [
            ("/in", "/in", true),
            ("/in", "/in/done", true),
            ("/data/in", "/data", true),
            ("/data/in", "/", true),
            ("/data/in", "file:///data", true),
            ("/in", "/input", false),
            ("s3://b/in", "s3://b/in/done", true),
            ("s3://b/in", "s3://b/done", false),
            ("/in", "s3://b/in", false),
        ] {
            assert_eq!(overlap(a, b), same, "{a} {b}");
            assert_eq!(overlap(b, a), same, "{b} {a}");
        }
    }
}
