//! A place and a record give ARNs.

use std::borrow::Cow;

use super::row::{Place, Row};
use crate::record::{Arn, Event, Piece, pieces};

/// What is wrong with a place in a record. The text continues after the event name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("has no `{0}`")]
    Absent(String),
    #[error("has no `{path}`: CloudTrail left out `{part}`, which is larger than 100 KB")]
    LeftOut { path: String, part: String },
    #[error("has no account")]
    NoAccount,
    #[error("names nothing to look up a {0} by")]
    NothingToLookUpBy(&'static str),
    #[error("names `{0}`, expected an ARN")]
    NotAnArn(String),
    #[error("names `{found}`, expected an ARN of {service}")]
    OtherService { found: String, service: &'static str },
    #[error("names `{found}`, expected an ARN of a {resource_type}")]
    OtherType { found: String, resource_type: &'static str },
    #[error("names `{0}`, which is of another account or partition")]
    NotOurs(String),
    #[error("names the account {account} as `{member}`")]
    OtherOwner { member: &'static str, account: String },
    #[error("has the ARN `{found}` at `{path}`, expected a name or id")]
    ArnInsteadOfName { found: String, path: String },
}

impl Problem {
    /// Nothing is at this path.
    pub(super) fn absent(path: &str, event: &Event) -> Self {
        match event.leaves_out(path) {
            Some(part) => Self::LeftOut { path: path.to_owned(), part: part.to_owned() },
            None => Self::Absent(path.to_owned()),
        }
    }
}

/// The result of looking at a place.
enum Resolved {
    Found(Vec<Arn>),
    /// A list that should hold it is there, and empty: no task was placed, no rule was new.
    EmptyList,
    Missing(Problem),
}

/// The resources at the first place that has any; none if a list of them is empty. Otherwise what is
/// wrong with the first place, which is the best.
pub(super) fn in_record(places: &[Place], row: &Row, event: &Event) -> Result<Vec<Arn>, Problem> {
    let (mut first_problem, mut empty_list) = (None, false);
    for place in places {
        match resolve(*place, row, event) {
            Resolved::Found(arns) => return Ok(arns),
            Resolved::EmptyList => empty_list = true,
            // No ARN of ours is built after one of another account was found.
            Resolved::Missing(problem @ Problem::NotOurs(_)) => return Err(problem),
            Resolved::Missing(problem) => first_problem = first_problem.or(Some(problem)),
        }
    }
    match first_problem {
        Some(problem) if !empty_list => Err(problem),
        _ => Ok(Vec::new()),
    }
}

fn resolve(place: Place, row: &Row, event: &Event) -> Resolved {
    let path: Cow<'_, str> = match place {
        Place::Path(path) | Place::Id(path) => path.into(),
        Place::Object(type_name) => object_id(type_name).into(),
        Place::ArnFormat(format) | Place::Resource(format) => {
            return match filled(place, format, row, event) {
                Ok(texts) => checked(texts.iter().map(String::as_str), row, event),
                Err(Problem::Absent(_)) if has_empty_list(format, event) => Resolved::EmptyList,
                Err(problem) => Resolved::Missing(problem),
            };
        }
    };
    let mut texts = event.texts_at_place(&path);
    // A whole ARN shows by itself whether it is of the row's type; a name or id does not.
    if let (Place::Path(path), true) = (place, texts.is_empty()) {
        texts = event.texts_without_wrapper(path);
    }
    if texts.is_empty() {
        return match event.has_empty_list(&path) {
            true => Resolved::EmptyList,
            false => Resolved::Missing(Problem::absent(&path, event)),
        };
    }
    if let Place::Path(_) = place {
        return checked(texts.iter().map(AsRef::as_ref), row, event);
    }
    let prefix = match prefix_in_record(row, event) {
        Ok(prefix) => prefix,
        Err(problem) => return Resolved::Missing(problem),
    };
    if let Some(arn) = texts.iter().find(|text| text.starts_with("arn:")) {
        let found = arn.clone().into_owned();
        return Resolved::Missing(Problem::ArnInsteadOfName { found, path: path.into_owned() });
    }
    let arns: Vec<String> = texts.iter().map(|id| format!("{prefix}{}/{id}", row.type_name())).collect();
    checked(arns.iter().map(String::as_str), row, event)
}

/// `vpc-endpoint` → `responseElements.vpcEndpoint.vpcEndpointId`.
fn object_id(type_name: &str) -> String {
    let mut name = String::with_capacity(type_name.len());
    for (nth, word) in type_name.split('-').enumerate() {
        let (first, rest) = word.split_at(usize::from(nth > 0 && !word.is_empty()));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    format!("responseElements.{name}.{name}Id")
}

/// How ARNs of the row begin in the record's Region and account.
fn prefix_in_record(row: &Row, event: &Event) -> Result<String, Problem> {
    if event.region().is_empty() && !row.without_region {
        return Err(Problem::Absent("awsRegion".to_owned()));
    }
    let account = match row.without_account {
        true => Cow::Borrowed(""),
        false => event.account().ok_or(Problem::NoAccount)?,
    };
    Ok(arn_prefix(row, event.partition(), event.region(), &account))
}

/// `arn:aws:ec2:eu-west-1:111122223333:`, without what ARNs of the row's type leave empty.
pub(super) fn arn_prefix(row: &Row, partition: &str, region: &str, account: &str) -> String {
    let region = if row.without_region { "" } else { region };
    let account = if row.without_account { "" } else { account };
    format!("arn:{partition}:{}:{region}:{account}:", row.service_in_arns())
}

/// Whether a list that should fill one of the format's variables is empty.
fn has_empty_list(format: &str, event: &Event) -> bool {
    pieces(format).any(|piece| matches!(piece, Piece::Variable(path) if event.has_empty_list(path)))
}

/// The ARNs in these texts, if each is one that the row may find.
fn checked<'a>(texts: impl Iterator<Item = &'a str>, row: &Row, event: &Event) -> Resolved {
    match texts.map(|text| arn_of_row(text, row, event)).collect() {
        Ok(arns) => Resolved::Found(arns),
        Err(problem) => Resolved::Missing(problem),
    }
}

fn arn_of_row(text: &str, row: &Row, event: &Event) -> Result<Arn, Problem> {
    let found = text.to_owned();
    let Some(arn) = Arn::parse(text) else { return Err(Problem::NotAnArn(found)) };
    let service = row.service_in_arns();
    if arn.service() != service {
        return Err(Problem::OtherService { found, service });
    }
    if !belongs(&arn, event.partition(), event.account().as_deref()) {
        return Err(Problem::NotOurs(found));
    }
    if !is_of_type(&arn, row) {
        return Err(Problem::OtherType { found, resource_type: row.resource_type });
    }
    Ok(arn)
}

/// Whether an ARN is one of the row's service and type.
pub(super) fn is_of_type(arn: &Arn, row: &Row) -> bool {
    arn.service() == row.service_in_arns() && starts_with_ignoring_case(arn.resource(), row.resource_prefix)
}

/// Records and answers also name resources of other accounts. Some ARNs have no account.
pub(super) fn belongs(arn: &Arn, partition: &str, account: Option<&str>) -> bool {
    let own = account.is_none_or(|account| account == arn.account());
    arn.partition() == partition && (own || arn.account().is_empty())
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Fills a format; a variable with several values gives several ARNs.
fn filled(place: Place, format: &str, row: &Row, event: &Event) -> Result<Vec<String>, Problem> {
    let mut arns = vec![match place {
        Place::Resource(_) => prefix_in_record(row, event)?,
        _ => String::new(),
    }];
    for piece in pieces(format) {
        let (path, values) = match piece {
            Piece::Text(text) => {
                arns.iter_mut().for_each(|arn| arn.push_str(text));
                continue;
            }
            Piece::Variable(path @ "Partition") => (path, vec![Cow::Borrowed(event.partition())]),
            Piece::Variable(path @ "Region") if event.region().is_empty() => (path, Vec::new()),
            Piece::Variable(path @ "Region") => (path, vec![Cow::Borrowed(event.region())]),
            Piece::Variable(path @ "Account") => (path, event.account().into_iter().collect()),
            Piece::Variable(path) => (path, names(path, row, event)),
        };
        if values.is_empty() {
            return Err(Problem::absent(path, event));
        }
        // Requests accept ARNs in place of names and ids.
        if let Some(arn) = values.iter().find(|value| value.starts_with("arn:")) {
            let found = arn.clone().into_owned();
            return Err(Problem::ArnInsteadOfName { found, path: path.to_owned() });
        }
        let extended = |start: &String, value: &str| format!("{start}{}", without_repetition(start, value));
        arns = arns.iter().flat_map(|start| values.iter().map(|value| extended(start, value))).collect();
    }
    Ok(arns)
}

fn names<'a>(path: &str, row: &Row, event: &'a Event) -> Vec<Cow<'a, str>> {
    let texts = event.texts_at_place(path);
    match row.lower_case {
        true => texts.iter().map(|text| Cow::Owned(text.to_lowercase())).collect(),
        false => texts,
    }
}

/// Route 53 answers with the id `/hostedzone/Z1`, and the ARN ends in `hostedzone/Z1`.
fn without_repetition<'a>(start: &str, value: &'a str) -> &'a str {
    let repeated = value.strip_prefix('/').and_then(|rest| {
        let (first, id) = rest.split_once('/')?;
        start.strip_suffix('/')?.ends_with(first).then_some(id)
    });
    repeated.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::super::row::row;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_empty_list_at_any_place_means_that_nothing_was_created() {
        const ROW: Row = row("CreateFlow", "mediaconnect:Source", PLACES);
        const PLACES: &[Place] =
            &[Place::Path("responseElements.source.arn"), Place::Path("responseElements.sources[].arn")];
        let found = |response: Value| {
            let record = json!({"eventSource": "mediaconnect.amazonaws.com", "eventName": "CreateFlow",
                "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "responseElements": response});
            in_record(PLACES, &ROW, &Event::from_json(record).expect("a record"))
        };
        assert_eq!(found(json!({"sources": []})), Ok(Vec::new()));
        assert_eq!(found(json!({})), Err(Problem::Absent("responseElements.source.arn".into())));
    }
}
