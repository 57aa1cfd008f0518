//! Parquet's `DELTA_BINARY_PACKED`: whole numbers as packed differences.
//!
//! A block has a smallest difference, and four miniblocks of what each difference is above
//! it, packed with as many bits as the largest takes. Source: the Parquet format's
//! `Encodings.md`, "Delta Encoding".

use super::hybrid::push_varint;

const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// Appends the numbers, of `width_bytes` 4 or 8 each, to `out`. Differences wrap around at
/// that width, as readers' sums do.
pub(super) fn encode(
    numbers: impl ExactSizeIterator<Item = i64>,
    width_bytes: usize,
    out: &mut Vec<u8>,
) {
    let count = numbers.len();
    let mut numbers = numbers;
    let mut last = numbers.next().unwrap_or(0);
    for number in [BLOCK, MINIBLOCKS, count] {
        push_varint(number as u64, out);
    }
    push_varint(zigzag(last), out);
    let mut differences = [0; BLOCK];
    while numbers.len() > 0 {
        let mut filled = 0;
        for (difference, number) in differences.iter_mut().zip(&mut numbers) {
            let wrapped = number.wrapping_sub(last);
            *difference = if width_bytes == 4 { i64::from(wrapped as i32) } else { wrapped };
            last = number;
            filled += 1;
            if filled == BLOCK {
                break;
            }
        }
        push_block(&differences[..filled], out);
    }
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn push_block(differences: &[i64], out: &mut Vec<u8>) {
    let smallest = differences.iter().copied().min().unwrap_or(0);
    push_varint(zigzag(smallest), out);
    let above = |difference: &i64| difference.wrapping_sub(smallest) as u64;
    let widths_at = out.len();
    out.resize(widths_at + MINIBLOCKS, 0);
    for (n, miniblock) in differences.chunks(MINIBLOCK).enumerate() {
        let all = miniblock.iter().fold(0, |bits, difference| bits | above(difference));
        let width = u64::BITS - all.leading_zeros();
        out[widths_at + n] = width as u8;
        let end = out.len() + MINIBLOCK / 8 * width as usize;
        let (mut bits, mut waiting) = (0_u128, 0);
        for difference in miniblock {
            bits |= u128::from(above(difference)) << waiting;
            waiting += width;
            if waiting >= 64 {
                out.extend_from_slice(&(bits as u64).to_le_bytes());
                bits >>= 64;
                waiting -= 64;
            }
        }
        out.extend_from_slice(&(bits as u64).to_le_bytes()[..waiting.div_ceil(8) as usize]);
        out.resize(end, 0);
    }
}
