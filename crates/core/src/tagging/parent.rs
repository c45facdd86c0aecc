//! Whose is it really: what a service created for another resource, its parent, belongs to the parent's owner.
//!
//! A parent counts only in the record of the service that acts, or of a role that the service was given, and only in
//! the record's own account: who else names one may name what it likes.

use std::borrow::Cow;
use std::fmt;

use super::shown::Shown;
use crate::identity::Principal;
use crate::record::{Arn, Event, Piece, pieces};
use crate::stacks::{CLOUDFORMATION, Stack};
use crate::table::{Named, PARENTS, ParentRow, Resource, STACK, of_type};
use crate::tags::{TagMap, starts_reserved};

/// Only AWS sets it, on all that a product has.
/// <https://docs.aws.amazon.com/servicecatalog/latest/adminguide/autotags.html>
const LAUNCHER: &str = "aws:servicecatalog:provisioningPrincipalArn";
const SERVICE_CATALOG: &str = "servicecatalog.amazonaws.com";

/// What a service created others for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// A resource, which is asked for its tags.
    Resource {
        /// Its type in people's words.
        title: &'static str,
        /// What the record calls it.
        name: String,
        resource: Box<Resource>,
    },
    /// A stack, whose deployers are remembered.
    Stack(Stack),
    /// A stack of this service role: the record does not tell which.
    StackOfRole(String),
    /// Who had Service Catalog launch a product: the person itself, without any lookup.
    Launcher(Arn),
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { title, name, .. } => write!(f, "{title} {name}"),
            Self::Stack(stack) => stack.fmt(f),
            Self::StackOfRole(role) => {
                write!(f, "a stack of role {}", role.rsplit('/').next().unwrap_or_default())
            }
            Self::Launcher(arn) => write!(f, "a product that {arn} launched"),
        }
    }
}

impl Parent {
    /// The parent of what an event created.
    pub fn of(event: &Event, principal: &Principal) -> Option<Self> {
        Self::all(event, principal).into_iter().next()
    }

    /// All that may be it, the surest first: who has no owner says nothing.
    pub fn all(event: &Event, principal: &Principal) -> Vec<Self> {
        let user_agent = event.text("userAgent").unwrap_or_default();
        let Some(service) = principal.acting_service(&user_agent) else { return Vec::new() };
        let mut rows = PARENTS.iter().filter(|row| row.service == service).peekable();
        let launches = [CLOUDFORMATION, SERVICE_CATALOG].contains(&service);
        if rows.peek().is_none() && !launches {
            return Vec::new();
        }
        let shown = Shown::by(event);
        let launcher = shown.requested(LAUNCHER).filter(|_| launches);
        let mut all: Vec<Self> = launcher.and_then(|arn| Self::launcher(&arn, event)).into_iter().collect();
        all.extend(rows.filter_map(|row| Self::named(row, event, &shown, principal)));
        if all.is_empty() && service == CLOUDFORMATION {
            let role = principal.issuer.as_ref().and_then(|issuer| issuer.arn.clone());
            all.extend(role.map(Self::StackOfRole));
        }
        all
    }

    /// The parent of a parent, by the tags on it that only AWS can set.
    pub(super) fn behind(tags: &TagMap, event: &Event) -> Option<Self> {
        PARENTS.iter().find_map(|row| match row.named {
            Named::Tag(key) if starts_reserved(key) => Self::located(row, event, tags.get(key)?.clone()),
            _ => None,
        })
    }

    fn launcher(arn: &str, event: &Event) -> Option<Self> {
        let arn = Arn::parse(arn)?;
        let is_ours = event.account().is_some_and(|own| arn.account() == own);
        (is_ours && arn.partition() == event.partition()).then_some(Self::Launcher(arn))
    }

