//! From what a person writes to a store: `/data/in`, `file:///data/in`, `s3://bucket/in`.
//!
//! Owns which schemes there are; knows nothing of what lies behind them.
//!
//! | written | opens |
//! |---|---|
//! | `/data/in` | that directory |
//! | `file:///data/in%20box` | the directory `/data/in box` |
//! | `s3://bucket/in`, `gs://`, `az://`, `http://`, ... | a [`remote`] store |
//! | `data/in` | refused: not absolute |

use super::{Notices, Storage, StorageOptions, local::LocalStore, remote};
use crate::diagnostic::{Diagnostic, Result, suggest};
use std::{path::Path, sync::Arc};

/// Opens the store at an absolute directory or a URL, without options. Nothing is created until
/// the first write.
///
/// # Errors
/// As [`open_with`].
pub fn open(url_or_path: &str) -> Result<Storage> {
    open_with(url_or_path, &StorageOptions::default(), &remote::silent())
}

/// Opens the store at an absolute directory or a URL. Nothing is created until the first write,
/// and no service is asked until the first call.
///
/// # Errors
/// Fails when the scheme is not supported, the path is not absolute, or it is not a directory,
/// and when an option does not suit the store.
pub fn open_with(
    url_or_path: &str,
    options: &StorageOptions,
    notices: &Notices,
) -> Result<Storage> {
    let Some((scheme, rest)) = url_or_path.split_once("://") else {
        no_options(url_or_path, options)?;
        return Ok(Arc::new(LocalStore::new(Path::new(url_or_path))?));
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "file" {
        no_options(url_or_path, options)?;
        return Ok(Arc::new(LocalStore::new(Path::new(&file_path(url_or_path, rest)?))?));
    }
    if remote::SCHEMES.contains(&scheme.as_str()) {
        return remote::open(url_or_path, options, notices);
    }
    let refused = Diagnostic::config(format!("`{url_or_path}`: unknown scheme `{scheme}://`"));
    let refused = match suggest(&scheme, remote::SCHEMES) {
        Some(near) => refused.hint(format!("did you mean `{near}://`?")),
        None => refused,
    };
    let known = remote::SCHEMES.join("://`, `");
    Err(refused.hint(format!("use a directory, or a URL with `file://`, `{known}://`")))
}

/// Options are for services; beside a directory they are a mistake.
fn no_options(path: &str, options: &StorageOptions) -> Result<()> {
    let retry_timeout = options.retry_timeout;
    if *options == (StorageOptions { retry_timeout, ..StorageOptions::default() }) {
        return Ok(());
    }
    Err(Diagnostic::config(format!("`storage_options` mean nothing for the directory `{path}`"))
        .hint("remove them, or give a URL such as `s3://bucket/directory`"))
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
            ("s3:///in", "names no bucket"),
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
