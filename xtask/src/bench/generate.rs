//! Seeded data for the benchmark: payments as JSON documents, and what the table must hold.
//!
//! Owns the shape of a record; knows nothing of pipelines. The same seed gives the same bytes
//! everywhere. A document is `{"payment": [ {record}, ... ]}`; a record is about 1.27 KB: some
//! twenty strings, a three-level `userIdentity`, two maps, a list of structs, an amount and an
//! event time.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs, io,
    path::Path,
};

/// What the table must hold after the payments job: `amount > 0 AND timestamp IS NOT NULL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Bytes of all documents.
    pub(super) bytes: u64,
    /// Records in them.
    pub(super) records: u64,
    /// Rows that pass the filter.
    pub(super) rows: u64,
    /// Sum of their amounts.
    pub(super) cents: i64,
    /// Rows by UTC date.
    pub(super) rows_by_date: BTreeMap<String, u64>,
}

impl Expected {
    /// Rows, cents and rows by date, as the reader of the table prints them.
    pub(super) fn facts(&self) -> String {
        let mut text = format!("rows {}\ncents {}\n", self.rows, self.cents);
        for (date, rows) in &self.rows_by_date {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{date} {rows}");
        }
        text
    }

    /// What [`Display`](fmt::Display) wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut expected = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(' ')?;
            match name {
                "bytes" => expected.bytes = value.parse().ok()?,
                "records" => expected.records = value.parse().ok()?,
                "rows" => expected.rows = value.parse().ok()?,
                "cents" => expected.cents = value.parse().ok()?,
                date => {
                    expected.rows_by_date.insert(date.to_owned(), value.parse().ok()?);
                }
            }
        }
        Some(expected)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}\nrecords {}\n{}", self.bytes, self.records, self.facts())
    }
}

/// Changes whenever the same arguments give other bytes, so that old data is made again.
pub(super) const SHAPE: u32 = 1;

/// Writes `files` documents of `records` records each.
pub(crate) fn generate(folder: &Path, files: u64, records: u64) -> io::Result<Expected> {
    fs::create_dir_all(folder)?;
    let mut random = SplitMix64(0x10c6_a7e0);
    let mut expected = Expected::default();
    let mut text = String::new();
    for file in 0..files {
        text.clear();
        text.push_str("{\"payment\": [");
        for record in 0..records {
            text.push_str(if record == 0 { "\n" } else { ",\n" });
            push_record(&mut text, &mut random, &mut expected, file * records + record);
        }
        text.push_str("\n]}\n");
        expected.bytes += text.len() as u64;
        fs::write(folder.join(format!("payments-{file:05}.json")), &text)?;
    }
    Ok(expected)
}

/// Steele, Lea and Flood's generator: one addition and two multiplications a number.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

