//! A line of a reduction: a record as it was, without the spaces between its parts, and without session tokens.

/// The one member of records that is a secret: whoever has it, with its key, is the session.
const SECRET: &str = "sessiontoken";

/// The record of a JSON text as a line. Nothing is parsed into numbers or maps, so that nothing changes on the way.
pub(super) fn of(record: &str) -> String {
    let mut line = String::with_capacity(record.len());
    let mut rest = record;
    let mut secret = Secret::No;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let (text, after) = rest.split_at(string_length(rest));
            let is_value = matches!(secret, Secret::Value);
            line.push_str(if is_value { "\"\"" } else { text });
            secret = if !is_value && is_secret(text) { Secret::Key } else { Secret::No };
            rest = after;
            continue;
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
        match first {
            ' ' | '\t' | '\n' | '\r' => continue,
            ':' if matches!(secret, Secret::Key) => secret = Secret::Value,
            _ => secret = Secret::No,
        }
        line.push(first);
    }
    line
}

/// Whether a string, quotes included, is the key of a token, however it is spelled.
fn is_secret(text: &str) -> bool {
    match text.contains('\\') {
        false => text.trim_matches('"').eq_ignore_ascii_case(SECRET),
        true => serde_json::from_str::<String>(text).is_ok_and(|key| key.eq_ignore_ascii_case(SECRET)),
    }
}

/// Where the last string stands towards a token.
enum Secret {
    No,
    /// It may have been its key.
    Key,
    /// The next string is the token.
    Value,
}

/// Bytes of the string that a text begins with, both quotes included.
fn string_length(text: &str) -> usize {
    let mut is_escaped = true;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return place.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn spaces_go_and_all_else_stays() {
        let record = "{ \"a b\" : [ 1.50, 1e400 ,\t\"c : \\\" } d\\\\\" ],\n \"é\":null }";
        assert_eq!(of(record), "{\"a b\":[1.50,1e400,\"c : \\\" } d\\\\\"],\"é\":null}");
        assert_eq!(of("{\"cut"), "{\"cut");
        assert_eq!(of(""), "");
    }

    #[test]
    fn tokens_are_emptied_and_nothing_else_is() {
        let record =
            r#"{"credentials": {"accessKeyId": "A", "sessionToken" : "sec\"ret", "SessionToken":"x"}}"#;
        assert_eq!(of(record), r#"{"credentials":{"accessKeyId":"A","sessionToken":"","SessionToken":""}}"#);
        assert_eq!(of(r#"{"session\u0054oken":"x"}"#), r#"{"session\u0054oken":""}"#);
        let other = r#"["sessionToken","kept",{"k":"sessionToken","l":"kept"}]"#;
        assert_eq!(of(other), other);
    }
}
