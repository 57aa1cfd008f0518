//! What each notation reads, and what is refused with which words.

use super::read;
use crate::format::Format;
use crate::reason::Reason;

/// 2024-05-17T17:04:05Z.
const MAY_17: i64 = 1_715_965_445_000_000;

#[test]
fn every_notation_reads_the_same_moment() {
    for (format, zone, text) in [
        ("yyyy-MM-dd'T'HH:mm:ssX", "UTC", "2024-05-17T17:04:05Z"),
        ("yyyy-MM-dd'T'HH:mm:ssX", "UTC", "2024-05-17t17:04:05z"),
        ("yyyy-MM-dd'T'HH:mm:ssX", "UTC", "2024-05-17T19:04:05+02"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "UTC", "2024-05-17T12:34:05-04:30"),
        ("yyyyMMddHHmmss", "UTC", "20240517170405"),
        ("yyyyMMddHHmmssSSS", "UTC", "20240517170405000"),
        ("yyyy-MM-dd HH:mm:ss", "Europe/Paris", "2024-05-17 19:04:05"),
        ("yyyy-MM-dd HH:mm:ss", "+02:00", "2024-05-17 19:04:05"),
        ("yyyy-MM-dd HH:mm:ss z", "UTC", "2024-05-17 10:04:05 PDT"),
        ("yyyy-MM-dd HH:mm:ss z", "UTC", "2024-05-17 19:04:05 Europe/Paris"),
        ("yyyy-MM-dd HH:mm:ss VV", "UTC", "2024-05-17 10:04:05 America/Los_Angeles"),
        ("yyyy-MM-dd HH:mm:ss VV", "Asia/Tokyo", "2024-05-17 17:04:05 GMT0"),
        ("yyyy-MM-dd HH:mm:ss VV", "Asia/Tokyo", "2024-05-17 18:04:05 UTC+1"),
        ("yyyy-MM-dd HH:mm:ss VV", "Asia/Tokyo", "2024-05-17 17:04:05 Z"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX'['VV']'", "UTC", "2024-05-17T19:04:05+02:00[Europe/Paris]"),
        ("EEE, dd MMM yyyy HH:mm:ss z", "UTC", "Fri, 17 May 2024 17:04:05 GMT"),
        ("d.M.yy h:mm:ss a", "UTC", "17.5.24 5:04:05 pm"),
        ("yyyy-DDD N", "UTC", "2024-138 61445000000000"),
        ("iso8601", "UTC", "2024-05-17T17:04:05Z"),
        ("iso8601", "UTC", " 2024-05-17 17:04:05.000 \n"),
        ("iso8601", "UTC", "20240517T170405Z"),
        ("iso8601", "UTC", "2024-05-17T19:04:05,0+0200"),
        ("iso8601", "UTC", "2024-05-17 19:04:05 +02"),
        ("iso8601", "Europe/Paris", "2024-05-17T19:04:05"),
        ("epoch_s", "UTC", "1715965445"),
        ("epoch_ms", "Europe/Paris", "1715965445000"),
        ("epoch_us", "UTC", "1715965445000000"),
        ("strftime:%Y-%m-%dT%H:%M:%S%z", "UTC", "2024-05-17T17:04:05+0000"),
        ("strftime:%d/%b/%Y:%T %z", "UTC", "17/May/2024:19:04:05 +02:00"),
        ("strftime:%A, %B %e, %y %r", "UTC", "friday, May 17, 24 05:04:05 PM"),
        ("strftime:%F %T.%f %Z", "UTC", "2024-05-17 12:04:05.000 CDT"),
    ] {
        assert_eq!(read(format, zone, text), Ok(MAY_17), "{format} {text}");
    }
}

#[test]
fn fractions_are_cut_to_microseconds() {
    for (format, text, micros) in [
        ("iso8601", "2024-05-17T17:04:05.1Z", 100_000),
        ("iso8601", "2024-05-17T17:04:05.123456789123Z", 123_456),
        ("yyyy-MM-dd HH:mm:ss.SSS", "2024-05-17 17:04:05.7", 700_000),
        ("yyyy-MM-dd HH:mm:ss[.SSSSSS]", "2024-05-17 17:04:05", 0),
        ("yyyy-MM-dd HH:mm:ss[.SSSSSS]", "2024-05-17 17:04:05.000009", 9),
        ("strftime:%F %T.%f", "2024-05-17 17:04:05.25", 250_000),
    ] {
        assert_eq!(read(format, "UTC", text), Ok(MAY_17 + micros), "{format} {text}");
    }
    let too_many = read("yyyy-MM-dd HH:mm:ss.SSS", "UTC", "2024-05-17 17:04:05.1234");
    assert_eq!(too_many, Err(Reason::Mismatch));
}

#[test]
fn each_reason_has_its_texts() {
    let usual = "yyyy-MM-dd'T'HH:mm:ssX";
    for (format, text, reason) in [
        (usual, "", Reason::Mismatch),
        (usual, "2024-05-17", Reason::Mismatch),
        (usual, "2024-05-17T17:04:05Z ", Reason::Mismatch),
        (usual, "2024-05-17T17:04:05+02:00", Reason::Mismatch),
        (usual, "2024-05-17T17:04:05٣", Reason::Mismatch),
        (usual, "2024-13-17T17:04:05Z", Reason::FieldRange),
        (usual, "2024-05-17T24:00:00Z", Reason::FieldRange),
        (usual, "2024-05-17T17:04:05+19", Reason::FieldRange),
        (usual, "2023-02-29T17:04:05Z", Reason::NoSuchDay),
        (usual, "1900-02-29T17:04:05Z", Reason::NoSuchDay),
        (usual, "2024-04-31T17:04:05Z", Reason::NoSuchDay),
        (usual, "2016-12-31T23:59:60Z", Reason::LeapSecond),
        (usual, "0000-05-17T17:04:05Z", Reason::OutOfRange),
        (usual, "+10000-05-17T17:04:05Z", Reason::OutOfRange),
        ("iso8601", "2016-12-31T23:59:60Z", Reason::LeapSecond),
        ("iso8601", "2016-366", Reason::Mismatch),
        ("iso8601", "2016-12-31T", Reason::Mismatch),
        ("iso8601", "2016-12-31T23", Reason::Mismatch),
        ("yyyy-DDD", "2023-366", Reason::NoSuchDay),
        ("yyyy-MM-DDD", "2023-05-001", Reason::Conflict),
        ("EEE dd MMM yyyy", "Mon 17 May 2024", Reason::Conflict),
        ("yyyy-MM-dd HH:mm a", "2024-05-17 17:04 AM", Reason::Conflict),
        ("HH:mm H", "17:04 18", Reason::Conflict),
        ("HH:mm VV", "17:04 Europe/Atlantis", Reason::UnknownZone),
        ("HH:mm z", "17:04 IST", Reason::UnknownZone),
        ("epoch_s", "1715965445000", Reason::OutOfRange),
    ] {
        assert_eq!(read(format, "UTC", text), Err(reason), "{format} {text}");
    }
}

#[test]
fn missing_fields_are_those_of_the_start_of_1970() {
    assert_eq!(read("HH:mm", "UTC", "01:02"), Ok(3_720_000_000));
    assert_eq!(read("dd", "UTC", "16"), Ok(15 * 86_400_000_000));
    assert_eq!(read("a", "UTC", "PM"), Ok(12 * 3_600_000_000));
    assert_eq!(read("hh:mm", "UTC", "05:04"), Ok(5 * 3_600_000_000 + 240_000_000));
    assert_eq!(read("hh:mm", "UTC", "17:04"), Err(Reason::FieldRange));
}

#[test]
fn skipped_and_repeated_local_times_follow_java_time() {
    let read = |text| read("yyyy-MM-dd HH:mm", "America/Los_Angeles", text).unwrap();
    assert_eq!(read("2024-03-10 02:30"), read("2024-03-10 03:30"));
    assert_eq!(read("2024-11-03 02:00") - read("2024-11-03 01:30"), 90 * 60 * 1_000_000);
}

#[test]
fn refused_formats_say_what_to_write_instead() {
    for (format, hint) in [
        ("YYYY-MM-dd", "write `y`"),
        ("yyyy-'W'ww", "write `D`"),
        ("yyyy-MM-dd e", "`E`"),
        ("c", "`E`"),
        ("yyyy Q", "write `MM`"),
        ("F", "write `dd`"),
        ("A", "HH:mm:ss.SSS"),
        ("B", "write `a`"),
        ("ppH", "write the letter once"),
        ("dd/MMMMM/yyyy", "`MMM` or `MMMM`"),
        ("EEEEE", "`EEE` or `EEEE`"),
        ("ddd", "write `dd`"),
        ("yyyyyyy", "write `yyyy`"),
        ("V", "write `VV`"),
        ("OO", "write `O`"),
        ("XXXXXX", "write `XXX`"),
        ("SSSSSSSSSS", "write `SSSSSSSSS`"),
        ("yyyy-MM-ddTHH:mm", "quote text: `'T'`"),
        ("yyyy-MM-dd'T", "never closed"),
        ("yyyy]", "closes no `[`"),
        ("yyyy#", "quote it"),
        ("", "empty"),
        ("ISO-8601", "write `iso8601`"),
        ("epoch", "write `epoch_s`"),
        ("epoch_ns", "`epoch_us`"),
        ("%Y-%m-%d", "write `strftime:%Y-%m-%d`"),
    ] {
        let error = Format::compile(format).unwrap_err().message;
        assert!(error.contains(hint), "{format}: {error}");
    }
}

#[test]
fn classic_mistakes_are_warned_about() {
    for (format, hint) in [
        ("yyyy-MM-dd hh:mm:ss", "write `HH`"),
        ("KK:mm", "write `HH`"),
        ("HH:mm a", "write `hh`"),
        ("yyyy-mm-dd", "write `MM`"),
        ("yyyy-MM-DD", "write `dd`"),
        ("HH:mm:SS", "write `ss`"),
        ("strftime:%I:%M", "write `%H`"),
    ] {
        let warnings = Format::compile(format).unwrap().warnings();
        assert!(warnings.len() == 1 && warnings[0].contains(hint), "{format}: {warnings:?}");
    }
    for format in ["yyyy-MM-dd'T'HH:mm:ss.SSSX", "hh:mm a", "'hh' HH", "yyyy-DDD", "iso8601"] {
        assert!(Format::compile(format).unwrap().warnings().is_empty(), "{format}");
    }
}

#[test]
fn mistakes_know_their_place() {
    for (format, part) in [
        ("YYYY-MM-dd", "YYYY"),
        ("yyyy-MMMMM-dd", "MMMMM"),
        ("yyyy-MM-ddTHH", "T"),
        ("HH:mm'h", "'"),
        ("é]", "]"),
        ("strftime:%Y %Q", "%Q"),
        ("strftime:%Y %", "%"),
    ] {
        let at = Format::compile(format).unwrap_err().at.unwrap();
        assert_eq!(&format[at], part, "{format}");
    }
}
