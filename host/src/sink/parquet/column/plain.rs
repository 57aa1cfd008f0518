//! Values as they are, one after the other: Parquet's `PLAIN`.

/// Appends words of 4 or 8 bytes each.
pub(super) fn put_words(words: &[u64], width: usize, page: &mut Vec<u8>) {
    if width == 4 {
        page.extend(words.iter().flat_map(|word| (*word as u32).to_le_bytes()));
    } else {
        page.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }
}

/// Appends a string, its length before it.
pub(super) fn put_text(text: &[u8], page: &mut Vec<u8>) {
    page.extend_from_slice(&(text.len() as u32).to_le_bytes());
    page.extend_from_slice(text);
}

/// Most strings are short, and a copy of fixed size is a few instructions: it may copy too
/// much, and the next one writes over that.
const SHORT_TEXT: usize = 32;

/// Appends the strings at these places, `total` bytes in all.
pub(super) fn copy_texts(
    data: &[u8],
    places: impl Iterator<Item = (usize, usize)>,
    total: usize,
    out: &mut Vec<u8>,
) {
    let mut at = out.len();
    let end = at + total;
    out.resize(end + SHORT_TEXT, 0);
    for (from, length) in places {
        let (text, room) = (&data[from..], &mut out[at..]);
        match (text.first_chunk::<SHORT_TEXT>(), room.first_chunk_mut::<SHORT_TEXT>()) {
            (Some(text), Some(room)) if length <= SHORT_TEXT => *room = *text,
            _ => room[..length].copy_from_slice(&text[..length]),
        }
        at += length;
    }
    out.truncate(end);
}
