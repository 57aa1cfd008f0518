//! One bucket in memory: objects, and uploads that are not completed.
//!
//! Knows nothing of HTTP. Whoever holds the bucket acts alone, so every call is atomic.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::SystemTime;

/// What every part but the last must have at least, in bytes.
const LEAST_PART: usize = 5 << 20;

/// An object as it was written.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) content: Arc<[u8]>,
    /// Counts writes to the bucket.
    pub(super) generation: u64,
    /// With its quotation marks.
    pub(super) etag: String,
    pub(super) modified: SystemTime,
}

/// Why a call changed nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The object is not of the generation that was asked for.
    Precondition,
    NoSuchUpload,
    InvalidPart,
    PartTooSmall,
}

struct Upload {
    key: String,
    parts: BTreeMap<u32, (String, Vec<u8>)>,
}

/// One page of a listing.
pub(super) struct Page {
    pub(super) objects: Vec<(String, Object)>,
    pub(super) prefixes: BTreeSet<String>,
    /// Where the next page goes on.
    pub(super) next: Option<String>,
}

/// A bucket.
#[derive(Default)]
pub(super) struct Bucket {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    writes: u64,
}

impl Bucket {
    pub(super) fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Writes an object, if it is of this generation now (0: not there).
    pub(super) fn put(
        &mut self,
        key: &str,
        content: Vec<u8>,
        generation: Option<u64>,
    ) -> Result<&Object, Refusal> {
        let now = self.objects.get(key).map_or(0, |object| object.generation);
        if generation.is_some_and(|generation| generation != now) {
            return Err(Refusal::Precondition);
        }
        self.writes += 1;
        let (etag, modified) = (etag(&content), SystemTime::now());
        let object = Object { content: content.into(), generation: self.writes, etag, modified };
        Ok(self.objects.entry(key.to_owned()).insert_entry(object).into_mut())
    }

    /// Whether there was one.
    pub(super) fn delete(&mut self, key: &str) -> bool {
        self.objects.remove(key).is_some()
    }

    /// Begins an upload, and gives its id.
    pub(super) fn initiate(&mut self, key: &str) -> String {
        self.writes += 1;
        let id = format!("upload-{}", self.writes);
        let upload = Upload { key: key.to_owned(), parts: BTreeMap::new() };
        self.uploads.insert(id.clone(), upload);
        id
    }

    /// Keeps a part, and gives its entity tag.
    pub(super) fn put_part(
        &mut self,
        key: &str,
        id: &str,
        number: u32,
        content: Vec<u8>,
    ) -> Result<String, Refusal> {
        let upload = self.uploads.get_mut(id).filter(|upload| upload.key == key);
        let upload = upload.ok_or(Refusal::NoSuchUpload)?;
        let etag = etag(&content);
        upload.parts.insert(number, (etag.clone(), content));
        Ok(etag)
    }

    /// Makes an object of an upload's parts, which are named by number and entity tag.
    pub(super) fn complete(
        &mut self,
        key: &str,
        id: &str,
        parts: &[(u32, String)],
    ) -> Result<&Object, Refusal> {
        let upload = self.uploads.get(id).filter(|upload| upload.key == key);
        let upload = upload.ok_or(Refusal::NoSuchUpload)?;
        let mut content = Vec::new();
        for (at, (number, etag)) in parts.iter().enumerate() {
            match upload.parts.get(number) {
                Some((stored, bytes)) if stored == etag => {
                    if bytes.len() < LEAST_PART && at + 1 < parts.len() {
                        return Err(Refusal::PartTooSmall);
                    }
                    content.extend(bytes);
                }
                _ => return Err(Refusal::InvalidPart),
            }
        }
        if parts.is_empty() {
            return Err(Refusal::InvalidPart);
        }
        self.uploads.remove(id);
        self.put(key, content, None)
    }

    /// Forgets an upload; whether there was one.
    pub(super) fn abort(&mut self, key: &str, id: &str) -> bool {
        let ours = self.uploads.get(id).is_some_and(|upload| upload.key == key);
        ours && self.uploads.remove(id).is_some()
    }

