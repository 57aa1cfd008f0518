//! Where a test keeps files: in the stores that `cargo xtask test --stores` starts.
//!
//! Owns what the variables of the environment mean; knows nothing of lockgate.

use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// The bucket or container of every store.
const BUCKET: &str = "lockgate-test";

/// An empty directory in a store.
#[derive(Clone, Debug)]
pub struct Place {
    /// As a pipeline file names it.
    pub url: String,
    /// What `endpoint` in `storage_options` must be.
    pub endpoint: Option<String>,
    /// What `anonymous` must be.
    pub anonymous: bool,
}

/// A new place in the store of this scheme; `None`, and said, when that store was not started.
pub fn real(scheme: &str) -> Option<Place> {
    let variable = match scheme {
        "s3" => "LOCKGATE_TEST_S3",
        "az" => "LOCKGATE_TEST_AZURE",
        "gs" => "LOCKGATE_TEST_GCS",
        "http" => "LOCKGATE_TEST_HTTP",
        _ => "LOCKGATE_TEST_HDFS",
    };
    let Ok(address) = env::var(variable) else {
        eprintln!("skipped: `{variable}` is not set; `cargo xtask test --stores` sets it");
        return None;
    };
    Some(at(scheme, &address))
}

/// A new place in the service of this scheme at this address.
#[must_use]
pub fn at(scheme: &str, address: &str) -> Place {
    let name = unused();
    match scheme {
        "http" | "hdfs" => directory(&format!("{address}/{name}")),
        _ => Place {
            url: format!("{scheme}://{BUCKET}/{name}"),
            endpoint: Some(address.to_owned()),
            anonymous: scheme == "gs",
        },
    }
}

/// A directory that needs no options.
#[must_use]
pub fn directory(url: &str) -> Place {
    Place { url: url.to_owned(), endpoint: None, anonymous: false }
}

/// A name that no other test uses, in this process or in another.
fn unused() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{:x}-{count}", now.as_micros(), process::id())
}

impl Place {
    /// A directory below it.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { url: format!("{}/{name}", self.url), ..self.clone() }
    }

    /// The lines of a pipeline file that lead here.
    #[must_use]
    pub fn toml(&self, pattern: &str) -> String {
        let slash = if pattern.is_empty() { "" } else { "/" };
        let path = format!("path = \"{}{slash}{pattern}\"", self.url);
        match &self.endpoint {
            Some(endpoint) => {
                let anonymous = self.anonymous;
                format!(
                    "{path}\nstorage_options = {{ endpoint = \"{endpoint}\", anonymous = {anonymous} }}"
                )
            }
            None => path,
        }
    }
}
