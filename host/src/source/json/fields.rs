//! From a key in the text to a field: a guess first, a hash table when the guess is wrong.
//!
//! Records of one kind list their keys in one order, so the field that followed the last one
//! the time before is almost always next, and one comparison finds it.

use super::{
    failure::{Context, Failed},
    scan::byte_at,
};
use arrow_schema::Fields;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// The names of a struct's fields.
#[derive(Debug)]
pub(super) struct Names {
    /// Each name as it stands in compact text: quoted, escaped where JSON asks for it.
    quoted: Vec<Box<[u8]>>,
    /// Which field came after field `i` last time; the last entry: which came first.
    follows: Vec<usize>,
    by_name: HashMap<Box<[u8]>, usize, BuildHasherDefault<NameHasher>>,
}

/// A key that was read.
pub(super) struct Key {
    /// Index of the field, if the schema names it.
    pub(super) field: Option<usize>,
    /// Position after the closing quote.
    pub(super) end: usize,
}

impl Names {
    pub(super) fn new(fields: &Fields) -> Self {
        let quoted = |name: &String| serde_json::Value::from(name.as_str()).to_string();
        let by_name = fields.iter().enumerate();
        Self {
            quoted: fields.iter().map(|field| quoted(field.name()).into_bytes().into()).collect(),
            follows: (1..fields.len()).chain([0, 0]).collect(),
            by_name: by_name.map(|(i, field)| (field.name().as_bytes().into(), i)).collect(),
        }
    }

    /// Whether there is a field of this name.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.by_name.contains_key(name)
    }

    /// What to pass as `last` for the first key of an object.
    #[inline]
    pub(super) fn first(&self) -> usize {
        self.quoted.len()
    }

    /// Reads the key at `at`; `last` is the field of the key before it.
    #[inline]
    pub(super) fn find(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        at: usize,
        last: usize,
    ) -> Result<Key, Failed> {
        if let Some(guess) = self.follows.get(last)
            && let Some(quoted) = self.quoted.get(*guess)
            && let Some(found) = text.get(at..at + quoted.len())
            && *found == **quoted
        {
            return Ok(Key { field: Some(*guess), end: at + quoted.len() });
        }
        self.find_by_name(cx, text, at, last)
    }

    #[inline(never)]
    fn find_by_name(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        at: usize,
        last: usize,
    ) -> Result<Key, Failed> {
        if byte_at(text, at) != b'"' {
            return Err(cx.malformed(text, at, "a key in quotes"));
        }
        let end = cx.skip_string(text, at)?;
        let raw = text.get(at + 1..end - 1).unwrap_or_default();
        let field = if memchr::memchr(b'\\', raw).is_some() {
            let mut name = Vec::new();
            cx.read_string(text, at, &mut name)?;
            self.by_name.get(name.as_slice())
        } else {
            self.by_name.get(raw)
        };
        if let (Some(field), Some(follows)) = (field, self.follows.get_mut(last)) {
            *follows = *field;
        }
        Ok(Key { field: field.copied(), end })
    }
}

/// A fast hash of short names. The names are those of a schema, so nobody chooses collisions:
/// what a record looks up is never inserted.
#[derive(Debug, Default)]
pub(super) struct NameHasher(u64);

impl NameHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }

    fn finish(&self) -> u64 {
        // The table takes its bucket from the low bits, which a product mixes least.
        self.0.rotate_left(26)
    }
}
