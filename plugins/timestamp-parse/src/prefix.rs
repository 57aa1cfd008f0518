//! The part of a format whose positions never vary, matched eight bytes at a time.
//!
//! `yyyy-MM-dd'T'HH:mm:ss` is 19 bytes that are digits or known. Whatever this refuses,
//! [`crate::matcher`] decides; whatever this accepts, it would accept with the same result.

use crate::civil;
use crate::item::{Field, Item, MONTHS_SHORT, Number, Sign};
use crate::usual::LENGTH;
use crate::zone::Local;

/// Words a prefix may load; the last one stands for fields that are missing.
const WORDS: usize = 8;
/// Position of the pair that is always zero.
const ZERO: Pair = Pair { word: WORDS - 1, shift: 0 };

/// Eight bytes of the text and what they must be.
#[derive(Clone, Copy, Debug)]
struct Word {
    at: usize,
    /// The literal bytes, and `0` where a digit belongs.
    expected: u64,
    /// All bits of the literal bytes.
    literal: u64,
    /// The high half of each digit's byte.
    digit: u64,
    /// All bits of the bytes that are no part of a name.
    known: u64,
}

/// What a byte of a prefix must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Byte {
    Literal(u8),
    Digit,
    /// Part of a month's name.
    Name,
}

impl Word {
    /// The value of every two bytes as digits, and bits that are clear if all is as expected.
    #[inline]
    fn pairs(&self, bytes: [u8; 8]) -> (u64, u64) {
        let digits = (u64::from_le_bytes(bytes) ^ self.expected) & self.known;
        let high = digits | digits.wrapping_add(0x0606_0606_0606_0606);
        let wrong = (digits & self.literal) | (high & self.digit);
        // Every byte becomes ten times itself plus its successor.
        (digits.wrapping_mul(10).wrapping_add(digits >> 8), wrong)
    }
}

/// Two digits: the word that holds them and the bits before them.
#[derive(Clone, Copy, Debug)]
struct Pair {
    word: usize,
    shift: u32,
}

/// A run of bytes at fixed positions that holds at least a full date.
#[derive(Clone, Debug)]
pub(crate) struct Prefix {
    words: Vec<Word>,
    length: usize,
    /// Whether the last byte is a digit, so that another one would belong to the same number.
    ends_in_digit: bool,
    century: Pair,
    year: Pair,
    month: Pair,
    /// Where the name of the month is, instead of its number.
    month_name: Option<usize>,
    day: Pair,
    hour: Pair,
    minute: Pair,
    second: Pair,
    usual: Option<Usual>,
}

/// The layout of `yyyy-MM-dd HH:mm:ss` with any separators: a word with year and month, one
/// with day, hour and minute, one with the seconds, all shifts but the last known.
#[derive(Clone, Copy, Debug)]
struct Usual {
    words: [Word; 3],
    second_shift: u32,
}

impl Usual {
    /// The usual layout, if this prefix has it.
    fn of(prefix: &Prefix) -> Option<Self> {
        let words: [Word; 3] = prefix.words.as_slice().try_into().ok()?;
        let at = |pair: Pair| Some(words.get(pair.word)?.at + pair.shift as usize / 8);
        let starts = [prefix.century, prefix.month, prefix.day, prefix.hour, prefix.minute].map(at);
        let usual = starts == [0, 5, 8, 11, 14].map(Some) && prefix.second.word == 2;
        usual.then_some(Self { words, second_shift: prefix.second.shift })
    }
}

impl Prefix {
    /// The prefix of these items, and how many of them it covers.
    pub(crate) fn of(items: &[Item]) -> Option<(Self, usize)> {
        let mut bytes: Vec<Byte> = Vec::new();
        let mut starts = [None; Field::COUNT];
        let mut month_name = None;
        let mut covered = 0;
        for item in items {
            match item {
                Item::Literal(literal) if !literal.iter().any(u8::is_ascii_digit) => {
                    bytes.extend(literal.iter().copied().map(Byte::Literal));
                }
                Item::Number(number) => {
                    let width = prefix_width(*number)?;
                    let start = &mut starts[number.field as usize];
                    if start.is_some() {
                        return None;
                    }
                    *start = Some(bytes.len());
                    bytes.extend(std::iter::repeat_n(Byte::Digit, width));
                }
                Item::Word { field: Field::Month, words, .. } if *words == MONTHS_SHORT => {
                    if month_name.replace(bytes.len()).is_some() {
                        return None;
                    }
                    bytes.extend([Byte::Name; 3]);
                }
                Item::Fraction { .. } | Item::Offset(_) | Item::Optional(_) => break,
                _ => return None,
            }
            covered += 1;
        }
        let start = |field: Field| starts[field as usize];
        let (year, day) = (start(Field::Year)?, start(Field::Day)?);
        if start(Field::Month).is_some() == month_name.is_some() {
            return None;
        }
        let mut words = Words::of(&bytes)?;
        let (century, year) = (words.pair(year)?, words.pair(year + 2)?);
        let day = words.pair(day)?;
        let mut pair = |field| start(field).map_or(Some(ZERO), |at| words.pair(at));
        let month = pair(Field::Month)?;
        let (hour, minute) = (pair(Field::Hour)?, pair(Field::Minute)?);
        let second = pair(Field::Second)?;
        let ends_in_digit = bytes.last() == Some(&Byte::Digit);
        let (length, words) = (bytes.len(), words.words);
        let mut prefix = Self {
            words,
            length,
            ends_in_digit,
            century,
            year,
            month,
            month_name,
            day,
            hour,
            minute,
            second,
            usual: None,
        };
        prefix.usual = Usual::of(&prefix);
        Some((prefix, covered))
    }

