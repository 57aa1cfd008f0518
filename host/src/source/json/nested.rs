//! Objects and arrays: structs, lists and maps.

use super::{
    column::{Column, ListColumn, MapColumn, StructColumn},
    failure::{Context, Decoded, Path, Step},
    scan::{byte_at, skip_space},
};
use std::collections::{HashMap, HashSet};

impl StructColumn {
    /// Reads the object at `at` as the next row.
    #[inline]
    pub(super) fn read(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        mut at: usize,
        path: &Path<'_>,
    ) -> Decoded {
        if path.depth >= cx.max_depth {
            return Err(cx.too_deep(at));
        }
        let row = self.len();
        let mut last = self.names.first();
        at = skip_space(text, at + 1);
        let mut more = byte_at(text, at) != b'}';
        at += usize::from(!more);
        while more {
            let key = self.names.find(cx, text, at, last)?;
            let member = path.then(Step::Key(at + 1, key.end - 1));
            at = cx.colon(text, key.end)?;
            last = key.place;
            let column = key.field.and_then(|field| self.columns.get_mut(field));
            at = match column {
                Some(column) => {
                    column.prepare(row);
                    column.read(cx, text, at, &member)?
                }
                None => cx.unknown(text, at, &member)?,
            };
            (at, more) = cx.next_or_close(text, at, b'}')?;
        }
        self.validity.push_valid();
        Ok(at)
    }
}

impl ListColumn {
    /// Reads the array at `at` as the next list.
    pub(super) fn read(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        mut at: usize,
        path: &Path<'_>,
    ) -> Decoded {
        if path.depth >= cx.max_depth {
            return Err(cx.too_deep(at));
        }
        let start = self.offsets.end();
        let mut end = start;
        at = skip_space(text, at + 1);
        let mut more = byte_at(text, at) != b']';
        at += usize::from(!more);
        while more {
            self.elements.prepare(end);
            let element = path.then(Step::Element((end - start) as u64));
            at = self.elements.read(cx, text, at, &element)?;
            end += 1;
            (at, more) = cx.next_or_close(text, at, b']')?;
        }
        self.offsets.push(end);
        Ok(at)
    }
}

impl MapColumn {
    /// Reads the object at `at` as the next map. Of a key that comes twice the last one counts.
    pub(super) fn read(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        at: usize,
        path: &Path<'_>,
    ) -> Decoded {
        let start = self.offsets.end();
        let rescued = cx.rescued.len();
        let end = self.read_entries(cx, text, at, path, &HashMap::new())?;
        let Some(last) = self.duplicates(start) else { return Ok(end) };
        let length = self.len() - 1;
        self.truncate(length);
        cx.rescued.truncate(rescued);
        self.read_entries(cx, text, at, path, &last)
    }

    /// Reads the entries, without those that `last` says come again later: it maps keys to the
    /// number of their last entry.
    fn read_entries(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        mut at: usize,
        path: &Path<'_>,
        last: &HashMap<Vec<u8>, usize>,
    ) -> Decoded {
        if path.depth >= cx.max_depth {
            return Err(cx.too_deep(at));
        }
        let mut end = self.offsets.end();
        let mut entry = 0;
        at = skip_space(text, at + 1);
        let mut more = byte_at(text, at) != b'}';
        at += usize::from(!more);
        while more {
            if byte_at(text, at) != b'"' {
                return Err(cx.malformed(text, at, "a key in quotes"));
            }
            let key = at;
            at = cx.read_string(text, at, &mut self.keys.data)?;
            self.keys.close();
            let value = path.then(Step::Key(key + 1, at - 1));
            at = cx.colon(text, at)?;
            let overwritten = !last.is_empty()
                && last.get(self.keys.value(end)).is_some_and(|last| *last != entry);
            if overwritten {
                at = cx.skip_value(text, at, value.depth)?;
                self.keys.truncate(end);
            } else {
                self.values.prepare(end);
                at = self.values.read(cx, text, at, &value)?;
                end += 1;
            }
            entry += 1;
            (at, more) = cx.next_or_close(text, at, b'}')?;
        }
        self.offsets.push(end);
        Ok(at)
    }

    /// If a key of the entries from `start` on comes twice: the number of each key's last entry.
    fn duplicates(&self, start: usize) -> Option<HashMap<Vec<u8>, usize>> {
        let keys = start..self.keys.len();
        if keys.len() < 16 {
            // Lengths differ more often than not, so few pairs compare bytes.
            let same = |a: usize, b: usize| self.keys.value(a) == self.keys.value(b);
            keys.clone().find(|a| (start..*a).any(|b| same(*a, b)))?;
        } else {
            let mut seen = HashSet::with_capacity(keys.len());
            keys.clone().find(|i| !seen.insert(self.keys.value(*i)))?;
        }
        let numbered = keys.map(|i| (self.keys.value(i).to_vec(), i - start));
        Some(numbered.collect())
    }
}

impl Column {
    /// Reads the value at `at` as the next row, which [`Column::prepare`] has made ready. A
    /// null, or a value that does not fit, leaves the row unset.
    #[inline]
    pub(super) fn read(
        &mut self,
        cx: &mut Context,
        text: &[u8],
        at: usize,
        path: &Path<'_>,
    ) -> Decoded {
        let byte = byte_at(text, at);
        if byte == b'n' {
            return cx.literal(text, at, b"null");
        }
        match self {
            Self::Utf8(strings) if byte == b'"' => {
                let end = cx.read_string(text, at, &mut strings.data)?;
                strings.close();
                Ok(end)
            }
            Self::Utf8(strings) => {
                // Whatever else stands there is kept as its JSON text.
                let end = cx.skip_value(text, at, path.depth)?;
                strings.push(text.get(at..end).unwrap_or_default());
                Ok(end)
            }
            Self::Struct(column) if byte == b'{' => column.read(cx, text, at, path),
            Self::List(column) if byte == b'[' => column.read(cx, text, at, path),
            Self::Map(column) if byte == b'{' => column.read(cx, text, at, path),
            Self::Struct(_) | Self::Map(_) => cx.conflict(text, at, path, "an object"),
            Self::List(_) => cx.conflict(text, at, path, "a list"),
            scalar => scalar.read_scalar(cx, text, at, path),
        }
    }
}
