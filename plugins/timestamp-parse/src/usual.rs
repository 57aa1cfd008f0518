//! `yyyy-MM-dd HH:mm:ss` with any separators, alone or before a `Z`: many rows in one loop.
//!
//! Owns nothing but that loop: the fewer values are at hand in it, the fewer a compiler of
//! WebAssembly moves to memory and back. Whatever it leaves out, [`crate::format`] decides;
//! whatever it reads, that would read the same.

use crate::civil::{DAY_SECS, days_from_civil};

/// Rows that are read together.
pub(crate) const ROWS: usize = 64;

/// Bytes of `yyyy-MM-dd HH:mm:ss`.
pub(crate) const LENGTH: usize = 19;

/// All bits of the digits of `yyyy-MM-`, `dd HH:mm` and `m:ss`; the rest are separators.
const DATE_DIGITS: u64 = 0x00ff_ff00_ffff_ffff;
const TIME_DIGITS: u64 = 0xffff_00ff_ff00_ffff;
const TAIL_DIGITS: u64 = 0xffff_00ff;

/// Days of each month that every year has; none for a number that is no month.
const DAYS: [u8; 128] = {
    let mut days = [0; 128];
    let known = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while month < known.len() {
        days[month + 1] = known[month];
        month += 1;
    }
    days
};

/// The separators of the form, and what it is relative to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    /// `0000-00-`, `00T00:00` and `0:00`: the separators, and `0` where a digit belongs.
    form: [u64; 3],
    /// Whether a `Z` follows.
    zulu: bool,
    offset_secs: i32,
}

impl Usual {
    /// The form with these separators. Without a `Z`, times are so many seconds east of UTC.
    pub(crate) fn new(form: [u8; LENGTH], zulu: bool, offset_secs: i32) -> Self {
        Self { form: words(&form), zulu, offset_secs }
    }

    /// Reads the texts between these offsets, at most [`ROWS`]: a bit for each that has the
    /// form, and its microseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn read(&self, data: &[u8], offsets: &[i32], micros: &mut [i64; ROWS]) -> u64 {
        if self.zulu {
            self.read_rows::<{ LENGTH + 1 }>(data, offsets, micros)
        } else {
            self.read_rows::<LENGTH>(data, offsets, micros)
        }
    }

    #[inline(never)]
    fn read_rows<const BYTES: usize>(
        &self,
        data: &[u8],
        offsets: &[i32],
        micros: &mut [i64; ROWS],
    ) -> u64 {
        let mut read = 0;
        for ((row, span), micros) in offsets.windows(2).enumerate().zip(micros) {
            let (from, to) = (span[0] as usize, span[1] as usize);
            let text = data.get(from..).and_then(<[u8]>::first_chunk::<BYTES>);
            let Some(text) = text.filter(|_| to.wrapping_sub(from) == BYTES) else { continue };
            if let Some(seconds) = self.seconds(text) {
                *micros = seconds * 1_000_000;
                read |= 1 << row;
            }
        }
        read
    }

    /// Seconds since 1970-01-01T00:00:00Z of a text, if it has the form.
    #[inline]
    fn seconds<const BYTES: usize>(&self, text: &[u8; BYTES]) -> Option<i64> {
        let [date, time, tail] = words(text);
        let (date, time, tail) = (date ^ self.form[0], time ^ self.form[1], tail ^ self.form[2]);
        let wrong = wrong(date, DATE_DIGITS) | wrong(time, TIME_DIGITS) | wrong(tail, TAIL_DIGITS);
        // Every byte becomes ten times itself plus its successor.
        let pairs = |word: u64| word.wrapping_mul(10).wrapping_add(word >> 8);
        let pair = |pairs: u64, byte: u32| (pairs >> (8 * byte)) as u32 & 0xff;
        let (date, time, tail) = (pairs(date), pairs(time), pairs(tail));
        let (year, month) = (pair(date, 0) * 100 + pair(date, 2), pair(date, 5));
        let (day, hour, minute) = (pair(time, 0), pair(time, 3), pair(time, 6));
        let second = pair(tail, 2);
        let days = u32::from(DAYS[month as usize & 127]);
        // A number out of its range sets the sign of a difference.
        let out_of_range = year.wrapping_sub(1)
            | day.wrapping_sub(1)
            | days.wrapping_sub(day)
            | 23_u32.wrapping_sub(hour)
            | 59_u32.wrapping_sub(minute)
            | 59_u32.wrapping_sub(second);
        let no_zulu = BYTES > LENGTH && text[BYTES - 1] != b'Z';
        if (wrong | u64::from(out_of_range >> 31) | u64::from(no_zulu)) != 0 {
            return None;
        }
        let second_of_day = (hour * 60 + minute) * 60 + second;
        let days = i64::from(days_from_civil(year, month, day));
        Some(days * i64::from(DAY_SECS) + i64::from(second_of_day) - i64::from(self.offset_secs))
    }
}

