//! Settings that the templates give both functions: what is around them, and not what they do.

use aws_tags::Arn;
use aws_tags::settings::Monitoring;
use aws_tags::sweep::Sweep;
use aws_tags_aws::TableAddress;

use crate::Error;

/// Where the session table is, which has no default.
pub fn session_table() -> Result<TableAddress, Error> {
    let text = variable("SESSION_TABLE").unwrap_or_default();
    TableAddress::parse(&text).ok_or_else(|| {
        format!(
            "SESSION_TABLE is `{text}`, allowed: the name or ARN of a DynamoDB table; a name has 3 to 255 letters, digits, `_`, `.`, `-`"
        )
        .into()
    })
}

/// The Regions of the session-recorders: an absent session is final only when all have kept up. None are
/// watched if nothing is said.
pub fn recorder_regions() -> Vec<String> {
    regions("RECORDER_REGIONS")
}

/// What is swept, and the queue that the function reads. Nothing is, where no Region is named.
pub fn sweep() -> Result<Option<(Sweep, Arn)>, Error> {
    let regions = regions("SWEEP_REGIONS");
    if regions.is_empty() {
        return Ok(None);
    }
    let tier = variable("SERVICES").unwrap_or_default();
    let services = tier.parse().map_err(|allowed| format!("SERVICES is `{tier}`, {allowed}"))?;
    let queue = queue("CREATION_QUEUE_ARN")?.ok_or("SWEEP_REGIONS takes CREATION_QUEUE_ARN as well")?;
    Ok(Some((Sweep { regions, services }, queue)))
}

fn regions(name: &str) -> Vec<String> {
    let text = variable(name).unwrap_or_default();
    text.split(',').map(str::trim).filter(|region| !region.is_empty()).map(str::to_owned).collect()
}

/// Processes of the function that run at most: they share AWS's quotas. One if nothing is said.
pub(crate) fn processes() -> Result<u32, Error> {
    let Some(text) = variable("MAXIMUM_CONCURRENCY") else { return Ok(1) };
    match text.parse() {
        Ok(count) if (1..=1000).contains(&count) => Ok(count),
        _ => Err(format!("MAXIMUM_CONCURRENCY is `{text}`, allowed: a number from 1 to 1000").into()),
    }
}

/// How much both functions measure.
pub(crate) fn monitoring() -> Result<Monitoring, Error> {
    Ok(Monitoring::read(|name| std::env::var_os(name))?)
}

/// The queue for what the function gives up. Without one, it leaves that to the queue that it reads.
pub(crate) fn dead_letters() -> Result<Option<Arn>, Error> {
    queue("DEAD_LETTER_QUEUE_ARN")
}

fn queue(name: &str) -> Result<Option<Arn>, Error> {
    let Some(text) = variable(name) else { return Ok(None) };
    match Arn::parse(&text).filter(|arn| arn.service() == "sqs") {
        Some(arn) => Ok(Some(arn)),
        None => Err(format!("{name} is `{text}`, allowed: the ARN of an SQS queue").into()),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
