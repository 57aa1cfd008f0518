//! From what a person writes to a store: `/data/in`, `file:///data/in`.
//!
//! Owns which schemes there are; knows nothing of what lies behind them.
//!
//! | written | opens |
//! |---|---|
//! | `/data/in` | that directory |
//! | `file:///data/in%20box` | the directory `/data/in box` |
//! | `s3://bucket/in` | refused: not supported by this version |
//! | `data/in` | refused: not absolute |

use super::{Storage, local::LocalStore};
use crate::diagnostic::{Diagnostic, Result};
use std::{path::Path, sync::Arc};

/// Schemes that name a store which this version does not speak to.
const LATER: [&str; 12] =
    ["s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "wasb", "adl", "http", "https", "hdfs"];

/// Opens the store at an absolute directory or a URL. Nothing is created until the first write.
///
/// # Errors
/// Fails when the scheme is not supported, the path is not absolute, or it is not a directory.
pub fn open(url_or_path: &str) -> Result<Storage> {
    let Some((scheme, rest)) = url_or_path.split_once("://") else {
        return Ok(Arc::new(LocalStore::new(Path::new(url_or_path))?));
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "file" {
        return Ok(Arc::new(LocalStore::new(Path::new(&file_path(url_or_path, rest)?))?));
    }
    let refused = if LATER.contains(&scheme.as_str()) {
        Diagnostic::config(format!(
            "`{url_or_path}`: `{scheme}://` is not supported by this version"
        ))
    } else {
        Diagnostic::config(format!("`{url_or_path}`: unknown scheme `{scheme}://`"))
    };
    Err(refused.hint("use a local directory (mounted, if the files are remote) or a `file://` URL"))
}

/// The path of a `file://` URL, percent-decoded.
fn file_path(url: &str, rest: &str) -> Result<String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(Diagnostic::config(format!("`{url}` names a host, not a local directory"))
            .hint("write three slashes: `file:///data/in`"));
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
        match (digit(bytes.next()), digit(bytes.next())) {
            (Some(high), Some(low)) => decoded.push((high * 16 + low) as u8),
            _ => {
                return Err(Diagnostic::config(format!(
                    "`{url}`: `%` is not followed by two hexadecimal digits"
                ))
                .hint("write a literal `%` as `%25`, or give the directory as a plain path"));
            }
        }
    }
    String::from_utf8(decoded)
        .map_err(|_| Diagnostic::config(format!("`{url}` is not UTF-8 when decoded")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_its_file_url_open_the_same_store() {
        for written in ["/data/in #1", "file:///data/in%20%231", "FILE://localhost/data/in #1/"] {
            assert_eq!(open(written).unwrap().root(), "/data/in #1", "{written}");
        }
    }

    #[test]
    fn a_plain_path_is_taken_literally() {
        assert_eq!(open("/data/100%20").unwrap().root(), "/data/100%20");
    }

    #[test]
    fn what_cannot_be_opened_is_a_config_error_that_says_why() {
        for (written, why) in [
            ("s3://bucket/in", "`s3://` is not supported by this version"),
            ("hdfs://name/in", "`hdfs://` is not supported by this version"),
            ("https://host/in", "`https://` is not supported by this version"),
            ("ftp://host/in", "unknown scheme `ftp://`"),
            ("file://server/in", "names a host"),
            ("file:///a%2", "two hexadecimal digits"),
            ("file:///a%ff", "not UTF-8"),
            ("data/in", "not an absolute directory"),
            ("/proc/self/stat", "not a directory"),
        ] {
            let error = open(written).unwrap_err();
            assert_eq!(error.kind, crate::diagnostic::Kind::Config, "{error}");
            assert!(error.message.contains(why), "{error}");
            assert!(error.message.contains(written), "{error}");
        }
    }
}
