//! Reads one record in one pass: checks that it is JSON, takes the fields that decide, and copies it without spaces
//! and session tokens. Strict: what is not written as CloudTrail writes it is *odd*, and left to `serde_json`.

mod plain;
mod reader;

use reader::{Reader, Value};

pub(crate) use reader::TOKEN;

/// The fields of a record that decide whether it is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) source: &'a str,
    pub(crate) name: &'a str,
    pub(crate) id: Option<&'a str>,
    pub(crate) time: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) category: Option<&'a str>,
    pub(crate) failed: bool,
    pub(crate) reads: bool,
}

/// The record is not written as CloudTrail writes records, or is no JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Odd;

/// Reads a record, and appends it to `copy`; what was appended is only meant if it is not odd.
pub(crate) fn read<'a>(record: &'a str, copy: &mut Vec<u8>) -> Result<Head<'a>, Odd> {
    let (mut head, mut seen) = (Head::default(), 0);
    Reader::new(record, copy).object(&mut |key, value| field(&mut head, &mut seen, key, &value))?;
    let is_call = !head.source.is_empty() && !head.name.is_empty();
    is_call.then_some(head).ok_or(Odd)
}

/// The fields that decide, and a bit for each: one that comes twice is odd.
const FIELDS: [&str; 10] = [
    "eventSource",
    "eventName",
    "eventID",
    "eventTime",
    "awsRegion",
    "recipientAccountId",
    "eventCategory",
    "errorCode",
    "readOnly",
    // An envelope, not a record.
    "detail",
];

fn field<'a>(head: &mut Head<'a>, seen: &mut u16, key: &str, value: &Value<'a>) -> Result<(), Odd> {
    let Some(nth) =
        FIELDS.iter().position(|field| field.len() == key.len() && field.eq_ignore_ascii_case(key))
    else {
        // The core reads `event-id` as `eventID`.
        return if key.contains(['-', '_']) { Err(Odd) } else { Ok(()) };
    };
    if FIELDS[nth] != key || *seen >> nth & 1 == 1 {
        return Err(Odd);
    }
    *seen |= 1 << nth;
    match nth {
        0 => head.source = value.text()?.ok_or(Odd)?,
        1 => head.name = value.text()?.ok_or(Odd)?,
        2 => head.id = value.text()?,
        3 => head.time = value.text()?,
        4 => head.region = value.text()?,
        5 => head.account = value.text()?,
        6 => head.category = value.text()?,
        7 => head.failed = value.text()?.is_some(),
        8 => {
            head.reads = match value {
                Value::True => true,
                Value::False | Value::Null => false,
                _ => return Err(Odd),
            }
        }
        _ => return Err(Odd),
    }
    Ok(())
}

impl<'a> Value<'a> {
    /// A text that is as it is written, or nothing.
    fn text(&self) -> Result<Option<&'a str>, Odd> {
        match self {
            // Texts that are blank or begin in another way may be CloudTrail's marks for what it hides.
            Self::Text(text)
                if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.starts_with("HIDDEN") =>
            {
                Ok(Some(text))
            }
            Self::Null => Ok(None),
            _ => Err(Odd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(record: &str) -> Result<String, Odd> {
        let mut copy = Vec::new();
        read(record, &mut copy)?;
        Ok(String::from_utf8(copy).expect("UTF-8"))
    }

    #[test]
    fn a_record_is_copied_without_spaces_and_tokens() {
        for (record, copy) in [
            (r#"{"eventSource":"a","eventName":"B"}"#, r#"{"eventSource":"a","eventName":"B"}"#),
            (
                "{ \"eventSource\" : \"a\",\r\n\t\"eventName\": \"B\", \"x\": [ 1 , -2.5, { } , [ ] , \" a \\\" \" ] }",
                r#"{"eventSource":"a","eventName":"B","x":[1,-2.5,{},[]," a \" "]}"#,
            ),
            (
                r#"{"eventSource":"a","eventName":"B","c":{"sessionToken": "s\"ecret","SESSIONTOKEN":"x","k":null}}"#,
                r#"{"eventSource":"a","eventName":"B","c":{"sessionToken":"","SESSIONTOKEN":"","k":null}}"#,
            ),
            (
                r#"{"eventSource":"a","eventName":"B","c":"\"sessionToken\":\"text\""}"#,
                r#"{"eventSource":"a","eventName":"B","c":"\"sessionToken\":\"text\""}"#,
            ),
        ] {
            assert_eq!(copied(record).as_deref(), Ok(copy), "{record}");
        }
    }

    #[test]
    fn the_fields_that_decide_are_those_of_the_record_itself() {
        let mut copy = Vec::new();
        let record = r#"{"x":{"eventName":"Y","errorCode":"Z"},"eventSource":"s","eventName":"N","eventID":"1","readOnly":true,
            "eventTime":"2025","awsRegion":"r","recipientAccountId":"1","eventCategory":"Data","errorCode":null}"#;
        let head = read(record, &mut copy).expect("a record");
        let expected = Head {
            source: "s",
            name: "N",
            id: Some("1"),
            time: Some("2025"),
            region: Some("r"),
            account: Some("1"),
            category: Some("Data"),
            failed: false,
            reads: true,
        };
        assert_eq!(head, expected);
    }

    #[test]
    fn what_cloudtrail_does_not_write_is_odd() {
        let deep = format!(r#""x":{}1{}"#, "[".repeat(80), "]".repeat(80));
        for rest in [
            r#""eventName":"C""#,
            r#""errorcode":"C""#,
            r#""error-code":"C""#,
            r#""error\u0043ode":"C""#,
            r#""errorCode":" ""#,
            r#""errorCode":"HIDDEN_DUE_TO_SECURITY_REASONS""#,
            r#""readOnly":"true""#,
            r#""detail":{}"#,
            r#""x":1e999"#,
            r#""x":01"#,
            r#""x":1."#,
            r#""x":12345678901234567890"#,
            r#""x":1234567890.1234567890"#,
            r#""x":"\ud800""#,
            r#""x":"\x""#,
            "\"x\":\"\t\"",
            r#""x":tru"#,
            r#""x":[1,]"#,
            r#""x":]"#,
            r#""sessionToken":{"a":1}"#,
            deep.as_str(),
        ] {
            let record = format!(r#"{{"eventSource":"a","eventName":"B",{rest}}}"#);
            assert_eq!(copied(&record), Err(Odd), "{record}");
        }
        for record in ["", "{}", "[]", r#"{"eventSource":"a"}"#, r#"{"eventSource":"a","eventName":"B"}}"#] {
            assert_eq!(copied(record), Err(Odd), "{record}");
        }
    }
}
