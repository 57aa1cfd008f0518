//! What a service's refusals mean to a person, and which of them may pass.
//!
//! Owns the wording; knows nothing of the requests that were refused.

use crate::diagnostic::Diagnostic;
use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};
use std::error::Error as StdError;

/// A failed request.
pub(super) struct Refusal {
    pub(super) diagnostic: Diagnostic,
    /// Whether the same request may succeed a little later.
    pub(super) passes: bool,
}

/// Longest cause that is shown: some services answer with a page.
const SHOWN_BYTES: usize = 1_000;

/// A refusal: what was being done, why, and what to do.
pub(super) fn refused(doing: Diagnostic, error: &Error) -> Refusal {
    let mut text = error.to_string();
    // What lies deepest is the reason: a refused connection, an unknown host, a certificate.
    let mut deepest: &dyn StdError = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    let reason = deepest.to_string();
    if !text.contains(&reason) {
        text = format!("{text}: {reason}");
    }
    text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What counts may stand after a long URL.
    let (passes, hint) = meaning(error, &text);
    if text.len() > SHOWN_BYTES {
        text.truncate(text.floor_char_boundary(SHOWN_BYTES));
        text.push_str(" ...");
    }
    let diagnostic = doing.cause(text);
    let diagnostic = match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    };
    Refusal { diagnostic, passes }
}

const CREDENTIALS: &str = "credentials come from the environment, as the store's own tools take them: \
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or \
    AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY; `anonymous = true` in \
    `storage_options` goes without";
const RIGHTS: &str =
    "give the account that runs lockgate the right to list, read, write and delete there";

fn meaning(error: &Error, text: &str) -> (bool, Option<&'static str>) {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["169.254.169.254", "169.254.170.2", "metadata.google"])
        || says(&[
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "status code: 401",
        ])
        || matches!(error, Error::Unauthenticated { .. })
    {
        return (false, Some(CREDENTIALS));
    }
    if says(&["status code: 403"]) || matches!(error, Error::PermissionDenied { .. }) {
        return (false, Some(RIGHTS));
    }
    if says(&["NoSuchBucket", "ContainerNotFound"]) {
        return (false, Some("there is no such bucket: create it, or correct the URL"));
    }
    // Two requests made one WebDAV collection: the slower one finds it there already.
    if says(&["status code: 405"]) && says(&["performing MKCOL"]) {
        return (true, None);
    }
    if says(&["status code: 405", "status code: 501"]) {
        return (
            false,
            Some(
                "a web server that only serves files cannot list or write: name one file to read, without wildcards, or use a WebDAV server",
            ),
        );
    }
    match error {
        Error::NotFound { .. } => {
            (false, Some("it is not there (any more): look who removed or renamed it"))
        }
        Error::NotImplemented { .. } | Error::NotSupported { .. } => (
            false,
            Some("this store lacks what lockgate needs of it: docs/storage.md says what that is"),
        ),
        Error::InvalidPath { .. } => (
            false,
            Some(
                "names with `//`, `.` or `..` cannot be read: rename the object, or choose a narrower path",
            ),
        ),
        Error::Generic { .. } => (passes(error, text), None),
        error => (is_conflict(error), None),
    }
}

/// Whether two conditional requests met and the service asks to repeat this one: nothing is
/// known of the object then.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. })
        && error.to_string().contains("ConditionalRequestConflict")
}

/// Whether an object was not created because there is one.
pub(super) fn is_taken(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. }) && !is_conflict(error)
}

/// What HDFS says while a name node restarts or changes places, or a data node is lost.
const HDFS_PASSES: [&str; 6] = [
    "IO error occurred while communicating with HDFS",
    "data transfer error",
    "StandbyException",
    "RetriableException",
    "SafeModeException",
    "blocks not found",
];

/// Server errors, throttling and the network pass; other answers do not.
fn passes(error: &Error, text: &str) -> bool {
    const STATUS: &str = "status code: ";
    if let Some(at) = text.find(STATUS) {
        let status = text[at + STATUS.len()..].chars().take(3).collect::<String>();
        return status.starts_with('5')
            || matches!(status.as_str(), "408" | "425" | "429")
            || ["RequestTimeout", "Throttling", "SlowDown"].iter().any(|code| text.contains(code));
    }
    if HDFS_PASSES.iter().any(|said| text.contains(said)) {
        return true;
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            return !matches!(http.kind(), HttpErrorKind::Unknown);
        }
        source = cause.source();
    }
    text.contains("Server returned error response") || text.contains("error decoding response")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> Error {
        Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    fn passing(error: &Error) -> bool {
        refused(Diagnostic::storage("cannot read `x`"), error).passes
    }

    #[test]
    fn servers_in_trouble_pass_and_wrong_requests_do_not() {
        for (status, passes) in [
            ("500 Internal Server Error", true),
            ("503 Service Unavailable", true),
            ("429 Too Many Requests", true),
            ("408 Request Timeout", true),
            ("400 Bad Request", false),
            ("405 Method Not Allowed", false),
            ("501 Not Implemented", false),
        ] {
            let error = generic(&format!("Server returned non-2xx status code: {status}: why"));
            assert_eq!(passing(&error), passes, "{status}");
        }
        assert!(!passing(&generic("the region is missing")));
        let reset = HttpError::new(HttpErrorKind::Connect, std::io::Error::other("refused"));
        assert!(passing(&Error::Generic { store: "S3", source: Box::new(reset) }));
    }

    #[test]
    fn what_follows_a_long_address_counts_too() {
        let url = format!("https://bucket/{}?uploadId={}", "p/".repeat(400), "u".repeat(400));
        let text = format!("Error performing PUT {url} - Server returned non-2xx status code: 503");
        assert!(passing(&generic(&text)));
    }

    #[test]
    fn what_passes_on_other_stores_does_so_here() {
        for (text, passes) in [
            ("Error performing MKCOL x - Server returned non-2xx status code: 405 no", true),
            ("Server returned non-2xx status code: 400: <Code>RequestTimeout</Code>", true),
            ("RPC error: org.apache.hadoop.hdfs.server.namenode.SafeModeException safe", true),
            ("IO error occurred while communicating with HDFS: refused", true),
            ("invalid path: x", false),
        ] {
            assert_eq!(passing(&generic(text)), passes, "{text}");
        }
    }

    #[test]
    fn a_lack_of_rights_or_credentials_says_what_to_set() {
        let source = || "403".to_owned().into();
        let denied = Error::PermissionDenied { path: "a".into(), source: source() };
        let unknown = Error::Unauthenticated { path: "a".into(), source: source() };
        let nowhere = generic("error sending request for url (http://169.254.169.254/latest)");
        for (error, hint) in
            [(denied, "the right to list"), (unknown, "AWS_ACCESS_KEY_ID"), (nowhere, "AZURE_")]
        {
            let refusal = refused(Diagnostic::storage("cannot list `s3://b`"), &error);
            assert!(!refusal.passes);
            assert!(refusal.diagnostic.hints[0].contains(hint), "{:?}", refusal.diagnostic);
        }
    }

    #[test]
    fn a_page_for_an_answer_is_cut() {
        let refusal = refused(Diagnostic::storage("x"), &generic(&"é <p>\n".repeat(1_000)));
        assert!(refusal.diagnostic.causes[0].len() < 1_100);
    }
}
