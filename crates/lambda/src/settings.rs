//! Settings that the templates give both functions: what is around them, and not what they do.

use aws_tags::Arn;

use crate::Error;

/// The name of the session table, which has no default.
pub fn session_table() -> Result<String, Error> {
    let name = variable("SESSION_TABLE").unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match (3..=255).contains(&name.len()) && name.chars().all(allowed) {
        true => Ok(name),
        false => Err(format!(
            "SESSION_TABLE is `{name}`, allowed: the name of a DynamoDB table, 3 to 255 letters, digits, `_`, `.`, `-`"
        )
        .into()),
    }
}

/// Processes of the function that run at most: they share AWS's quotas. One if nothing is said.
pub(crate) fn processes() -> Result<u32, Error> {
    let Some(text) = variable("MAXIMUM_CONCURRENCY") else { return Ok(1) };
    match text.parse() {
        Ok(count) if (1..=1000).contains(&count) => Ok(count),
        _ => Err(format!("MAXIMUM_CONCURRENCY is `{text}`, allowed: a number from 1 to 1000").into()),
    }
}

/// The queue for what the function gives up. Without one, it leaves that to the queue that it reads.
pub(crate) fn dead_letters() -> Result<Option<Arn>, Error> {
    let Some(text) = variable("DEAD_LETTER_QUEUE_ARN") else { return Ok(None) };
    match Arn::parse(&text).filter(|arn| arn.service() == "sqs") {
        Some(arn) => Ok(Some(arn)),
        None => Err(format!("DEAD_LETTER_QUEUE_ARN is `{text}`, allowed: the ARN of an SQS queue").into()),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