/// The first 8 bytes, the next 8, and 4 that begin one earlier.
#[inline]
fn words<const BYTES: usize>(text: &[u8; BYTES]) -> [u64; 3] {
    let [mut date, mut time, mut tail] = [[0; 8]; 3];
    date.copy_from_slice(&text[..8]);
    time.copy_from_slice(&text[8..16]);
    tail[..4].copy_from_slice(&text[15..LENGTH]);
    [date, time, tail].map(u64::from_le_bytes)
}

/// Bits of what is no digit where `digits` are due, and differs elsewhere.
#[inline]
fn wrong(word: u64, digits: u64) -> u64 {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let high = word | word.wrapping_add(0x0606_0606_0606_0606);
    (high & HIGH & digits) | (word & !digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::zone::Zone;

    /// What is read of these texts.
    fn read(format: &str, zone: &Zone, texts: &[&str]) -> Vec<Option<i64>> {
        let usual = Format::compile(format).unwrap().usual(zone).unwrap();
        let mut offsets = vec![0];
        for text in texts {
            offsets.push(offsets[offsets.len() - 1] + text.len() as i32);
        }
        let mut micros = [0; ROWS];
        let read = usual.read(texts.concat().as_bytes(), &offsets, &mut micros);
        (0..texts.len()).map(|row| (read >> row & 1 == 1).then_some(micros[row])).collect()
    }

    #[test]
    fn the_usual_form_is_read_and_the_rest_left_out() {
        let texts = [
            "1970-01-01T00:00:00Z",
            "2024-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "",
            "2024-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:0:Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00Z ",
        ];
        let micros = |seconds: i64| Some(seconds * 1_000_000);
        let mut expected = vec![
            micros(0),
            micros(1_735_689_599),
            micros(-62_135_596_800),
            micros(253_402_300_799),
        ];
        expected.resize(texts.len(), None);
        for format in ["yyyy-MM-dd'T'HH:mm:ssX", "iso8601", "yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX"] {
            assert_eq!(read(format, &Zone::UTC, &texts), expected, "{format}");
        }
    }

    #[test]
    fn without_a_zone_times_are_those_of_the_input() {
        let texts = ["1970/01/01 01:00:00", "1970/01/01 01:00:00Z"];
        assert_eq!(read("yyyy/MM/dd HH:mm:ss", &Zone::Fixed(3600), &texts), [Some(0), None]);
    }

    #[test]
    fn other_forms_have_no_short_way_of_many_rows() {
        let berlin = crate::zone::by_name("Europe/Berlin").unwrap();
        for (format, zone) in [
            ("yyyy-MM-dd", &Zone::UTC),
            ("yyyy-MM-dd HH:mm:ss.SSS", &Zone::UTC),
            ("yyyy-MM-dd HH:mm:ssxxx", &Zone::UTC),
            ("yyyy-MM-dd HH:mm:ss", &berlin),
            ("epoch_s", &Zone::UTC),
        ] {
            assert!(Format::compile(format).unwrap().usual(zone).is_none(), "{format}");
        }
    }
}