    fn named(row: &ParentRow, event: &Event, shown: &Shown<'_>, principal: &Principal) -> Option<Self> {
        let after = |path: &str, start: &str| {
            let text = event.text(path)?;
            let (_, rest) = text.split_once(start)?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        let name = match row.named {
            Named::Tag(key) => shown.requested(key)?,
            Named::Tags(one, other) => format!("{}/{}", shown.requested(one)?, shown.requested(other)?),
            Named::Key(start) => shown.requested_key(start)?,
            Named::Between(path, start, end) => between(&event.text(path)?, start, end)?.to_owned(),
            Named::BeforeUuid(path, start, end) => before_uuid(&event.text(path)?, start, end)?.to_owned(),
            Named::At(path) => only(event.texts(path))?,
            Named::After(path, start) => after(path, start)?,
            Named::SessionAfter(path, start) => {
                after(path, start).filter(|name| principal.session_name() == Some(name.as_str()))?
            }
        };
        Self::located(row, event, name)
    }

    fn located(row: &ParentRow, event: &Event, name: String) -> Option<Self> {
        let text = match row.arn {
            // Requests take ARNs in place of names.
            Some(format) if !name.starts_with("arn:") => filled(format, event, &name)?,
            _ => name.clone(),
        };
        let arn = Arn::parse(&text)?;
        let own = event.account()?;
        if arn.account() != own || arn.partition() != event.partition() {
            return None;
        }
        if row.resource_type == STACK {
            return Stack::of_arn(&arn).map(Self::Stack);
        }
        let resource = of_type(row.resource_type, arn, event.region())?;
        let name = Arn::parse(&name).map_or(name, |arn| after_type(arn.resource()).to_owned());
        Some(Self::Resource { title: row.title, name, resource: Box::new(resource) })
    }
}

/// `web/1.0.0/1` of `image/web/1.0.0/1`.
fn after_type(resource: &str) -> &str {
    resource.split_once(['/', ':']).map_or(resource, |(_, name)| name)
}

/// The one value that all have.
fn only(mut texts: Vec<Cow<'_, str>>) -> Option<String> {
    texts.dedup();
    match texts.as_slice() {
        [one] => Some(one.clone().into_owned()),
        _ => None,
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split(end).next().filter(|name| !name.is_empty())
}

fn before_uuid<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    const LENGTH: usize = "7f59c3cf-00d2-40c7-b2ff-e75db0987002".len();
    let rest = text.strip_prefix(start)?;
    let (name, uuid) = rest.split_at_checked(rest.len().checked_sub(LENGTH)?)?;
    let is_uuid = uuid.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && uuid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    name.strip_suffix(end).filter(|name| is_uuid && !name.is_empty())
}

fn filled(format: &str, event: &Event, name: &str) -> Option<String> {
    let mut arn = String::with_capacity(format.len());
    for piece in pieces(format) {
        match piece {
            Piece::Text(text) => arn.push_str(text),
            Piece::Variable("Partition") => arn.push_str(event.partition()),
            Piece::Variable("Region") => arn.push_str(event.region()),
            Piece::Variable("Account") => arn.push_str(&event.account()?),
            Piece::Variable(_) => arn.push_str(name),
        }
    }
    Some(arn)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    /// Services that are given a role, and never call with a caller's session, whatever that is called.
    const OF_ANY_SESSION: &[&str] = &["dlm.amazonaws.com", "elasticmapreduce.amazonaws.com"];

    fn read(text: &str) -> Event {
        let mut file: Value = serde_json::from_str(text).expect("JSON");
        Event::from_json(file["detail"].take()).expect("a record")
    }

    /// All event files.
    fn files() -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
        let folders = fs::read_dir(root).expect("the folder").filter_map(Result::ok);
        let files = folders.filter_map(|folder| fs::read_dir(folder.path()).ok());
        let paths = files.flatten().map(|file| file.expect("readable").path());
        let is_event = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
        let text = |path: std::path::PathBuf| {
            (path.display().to_string(), fs::read_to_string(&path).expect("readable"))
        };
        paths.filter(is_event).map(text).filter(|(_, text)| text.contains("\"detail\": {")).collect()
    }

    fn parents(event: &Event) -> Vec<Parent> {
        Parent::all(event, &Principal::of(event))
    }

    /// The files in which a service names a parent.
    fn with_parent() -> Vec<(String, String)> {
        files().into_iter().filter(|(_, text)| !parents(&read(text)).is_empty()).collect()
    }