    /// The separators of `yyyy-MM-dd HH:mm:ss`, and `0` where a digit belongs, if that is all
    /// there is.
    pub(crate) fn form(&self) -> Option<[u8; LENGTH]> {
        let usual = self.usual.filter(|_| self.length == LENGTH)?;
        let mut form = [0; LENGTH];
        for word in usual.words {
            form[word.at..word.at + 8].copy_from_slice(&word.expected.to_le_bytes());
        }
        Some(form)
    }

    /// The date and time at the start of the text, and where they end, when all is in order.
    #[inline]
    pub(crate) fn read(&self, text: &[u8]) -> Option<(Local, usize)> {
        // A number that goes on is for the matcher.
        if self.ends_in_digit && text.get(self.length).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let fields = match &self.usual {
            Some(usual) => usual.fields(text)?,
            None => self.fields(text)?,
        };
        let Fields { year, month, day, hour, minute, second } = fields;
        let date_exists = year != 0
            && month.wrapping_sub(1) < 12
            && day.wrapping_sub(1) < civil::days_in_month(year, month);
        if !date_exists || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let second_of_day = (hour * 60 + minute) * 60 + second;
        Some((Local { year, month, day, second_of_day }, self.length))
    }

    fn fields(&self, text: &[u8]) -> Option<Fields> {
        let mut pairs = [0u64; WORDS];
        for (word, pairs) in self.words.iter().zip(&mut pairs) {
            let bytes = text.get(word.at..)?.first_chunk::<8>()?;
            let (here, wrong) = word.pairs(*bytes);
            if wrong != 0 {
                return None;
            }
            *pairs = here;
        }
        let pair = |pair: Pair| two_digits(pairs[pair.word % WORDS], pair.shift);
        let month = match self.month_name {
            Some(at) => month_of(*text.get(at..)?.first_chunk()?)?,
            None => pair(self.month),
        };
        Some(Fields {
            year: pair(self.century) * 100 + pair(self.year),
            month,
            day: pair(self.day),
            hour: pair(self.hour),
            minute: pair(self.minute),
            second: pair(self.second),
        })
    }
}

impl Usual {
    #[inline]
    fn fields(&self, text: &[u8]) -> Option<Fields> {
        let [first, second, third] = &self.words;
        let (date, rest) = text.split_first_chunk::<8>()?;
        let (date, date_wrong) = first.pairs(*date);
        let (time, time_wrong) = second.pairs(*rest.first_chunk()?);
        let (tail, tail_wrong) = third.pairs(*text.get(third.at..)?.first_chunk()?);
        (date_wrong | time_wrong | tail_wrong == 0).then_some(Fields {
            year: two_digits(date, 0) * 100 + two_digits(date, 16),
            month: two_digits(date, 40),
            day: two_digits(time, 0),
            hour: two_digits(time, 24),
            minute: two_digits(time, 48),
            second: two_digits(tail, self.second_shift),
        })
    }
}

/// Fields as they were read, not yet checked.
struct Fields {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

/// The month of a short name in any case.
fn month_of(name: [u8; 3]) -> Option<u32> {
    let is_name = |known: &&str| known.as_bytes().eq_ignore_ascii_case(&name);
    MONTHS_SHORT.iter().zip(1..).find(|(known, _)| is_name(known)).map(|(_, month)| month)
}

/// One of the values of [`Word::pairs`].
#[inline]
fn two_digits(pairs: u64, shift: u32) -> u32 {
    (pairs >> shift) as u32 & 0xff
}

/// Digits of a number that a prefix may hold.
fn prefix_width(number: Number) -> Option<usize> {
    match number.field {
        // A year of four digits; a longer one would need a sign.
        Field::Year if number.min == 4 && number.sign != Sign::Minus => Some(4),
        Field::Month | Field::Day | Field::Hour | Field::Minute | Field::Second => {
            (number.is_fixed() && number.max == 2).then_some(2)
        }
        _ => None,
    }
}

/// Words while they are laid out.
struct Words<'a> {
    bytes: &'a [Byte],
    words: Vec<Word>,
}

impl<'a> Words<'a> {
    /// Words that cover all the bytes; `None` when there are too few or too many.
    fn of(bytes: &'a [Byte]) -> Option<Self> {
        let last = bytes.len().checked_sub(8)?;
        let mut words = Self { bytes, words: Vec::new() };
        for at in (0..last).step_by(8).chain([last]) {
            words.add(at)?;
        }
        Some(words)
    }

    fn add(&mut self, at: usize) -> Option<usize> {
        let (mut expected, mut literal, mut digit, mut known) = ([0; 8], [0; 8], [0; 8], [0xff; 8]);
        for (i, byte) in self.bytes.get(at..at + 8)?.iter().enumerate() {
            match byte {
                Byte::Literal(byte) => (expected[i], literal[i]) = (*byte, 0xff),
                Byte::Digit => (expected[i], digit[i]) = (b'0', 0xf0),
                Byte::Name => known[i] = 0,
            }
        }
        self.words.push(Word {
            at,
            expected: u64::from_le_bytes(expected),
            literal: u64::from_le_bytes(literal),
            digit: u64::from_le_bytes(digit),
            known: u64::from_le_bytes(known),
        });
        (self.words.len() < WORDS).then(|| self.words.len() - 1)
    }

    /// Where the two digits at this position are, in a word that holds both.
    fn pair(&mut self, at: usize) -> Option<Pair> {
        let holds = |word: &Word| (word.at..word.at + 7).contains(&at);
        let word = match self.words.iter().position(holds) {
            Some(word) => word,
            None => self.add(at.min(self.bytes.len() - 8))?,
        };
        Some(Pair { word, shift: (at - self.words[word].at) as u32 * 8 })
    }
}