const FIRST: &[&str] = &["Ana", "Boris", "Chloé", "Dmitri", "Elena", "Farid", "Grace", "Hiro"];
const LAST: &[&str] = &["Alvarez", "Brown", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia"];
const SPECIALTY: &[&str] = &[
    "Allopathic & Osteopathic Physicians|Internal Medicine",
    "Allopathic & Osteopathic Physicians|Orthopaedic Surgery",
    "Dental Providers|Dentist|General Practice",
    "Eye and Vision Services Providers|Optometrist",
];
const MAKER: &[&str] = &["Acme Therapeutics Inc.", "Borealis Devices LLC", "Cobalt Pharma Ltd."];
const NATURE: &[&str] = &["Food and Beverage", "Consulting Fee", "Travel and Lodging", "Honoraria"];
const FORM: &[&str] = &["Cash or cash equivalent", "In-kind items and services"];
const CITY: &[&str] = &["Portland", "Austin", "Boston", "Denver", "Nashville", "San José"];
const STATE: &[&str] = &["OR", "TX", "MA", "CO", "TN", "CA"];
const REGION: &[&str] = &["us-east-1", "us-west-2", "eu-central-1", "ap-southeast-2"];
const EVENT: &[&str] = &["RecordPayment", "AmendPayment", "DisputePayment", "ConfirmPayment"];
const AGENT: &[&str] = &[
    "aws-sdk-java/2.20.68 Linux/5.10.0 OpenJDK_64-Bit_Server_VM/17.0.7",
    "Boto3/1.28.1 Python/3.11.4 Linux/6.1.0 Botocore/1.31.1",
];

fn push_record(text: &mut String, random: &mut SplitMix64, expected: &mut Expected, id: u64) {
    let day = random.below(30);
    let second = random.below(86_400);
    let date = format!("2026-03-{:02}", day + 1);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let time = format!("{date}T{hour:02}:{minute:02}:{second:02}Z");
    // One in ten amounts is zero or less.
    let cents = match random.below(20) {
        0 => 0,
        1 => -(random.below(50_000) as i64),
        _ => 1 + random.below(2_000_000) as i64,
    };
    let sign = if cents < 0 { "-" } else { "" };
    let amount = format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100);
    let physician = match random.below(25) {
        0 => "null".to_owned(),
        _ => format!("\"{}\"", 100_000 + random.below(900_000)),
    };
    let account = 100_000_000_000 + random.below(40);
    let user = random.below(2_000);
    let (a, b, c) = (random.next(), random.next(), random.next());
    let city = random.below(CITY.len() as u64) as usize;
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{{\"record_id\":\"{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}\",\"eventTime\":\"{time}\",\
         \"eventName\":\"{}\",\"eventSource\":\"payments.example.com\",\"region\":\"{}\",\
         \"sourceIPAddress\":\"10.{}.{}.{}\",\"userAgent\":\"{}\",\"requestID\":\"{b:016X}\",\
         \"physician_id\":{physician},\"physician_first_name\":\"{}\",\"physician_last_name\":\"{}\",\
         \"physician_specialty\":\"{}\",\"recipient_city\":\"{}\",\"recipient_state\":\"{}\",\
         \"recipient_zip\":\"{:05}\",\"manufacturer_name\":\"{}\",\"nature_of_payment\":\"{}\",\
         \"form_of_payment\":\"{}\",\"amount\":{amount},\"payments\":{},\"disputed\":{},\
         \"product\":\"Product {}\",",
        a as u32,
        a >> 48,
        a >> 32 & 0xfff,
        b & 0xfff,
        c & 0xffff_ffff_ffff,
        random.pick(EVENT),
        random.pick(REGION),
        a & 255,
        b & 255,
        c & 255,
        random.pick(AGENT),
        random.pick(FIRST),
        random.pick(LAST),
        random.pick(SPECIALTY),
        CITY[city],
        STATE[city],
        random.below(100_000),
        random.pick(MAKER),
        random.pick(NATURE),
        random.pick(FORM),
        1 + random.below(4),
        random.below(50) == 0,
        random.below(300),
    );
    let _ = write!(
        text,
        "\"userIdentity\":{{\"type\":\"AssumedRole\",\"principalId\":\"AROA{a:016X}:user-{user}\",\
         \"arn\":\"arn:aws:sts::{account}:assumed-role/payments/user-{user}\",\"accountId\":\"{account}\",\
         \"sessionContext\":{{\"attributes\":{{\"mfaAuthenticated\":\"{}\",\"creationDate\":\"{date}T00:00:00Z\"}},\
         \"sessionIssuer\":{{\"type\":\"Role\",\"principalId\":\"AROA{:08X}\",\"userName\":\"payments\"}}}}}},\
         \"tags\":{{\"team\":\"{}\",\"cost-center\":\"{}\"}},\
         \"requestParameters\":{{\"batch\":\"{}\",\"sequence\":\"{id}\"}},\
         \"resources\":[",
        random.below(2) == 0,
        account,
        random.pick(&["billing", "research", "outreach"]),
        random.below(90),
        id / 1_000,
    );
    for resource in 0..=random.below(2) {
        let comma = if resource == 0 { "" } else { "," };
        let _ =
            write!(text, "{comma}{{\"type\":\"Study\",\"id\":\"study-{}\"}}", random.below(5_000));
    }
    text.push_str("]}");
    expected.records += 1;
    if cents > 0 {
        expected.rows += 1;
        expected.cents += cents;
        *expected.rows_by_date.entry(date).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_data_of_the_promised_size() {
        let folder = std::env::temp_dir().join(format!("lockgate-bench-{}", std::process::id()));
        let first = generate(&folder.join("a"), 2, 100).unwrap();
        let again = generate(&folder.join("b"), 2, 100).unwrap();
        assert_eq!(first, again);
        let text = |name: &str| fs::read(folder.join(name).join("payments-00001.json")).unwrap();
        assert_eq!(text("a"), text("b"));
        assert_eq!(first.records, 200);
        let size = first.bytes / first.records;
        assert!((1_250..1_300).contains(&size), "{size} bytes a record");
        assert!(first.rows < 200, "some amounts are zero or less");
        assert_eq!(first.rows_by_date.values().sum::<u64>(), first.rows);
        assert_eq!(Expected::parse(&first.to_string()), Some(first));
        fs::remove_dir_all(folder).unwrap();
    }
}
