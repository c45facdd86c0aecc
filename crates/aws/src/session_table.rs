//! The session table in DynamoDB.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `caller` | S, partition key | account and assumed-role id: `111122223333#AROA…:session` |
//! | `issued` | S, sort key | issue time and issued access key: `2026-05-04T09:00:00Z#ASIA…` |
//! | `arn`, `source_identity` | S | as in the STS record |
//! | `issuer` | S | id of the user who named a federated user |
//! | `subject`, `assumed_by`, `on_behalf_of` | S | whom the identity provider names; who started the session; for whom |
//! | `started_by` | M | the session that did: `id`, `created`, `access_key_id`, `signed_in`, `issuer`, where known |
//! | `tags` | M of S | session tags |
//! | `transitive_tag_keys` | L of S | keys that role chaining passes on |
//! | `expires_at` | S | end of the credentials |
//! | `forget_after` | N | TTL: epoch seconds |
//!
//! The items of `caller` `#heartbeat` are the recorders' heartbeats: `issued` is the Region of one, `at` the
//! time until which it has recorded what reached it. Callers whose names begin with `#stack#`, `#change-set#` and
//! `#deploys#` are shelves of [`deploys`]; those of `#arrived#` are [`arrivals`].

mod arrivals;
mod deploys;

use std::collections::HashMap;
use std::time::Duration;

use aws_config::Region;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_tags::identity::SessionKey;
use aws_tags::ports::{Failure, SessionStore};
use aws_tags::record::timestamp;
use aws_tags::stacks::{Deploy, Shelf};
use aws_tags::{Arn, Session};
use time::OffsetDateTime;

use crate::cache::Cache;
use crate::client::Aws;
use crate::error::Error;
use crate::retry::client;

pub(crate) use arrivals::Arrivals;

/// A session does not change: after this, only new ones could be found.
const KEPT: Duration = Duration::from_secs(300);

/// The partition of heartbeats, and how long one is kept.
const HEARTBEAT: &str = "#heartbeat";
const HEARTBEAT_KEPT: Duration = Duration::from_secs(20);

type Item = HashMap<String, AttributeValue>;

/// Where the table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableAddress {
    pub name: String,
    /// The Region and account, where an ARN names them: a recorder may stand in another Region.
    pub home: Option<(String, String)>,
}

impl TableAddress {
    /// The address in a name or an ARN: `aws-tags-sessions`, `arn:aws:dynamodb:…:table/aws-tags-sessions`.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
    pub fn parse(text: &str) -> Option<Self> {
        let (name, home) = match text.starts_with("arn:") {
            false => (text, None),
            true => {
                let arn = Arn::parse(text).filter(|arn| arn.service() == "dynamodb")?;
                let home = Some((arn.region().to_owned(), arn.account().to_owned()));
                return Some(Self { home, ..Self::parse(arn.resource().strip_prefix("table/")?)? });
            }
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let is_name = (3..=255).contains(&name.len()) && name.chars().all(allowed);
        is_name.then(|| Self { name: name.to_owned(), home })
    }
}

/// Sessions by caller. What the caller's own key names is certain and kept for minutes; nothing else is.
#[derive(Debug)]
pub struct SessionTable {
    client: Client,
    table: String,
    known: Cache<SessionKey, Vec<Session>>,
    /// Regions of the recorders that are watched.
    recorders: Vec<String>,
    heartbeat: Cache<(), Option<OffsetDateTime>>,
}

/// A client of the table's Region.
fn client_of(aws: &Aws, table: &TableAddress) -> Client {
    let mut config = aws.config().to_builder();
    if let Some((region, _)) = &table.home {
        config.set_region(Region::new(region.clone()));
    }
    client!(aws_sdk_dynamodb, &config.build())
}

impl SessionTable {
    pub fn new(aws: &Aws, table: TableAddress) -> Self {
        let client = client_of(aws, &table);
        let (known, heartbeat) = (Cache::new(KEPT), Cache::new(HEARTBEAT_KEPT));
        Self { client, table: table.name, known, recorders: Vec::new(), heartbeat }
    }

    /// The same table, whose recorders in these Regions are expected to keep up.
    #[must_use]
    pub fn watching(self, recorders: Vec<String>) -> Self {
        Self { recorders, ..self }
    }

    /// The earliest of the recorders' last heartbeats; that of one without any is the beginning of time.
    async fn earliest_heartbeat(&self) -> Result<Option<OffsetDateTime>, Error> {
        let call = self.client.query().table_name(&self.table).key_condition_expression("caller = :caller");
        let caller = AttributeValue::S(HEARTBEAT.to_owned());
        let items = call.expression_attribute_values(":caller", caller).send().await?.items;
        let beats: HashMap<String, OffsetDateTime> =
            items.unwrap_or_default().iter().filter_map(heartbeat).collect();
        let last = |region: &String| beats.get(region).copied().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Ok(self.recorders.iter().map(last).min())
    }