    /// Up to `limit` objects and common prefixes below `prefix`, strictly after `after`.
    pub(super) fn list(&self, prefix: &str, delimiter: &str, after: &str, limit: usize) -> Page {
        let mut page = Page { objects: Vec::new(), prefixes: BTreeSet::new(), next: None };
        let mut last = String::new();
        let is_done = |key: &str| {
            key <= after
                || (!delimiter.is_empty() && after.ends_with(delimiter) && key.starts_with(after))
        };
        let below = self.objects.range(prefix.to_owned()..);
        let below = below.take_while(|(key, _)| key.starts_with(prefix));
        for (key, object) in below.filter(|(key, _)| !is_done(key)) {
            let rest = &key[prefix.len()..];
            let directory = match delimiter {
                "" => None,
                delimiter => {
                    rest.find(delimiter).map(|at| &key[..prefix.len() + at + delimiter.len()])
                }
            };
            if directory.is_some_and(|directory| page.prefixes.contains(directory)) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == limit {
                page.next = Some(last);
                break;
            }
            directory.unwrap_or(key).clone_into(&mut last);
            match directory {
                Some(directory) => drop(page.prefixes.insert(directory.to_owned())),
                None => page.objects.push((key.clone(), object.clone())),
            }
        }
        page
    }
}

fn etag(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(page: &Page) -> Vec<&str> {
        let objects = page.objects.iter().map(|(key, _)| key.as_str());
        objects.chain(page.prefixes.iter().map(String::as_str)).collect()
    }

    #[test]
    fn an_object_is_created_once() {
        let mut bucket = Bucket::default();
        let first = bucket.put("a", b"1".to_vec(), Some(0)).map(|object| object.generation);
        assert_eq!(bucket.put("a", b"2".to_vec(), Some(0)).err(), Some(Refusal::Precondition));
        assert_eq!(bucket.get("a").map(|object| object.content.to_vec()), Some(b"1".to_vec()));
        assert!(bucket.put("a", b"3".to_vec(), first.ok()).is_ok());
    }

    #[test]
    fn an_upload_is_completed_once_and_only_with_its_parts() {
        let mut bucket = Bucket::default();
        let id = bucket.initiate("a");
        let one = bucket.put_part("a", &id, 1, vec![1; LEAST_PART]).unwrap();
        let two = bucket.put_part("a", &id, 2, vec![2]).unwrap();
        let refused = |bucket: &mut Bucket, key: &str, parts: &[(u32, String)]| {
            bucket.complete(key, &id, parts).err()
        };
        assert_eq!(refused(&mut bucket, "b", &[(1, one.clone())]), Some(Refusal::NoSuchUpload));
        assert_eq!(refused(&mut bucket, "a", &[]), Some(Refusal::InvalidPart));
        assert_eq!(refused(&mut bucket, "a", &[(1, two.clone())]), Some(Refusal::InvalidPart));
        let backwards = [(2, two.clone()), (1, one.clone())];
        assert_eq!(refused(&mut bucket, "a", &backwards), Some(Refusal::PartTooSmall));
        assert!(bucket.get("a").is_none(), "nothing is visible before it is complete");
        let parts = [(1, one), (2, two)];
        assert_eq!(bucket.complete("a", &id, &parts).unwrap().content.len(), LEAST_PART + 1);
        assert_eq!(refused(&mut bucket, "a", &parts), Some(Refusal::NoSuchUpload));
        assert!(!bucket.abort("a", &id));
    }

    #[test]
    fn pages_join_to_the_whole_listing() {
        let mut bucket = Bucket::default();
        for key in ["0", "a/1", "a/2", "a/b/3", "b", "c/4"] {
            bucket.put(key, Vec::new(), None).unwrap();
        }
        for (prefix, delimiter, expected) in [
            ("", "", &["0", "a/1", "a/2", "a/b/3", "b", "c/4"][..]),
            ("", "/", &["0", "a/", "b", "c/"]),
            ("a/", "/", &["a/1", "a/2", "a/b/"]),
            ("a", "", &["a/1", "a/2", "a/b/3"]),
        ] {
            let (mut found, mut after) = (Vec::new(), String::new());
            loop {
                let page = bucket.list(prefix, delimiter, &after, 1);
                found.extend(keys(&page).into_iter().map(str::to_owned));
                let Some(next) = page.next else { break };
                after = next;
            }
            assert_eq!(found, expected, "`{prefix}` by `{delimiter}`");
        }
        assert_eq!(keys(&bucket.list("", "", "a/2", 9)), ["a/b/3", "b", "c/4"]);
    }
}
