//! Held against `java.time`, set up as Spark sets it up: `fixtures/JavaTime.java` made
//! `fixtures/java-time.jsonl` with `OpenJDK` 17.0.15.

use crate::format::Format;
use crate::zone::{self, Zones};
use serde_json::Value;

/// Texts that Java refuses and this crate reads, or the other way round, and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[(
    "yyyy-MM-dd HH:mm:ss VV",
    "2024-03-10 02:30:00 UTC+0:00",
    "after `UTC` and `GMT` a zone id may have an hour of one digit, as in `ZoneId.of(\"UTC+8\")`",
)];

#[test]
fn java_time_reads_the_same() {
    let mut zones = Zones::default();
    let (mut cases, mut deviations) = (0, Vec::new());
    for line in include_str!("../../fixtures/java-time.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let [pattern, zone, text] =
            ["pattern", "zone", "text"].map(|key| case[key].as_str().unwrap());
        let format = Format::compile(pattern).unwrap();
        let input_zone = zone::by_name(zone).unwrap();
        let actual = format.read(text.as_bytes(), &mut zones, &input_zone).ok();
        cases += 1;
        if actual != case["micros"].as_i64()
            && !DEVIATIONS.iter().any(|(p, t, _)| (*p, *t) == (pattern, text))
        {
            deviations
                .push(format!("{pattern} {zone} {text:?}: java {} not {actual:?}", case["micros"]));
        }
    }
    assert!(deviations.is_empty(), "{} of {cases}:\n{}", deviations.len(), deviations.join("\n"));
    assert!(cases > 3000);
}
