//! Commands that messages give, as a shell takes them.

/// Words as one command line of POSIX's shells.
pub(crate) fn line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A flag and its value, if it was given.
pub(crate) fn flag(name: &str, value: Option<&str>) -> Vec<String> {
    value.map(|value| vec![name.to_owned(), value.to_owned()]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{flag, line};

    #[test]
    fn only_what_a_shell_would_read_otherwise_is_quoted() {
        let words = ["undo", "2026-11-26-k3", "--arn", "arn:aws:sqs:*:it's", ""].map(str::to_owned);
        assert_eq!(line(&words), r"undo 2026-11-26-k3 --arn 'arn:aws:sqs:*:it'\''s' ''");
        assert_eq!(line(&flag("--state", Some("/var/the state"))), "--state '/var/the state'");
        assert_eq!(flag("--state", None), Vec::<String>::new());
    }
}