    /// The items of a partition from one time to another, both included.
    fn between(&self, caller: String, from: OffsetDateTime, to: OffsetDateTime) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table);
        query
            .key_condition_expression("caller = :caller AND issued BETWEEN :from AND :to")
            .expression_attribute_values(":caller", AttributeValue::S(caller))
            .expression_attribute_values(":from", AttributeValue::S(timestamp::format(from)))
            // `~` sorts after whatever follows the time.
            .expression_attribute_values(":to", AttributeValue::S(format!("{}~", timestamp::format(to))))
    }

    async fn query(
        &self,
        key: &SessionKey,
        from: OffsetDateTime,
        to: OffsetDateTime,
    ) -> Result<Vec<Session>, Error> {
        let caller = partition_key(&key.account, &key.id);
        let mut pages = self.between(caller, from, to).into_paginator().items().send();
        let mut sessions = Vec::new();
        while let Some(item) = pages.next().await {
            sessions.extend(session(&key.account, &key.id, &item?));
        }
        Ok(sessions)
    }
}

impl SessionStore for SessionTable {
    async fn put(&self, session: &Session) -> Result<(), Failure> {
        let item = item(session);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map(|_| ()).map_err(|error| Error::from(error).into())
    }

    async fn find(
        &self,
        key: &SessionKey,
        (from, to): (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Failure> {
        let is_certain = |sessions: &Vec<Session>| sessions.iter().any(|session| key.names(session));
        self.known.get(key, is_certain, async || self.query(key, from, to).await).await.map_err(Failure::from)
    }

    async fn beat(&self, recorder: &str, at: OffsetDateTime) -> Result<(), Failure> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let call = self.client.put_item().table_name(&self.table).item("caller", text(HEARTBEAT));
        let call = call.item("issued", text(recorder)).item("at", text(&timestamp::format(at)));
        call.send().await.map(|_| ()).map_err(|error| Error::from(error).into())
    }

    async fn recorded_until(&self) -> Result<Option<OffsetDateTime>, Failure> {
        if self.recorders.is_empty() {
            return Ok(None);
        }
        // An older heartbeat only makes wait.
        self.heartbeat
            .get(&(), |_| true, async || self.earliest_heartbeat().await)
            .await
            .map_err(Failure::from)
    }

    async fn remember(&self, deploy: &Deploy) -> Result<(), Failure> {
        for item in deploys::items(deploy) {
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
            put.map_err(|error| Failure::from(Error::from(error)))?;
        }
        Ok(())
    }

    async fn deploys(
        &self,
        shelf: &Shelf,
        (from, to): (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> Result<Vec<Deploy>, Failure> {
        let mut pages = self
            .between(shelf.to_string(), from, to)
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while found.len() < most
            && let Some(item) = pages.next().await
        {
            let item = item.map_err(|error| Failure::from(Error::from(error)))?;
            found.extend(deploys::deploy(&item));
        }
        Ok(found)
    }
}

/// The Region of a recorder, and its last heartbeat.
fn heartbeat(item: &Item) -> Option<(String, OffsetDateTime)> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    Some((text("issued")?.clone(), timestamp::parse(text("at")?)?))
}

fn partition_key(account: &str, id: &str) -> String {
    format!("{account}#{id}")
}

fn item(session: &Session) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let id = session.id.as_deref().unwrap_or_default();
    let issued = format!("{}#{}", timestamp::format(session.issued_at), session.access_key_id);
    let tags = session.tags.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    let keys = session.transitive_tag_keys.iter().map(|key| text(key)).collect();
    let mut item = Item::from([
        ("caller".to_owned(), text(&partition_key(&session.account, id))),
        ("issued".to_owned(), text(&issued)),
        ("tags".to_owned(), AttributeValue::M(tags)),
        ("transitive_tag_keys".to_owned(), AttributeValue::L(keys)),
        ("expires_at".to_owned(), text(&timestamp::format(session.expires_at))),
        ("forget_after".to_owned(), AttributeValue::N(session.forgotten_at().unix_timestamp().to_string())),
    ]);
    let optional = [
        ("arn", &session.arn),
        ("source_identity", &session.source_identity),
        ("issuer", &session.issuer),
        ("subject", &session.subject),
        ("assumed_by", &session.assumed_by),
        ("on_behalf_of", &session.on_behalf_of),
    ];
    let known = |(name, value): (&str, &Option<String>)| Some((name.to_owned(), text(value.as_ref()?)));
    item.extend(optional.into_iter().filter_map(known));
    if let Some(key) = &session.started_by {
        let parts = [
            ("id", &Some(key.id.clone())),
            ("created", &key.created.map(timestamp::format)),
            ("access_key_id", &key.access_key_id),
            ("issuer", &key.issuer),
        ];
        let mut parts: Item = parts.into_iter().filter_map(known).collect();
        parts.insert("signed_in".to_owned(), AttributeValue::Bool(key.signed_in));
        item.insert("started_by".to_owned(), AttributeValue::M(parts));
    }
    item
}

/// The session that started another one of the account.
fn started_by(account: &str, parts: &Item) -> Option<SessionKey> {
    let text = |name: &str| parts.get(name)?.as_s().ok().cloned();
    Some(SessionKey {
        account: account.to_owned(),
        id: text("id")?,
        created: text("created").and_then(|at| timestamp::parse(&at)),
        access_key_id: text("access_key_id"),
        signed_in: matches!(parts.get("signed_in"), Some(AttributeValue::Bool(true))),
        issuer: text("issuer"),
    })
}

/// `None` for an item that this program did not write.
fn session(account: &str, id: &str, item: &Item) -> Option<Session> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let issued = text("issued")?;
    let (issued_at, access_key_id) = issued.split_once('#')?;
    let tags = item.get("tags")?.as_m().ok()?;
    let keys = item.get("transitive_tag_keys")?.as_l().ok()?;
    Some(Session {
        account: account.to_owned(),
        id: Some(id.to_owned()),
        arn: text("arn"),
        access_key_id: access_key_id.to_owned(),
        issued_at: timestamp::parse(issued_at)?,
        expires_at: timestamp::parse(&text("expires_at")?)?,
        tags: tags
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_s().ok()?.clone())))
            .collect(),
        transitive_tag_keys: keys.iter().filter_map(|key| key.as_s().ok().cloned()).collect(),
        source_identity: text("source_identity"),
        issuer: text("issuer"),
        subject: text("subject"),
        assumed_by: text("assumed_by"),
        on_behalf_of: text("on_behalf_of"),
        started_by: item.get("started_by").and_then(|parts| started_by(account, parts.as_m().ok()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_tags::tags::TagMap;

    #[test]
    fn a_table_is_named_or_addressed() {
        let parsed = |text: &str| TableAddress::parse(text).map(|table| (table.name, table.home));
        let home = Some(("eu-west-1".to_owned(), "111122223333".to_owned()));
        assert_eq!(parsed("aws-tags-sessions"), Some(("aws-tags-sessions".to_owned(), None)));
        assert_eq!(
            parsed("arn:aws:dynamodb:eu-west-1:111122223333:table/aws-tags-sessions"),
            Some(("aws-tags-sessions".to_owned(), home))
        );
        for wrong in ["", "a b", "arn:aws:sns:eu-west-1:111122223333:t", "arn:aws:dynamodb:eu-west-1:1:x"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_session_comes_back_from_its_item() {
        let at = |text| timestamp::parse(text).expect("a time");
        let stored = Session {
            account: "111122223333".into(),
            id: Some("AROAX:ann".into()),
            arn: Some("arn:aws:sts::111122223333:assumed-role/dev/ann".into()),
            access_key_id: "ASIAX".into(),
            issued_at: at("2026-05-04T09:00:00Z"),
            expires_at: at("2026-05-04T10:00:00Z"),
            tags: TagMap::from([("Team".into(), "payments".into()), ("Note".into(), String::new())]),
            transitive_tag_keys: vec!["Team".into()],
            source_identity: Some("ann@example.com".into()),
            issuer: Some("AIDAX".into()),
            subject: Some("repo:acme/infra:ref:refs/heads/main".into()),
            assumed_by: Some("arn:aws:sts::111122223333:assumed-role/ops/jo".into()),
            on_behalf_of: Some("94d8c4b8-0000-0000-0000-000000000000".into()),
            started_by: Some(SessionKey {
                account: "111122223333".into(),
                id: "AROAY:jo".into(),
                created: Some(at("2026-05-04T08:30:00Z")),
                access_key_id: None,
                signed_in: true,
                issuer: None,
            }),
        };
        let item = item(&stored);
        assert_eq!(item["caller"].as_s().map(String::as_str), Ok("111122223333#AROAX:ann"));
        assert_eq!(item["issued"].as_s().map(String::as_str), Ok("2026-05-04T09:00:00Z#ASIAX"));
        // Fourteen days after a console can have ended.
        let ttl = at("2026-05-18T21:00:00Z").unix_timestamp().to_string();
        assert_eq!(item["forget_after"].as_n(), Ok(&ttl));
        assert_eq!(session("111122223333", "AROAX:ann", &item), Some(stored));
    }
}
