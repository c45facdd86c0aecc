//! What AWS says, without anything that tells whose account was asked.

use aws_tags::probing::Invented;

use crate::error::Error;
use aws_tags::ports::FailureKind;

/// Characters of a message that are kept.
const MOST: usize = 200;

/// Words with digits from this length on are ids of requests, sessions and the like.
const ID: usize = 12;

/// Code and message. A message about a permission or a connection is left out: it is about who asked.
pub(super) fn scrubbed(error: &Error, region: &str, invented: &Invented) -> String {
    let code = error.code.as_deref().unwrap_or_default();
    let about_us = matches!(error.failure_kind(), FailureKind::Denied | FailureKind::Transient);
    let message = invented.removed_from(error.message());
    match about_us || message.is_empty() || message.starts_with("HTTP status") {
        true => words(code, region),
        false => format!("{}: {}", words(code, region), words(&message, region)),
    }
}

/// Every word that may name something, by what it is.
fn words(text: &str, region: &str) -> String {
    let words = text.split_whitespace().map(|word| scrubbed_word(word, region));
    words.collect::<Vec<_>>().join(" ").chars().take(MOST).collect()
}

fn scrubbed_word(word: &str, region: &str) -> String {
    // An ARN ends with its word, but for what quotes it.
    if let Some((before, arn)) = word.split_once("arn:") {
        let end = arn.find(QUOTES).unwrap_or(arn.len());
        let after = arn.get(end..).unwrap_or_default();
        return format!("{}<arn>{}", scrubbed_word(before, region), scrubbed_word(after, region));
    }
    if word.contains("://") {
        return "<address>".to_owned();
    }
    let (mut scrubbed, mut rest) = (String::new(), word);
    while !rest.is_empty() {
        let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        scrubbed.push_str(stand_in(name, region));
        let next = after.chars().next();
        scrubbed.extend(next);
        rest = next.and_then(|c| after.get(c.len_utf8()..)).unwrap_or_default();
    }
    scrubbed
}

const QUOTES: &[char] = &['\'', '"', '`', ',', ';', ')', ']', '}'];

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.@+=%/".contains(c)
}

fn stand_in<'a>(name: &'a str, region: &str) -> &'a str {
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let is_loud = name.len() >= ID && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    match name {
        _ if name == region => "<region>",
        _ if name.contains('@') || name.contains('/') && digits > 0 => "<name>",
        _ if digits >= 4 && name.chars().all(|c| c.is_ascii_digit() || c == '.') => "<number>",
        _ if digits > 1 && name.len() >= ID || is_loud => "<id>",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_names_something() {
        for (said, left) in [
            (
                "Unrecognized service or resource type for tagging",
                "Unrecognized service or resource type for tagging",
            ),
            (
                "The specified ARN 'arn:aws:lex:us-east-1:111122223333:bot/X' is invalid.",
                "The specified ARN '<arn>' is invalid.",
            ),
            (
                "arn:aws:iam::111122223333:role/x is not a valid AmazonResourceName (ARN)",
                "<arn> is not a valid AmazonResourceName (ARN)",
            ),
            ("User 111122223333 of AROAEXAMPLEDEVELOPER:ann@example.com", "User <number> of <id>:<name>"),
            (
                "see https://example.com/111122223333, request 0a1b2c3d-0000-4000-8000-000000000001",
                "see <address> request <id>",
            ),
            ("in eu-west-1, from 10.0.0.17", "in <region>, from <number>"),
            (
                "'vpc-peering-connection' is not a recognized EC2ResourceType id ",
                "'vpc-peering-connection' is not a recognized EC2ResourceType id",
            ),
            ("the bucket team-a/data-2026 of x", "the bucket <name> of x"),
        ] {
            assert_eq!(words(said, "eu-west-1"), left);
        }
    }
}
