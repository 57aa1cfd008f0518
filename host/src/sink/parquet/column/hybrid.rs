//! Parquet's mix of run-length and bit-packed encoding, for levels and dictionary indices.
//!
//! Values go in groups of eight. Eight or more equal values from the start of a group on are
//! one run; groups in between are packed side by side. Source: the Parquet format's
//! `Encodings.md`, "Run Length Encoding / Bit-Packing Hybrid".

/// Values of a group; runs start at groups.
const GROUP: usize = 8;

/// Bits that numbers up to this one take.
pub(super) fn bit_width(largest: u32) -> u8 {
    (u32::BITS - largest.leading_zeros()) as u8
}

/// Appends the values, each of `width` bits at most, to `out`.
pub(super) fn encode<T: Copy + Into<u32> + PartialEq>(values: &[T], width: u8, out: &mut Vec<u8>) {
    let (mut packed_from, mut at) = (0, 0);
    while at < values.len() {
        let first = values[at];
        let run = values[at..].iter().take_while(|value| **value == first).count();
        if run < GROUP {
            at += GROUP;
            continue;
        }
        pack(&values[packed_from..at], width, out);
        push_run(first.into(), run, width, out);
        at += run;
        packed_from = at;
    }
    pack(&values[packed_from..], width, out);
}

/// Appends one value that is repeated.
pub(super) fn push_run(value: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    push_varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(width.div_ceil(8))]);
}

/// Whole groups; only the last one may have fewer values, and zeros after them.
fn pack<T: Copy + Into<u32>>(values: &[T], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    push_varint((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * usize::from(width);
    let (mut bits, mut waiting) = (0_u64, 0_u8);
    for value in values {
        bits |= u64::from((*value).into()) << waiting;
        waiting += width;
        if waiting >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            waiting -= 32;
        }
    }
    let rest = usize::from(waiting.div_ceil(8));
    out.extend_from_slice(&bits.to_le_bytes()[..rest]);
    out.resize(end, 0);
}

/// Appends a number, seven bits a byte, the low ones first.
pub(super) fn push_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    fn decode(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let header = read_varint(&mut bytes);
            let n = (header >> 1) as usize;
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(usize::from(width.div_ceil(8)));
                bytes = rest;
                let mut word = [0; 4];
                word[..value.len()].copy_from_slice(value);
                values.extend(std::iter::repeat_n(u32::from_le_bytes(word), n));
            } else {
                let (packed, rest) = bytes.split_at(n * usize::from(width));
                bytes = rest;
                let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
                let value = |i: usize| {
                    let bits =
                        (0..usize::from(width)).map(|b| bit(i * usize::from(width) + b) << b);
                    bits.sum::<u32>()
                };
                values.extend((0..n * 8).map(value));
            }
        }
        assert!(bytes.is_empty(), "{} bytes too many", bytes.len());
        values.truncate(count);
        values
    }

    #[test]
    fn what_is_encoded_comes_back_for_every_width() {
        for width in 1..=32_u8 {
            let mask = u32::MAX >> (32 - width);
            for (count, repeat) in [(1, 1), (7, 1), (8, 8), (100, 3), (1_000, 20), (77, 9)] {
                let values: Vec<u32> = (0..count)
                    .map(|i| (i as u32 / repeat).wrapping_mul(0x9e37_79b9) & mask)
                    .collect();
                let mut bytes = Vec::new();
                encode(&values, width, &mut bytes);
                assert_eq!(decode(&bytes, width, values.len()), values, "{width} bits");
            }
        }
    }

    #[test]
    fn a_run_takes_a_few_bytes_and_a_width_of_zero_none_for_its_value() {
        let mut bytes = Vec::new();
        encode(&[1_u8; 10_000], 1, &mut bytes);
        assert_eq!(bytes.len(), 4);
        bytes.clear();
        encode(&[0_u32; 100], 0, &mut bytes);
        assert_eq!(bytes, [200, 1]);
        assert_eq!([0, 1, 2, 255, 256, u32::MAX].map(bit_width), [0, 1, 2, 8, 9, 32]);
    }
}
