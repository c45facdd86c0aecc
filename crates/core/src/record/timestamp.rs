//! Times as CloudTrail writes them: several spellings for one instant.

use std::borrow::Cow;

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Records that passed through a database: `2024-12-12 16:04:32.000000000`, in UTC.
const WITH_SPACE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]]");
/// ISO 8601 without separators: `20131102T010628Z`, as some records have `creationDate`.
const BASIC: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second][optional [.[subsecond]]]Z");
/// `credentials.expiration` of STS, commas removed: `Jul 10 2023 12:09:47 PM`, in UTC.
const WITH_MONTH_NAME: &[BorrowedFormatItem<'_>] = format_description!(
    "[month repr:short case_sensitive:false] [day padding:none] [year] [hour padding:none repr:12]:[minute]:[second] [period case_sensitive:false]"
);

/// An instant in UTC from any of CloudTrail's spellings; `None` if the text matches none of them.
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    // Newer Java runtimes write a narrow no-break space before AM and PM.
    let text = match text.is_ascii() {
        true => Cow::Borrowed(text.trim()),
        false => Cow::Owned(text.trim().replace(['\u{202f}', '\u{a0}'], " ")),
    };
    OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| PrimitiveDateTime::parse(&text, WITH_SPACE).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| PrimitiveDateTime::parse(&text, BASIC).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| {
            PrimitiveDateTime::parse(&text.replace(',', ""), WITH_MONTH_NAME)
                .map(PrimitiveDateTime::assume_utc)
        })
        .ok()
        .map(|at| at.to_offset(time::UtcOffset::UTC))
}

/// ISO 8601 in UTC, to the second: `2024-12-12T16:04:32Z`. Sorts as text in the order of time.
pub fn format(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// A time in files of ours: `#[serde(with = "timestamp::required")]`.
pub mod required {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use time::OffsetDateTime;

    pub fn serialize<S: Serializer>(at: &OffsetDateTime, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&super::format(*at))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<OffsetDateTime, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || D::Error::custom(format!("`{text}` is no time such as 2026-11-26T20:15:00Z"));
        super::parse(&text).ok_or_else(wrong)
    }
}

/// A time in files of ours, absent where it is not known: `#[serde(with = "timestamp::optional")]`.
pub(crate) mod optional {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use time::OffsetDateTime;

    pub(crate) fn serialize<S: Serializer>(at: &Option<OffsetDateTime>, out: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => out.serialize_str(&super::format(*at)),
            None => out.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<OffsetDateTime>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let wrong = || D::Error::custom(format!("`{text}` is no time such as 2026-11-26T20:15:00Z"));
        super::parse(&text).map(Some).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_cloudtrail_is_the_same_instant() {
        for text in [
            "2023-07-10T12:09:47Z",
            "2023-07-10T14:09:47+02:00",
            "2023-07-10 12:09:47",
            "20230710T120947Z",
            "20230710T120947.000Z",
            "2023-07-10 12:09:47.000000000",
            "Jul 10, 2023 12:09:47 PM",
            "Jul 10, 2023, 12:09:47 PM",
            "Jul 10, 2023, 12:09:47\u{202f}PM",
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Some("2023-07-10T12:09:47Z"), "{text}");
        }
        assert_eq!(parse("Jan 9, 2020 5:03:49 AM").map(format).as_deref(), Some("2020-01-09T05:03:49Z"));
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in ["", "soon", "2023-13-10T12:09:47Z", "10 Jul 2023"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