    fn person(session: &str, invoked_by: Option<&str>) -> Value {
        json!({"type": "AssumedRole", "principalId": format!("AROAX:{session}"), "accountId": "111122223333",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/dev/{session}"), "invokedBy": invoked_by,
            "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAX", "userName": "dev",
                "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:role/dev"}}})
    }

    #[test]
    fn every_row_names_a_parent_in_some_event_file() {
        let events: Vec<Event> = files().iter().map(|(_, text)| read(text)).collect();
        let names = |row: &&ParentRow, event: &&Event| {
            let (principal, shown) = (Principal::of(event), Shown::by(event));
            let agent = event.text("userAgent").unwrap_or_default();
            principal.acting_service(&agent) == Some(row.service)
                && Parent::named(row, event, &shown, &principal).is_some()
        };
        let silent: Vec<_> =
            PARENTS.iter().filter(|row| !events.iter().any(|event| names(row, &event))).collect();
        assert!(silent.is_empty(), "rows that no event file tries: {silent:#?}");
        let count = with_parent().len();
        assert!(count >= 30, "{count} files with a parent");
    }

    #[test]
    fn nobody_but_the_service_names_a_parent_whatever_the_request_says() {
        for (path, text) in with_parent() {
            let mut record = read(&text).to_json();
            let service = record["userIdentity"]["invokedBy"].as_str().map(str::to_owned);
            record["userAgent"] = json!("aws-cli/2.31.0");
            for session in
                ["ann", "AWSCloudFormation", "AWSBackup-dev", "aws-batch", "servicecatalog", "1777886400123"]
            {
                record["userIdentity"] = person(session, None);
                let event = Event::from_json(record.clone()).expect("a record");
                assert_eq!(parents(&event), [], "{path} by {session}");
            }
            // A service that continues its caller's session.
            record["userIdentity"] = person("ann", service.as_deref());
            let event = Event::from_json(record).expect("a record");
            let is_always = service.is_some_and(|service| OF_ANY_SESSION.contains(&service.as_str()));
            assert!(is_always || parents(&event).is_empty(), "{path} for a caller");
        }
    }

    #[test]
    fn a_parent_is_of_the_records_account_and_partition() {
        for (path, text) in with_parent() {
            let mut record = read(&text).to_json();
            for member in ["requestParameters", "responseElements"] {
                let theirs = record[member].to_string().replace("111122223333", "444455556666");
                record[member] = serde_json::from_str(&theirs).expect("JSON");
            }
            let event = Event::from_json(record).expect("a record");
            for parent in parents(&event) {
                let account = match &parent {
                    Parent::Resource { resource, .. } => resource.arn.account().to_owned(),
                    Parent::Stack(stack) => stack.account.clone(),
                    Parent::Launcher(arn) => arn.account().to_owned(),
                    Parent::StackOfRole(_) => "111122223333".to_owned(),
                };
                assert_eq!(account, "111122223333", "{path}: {parent}");
            }
        }
    }

    #[test]
    fn texts_name_a_parent_only_in_full() {
        let uuid = "0e1f2a3b-4c5d-3e6f-8a7b-9c0d1e2f3a4b";
        let batch = |text: &str| before_uuid(text, "AWSBatch-", "-").map(str::to_owned);
        assert_eq!(batch(&format!("AWSBatch-a-b-{uuid}")).as_deref(), Some("a-b"));
        for wrong in [
            "AWSBatch-a-b",
            "AWSBatch-",
            "a",
            &format!("AWSBatch-{uuid}"),
            &format!("AWSBatch-ä-{}", &uuid[1..]),
        ] {
            assert_eq!(batch(wrong), None, "{wrong}");
        }
        assert_eq!(between("/aws/rds/instance/orders/audit", "/instance/", "/"), Some("orders"));
        assert_eq!(between("/aws/rds/instance/", "/instance/", "/"), None);
        assert_eq!((after_type("image/web/1.0/1"), after_type("function:web")), ("web/1.0/1", "web"));
    }
}
