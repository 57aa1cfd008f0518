//! What the user may have meant.

/// The candidate that a misspelt word most likely means, if any is close enough.
#[must_use]
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace('-', "_");
    let word = plain(word);
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = plain(candidate);
            let distance = strsim::damerau_levenshtein(&word, &other);
            // `compress` for `compression`: a beginning is a hint of its own.
            let begins = word.len() >= 4 && (other.starts_with(&word) || word.starts_with(&other));
            (distance <= allowed || begins).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        let known = ["path", "partition_by", "compression", "max_file_bytes"];
        assert_eq!(suggest("pathe", known), Some("path"));
        assert_eq!(suggest("partitionby", known), Some("partition_by"));
        assert_eq!(suggest("partition-by", known), Some("partition_by"));
        assert_eq!(suggest("Compress", known), Some("compression"));
        assert_eq!(suggest("max_file_byte", known), Some("max_file_bytes"));
        assert_eq!(suggest("zebra", known), None);
    }
}
