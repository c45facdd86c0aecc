//! Arrivals as items of the session table: which creation events have reached the tag-handler, for the sweep.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `caller` | S, partition key | `#arrived#` and the hour of the calls: `#arrived#2026-05-04T10` |
//! | `issued` | S, sort key | a hash of the ids |
//! | `ids` | L of S | ids of events, as they came in one invocation |
//! | `forget_after` | N | TTL: epoch seconds |
//!
//! The item `#arrived#`, `sweep` is the mark of the sweep: `since` when arrivals are noted, `until` when creations
//! were looked up.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_tags::record::timestamp;
use aws_tags::sweep::{Hour, Ids, KNOWN_FOR, Mark};
use time::OffsetDateTime;

use super::{Item, TableAddress, client_of};
use crate::client::Aws;
use crate::error::Error;

const PREFIX: &str = "#arrived#";
const MARK: &str = "sweep";

/// What arrived, by hour.
#[derive(Debug)]
pub(crate) struct Arrivals {
    client: Client,
    table: String,
}

impl Arrivals {
    pub(crate) fn new(aws: &Aws, table: TableAddress) -> Self {
        Self { client: client_of(aws, &table), table: table.name }
    }

    pub(crate) async fn note(&self, hour: Hour, ids: &Ids) -> Result<(), Error> {
        self.put(item(hour, ids)).await
    }

    pub(crate) async fn of(&self, hour: Hour) -> Result<Ids, Error> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("caller = :caller");
        let hour = AttributeValue::S(format!("{PREFIX}{hour}"));
        let mut pages = query.expression_attribute_values(":caller", hour).into_paginator().items().send();
        let mut found = Ids::new();
        while let Some(item) = pages.next().await {
            found.extend(ids(&item?));
        }
        Ok(found)
    }

    pub(crate) async fn mark(&self) -> Result<Option<Mark>, Error> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("caller = :caller");
        let caller = AttributeValue::S(PREFIX.to_owned());
        let items = query.expression_attribute_values(":caller", caller).send().await?.items;
        Ok(items.unwrap_or_default().iter().find_map(mark))
    }

    pub(crate) async fn set_mark(&self, mark: Mark) -> Result<(), Error> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        self.put(HashMap::from([
            ("caller".to_owned(), text(PREFIX)),
            ("issued".to_owned(), text(MARK)),
            ("since".to_owned(), text(&timestamp::format(mark.since))),
            ("until".to_owned(), text(&timestamp::format(mark.until))),
        ]))
        .await
    }

    async fn put(&self, item: Item) -> Result<(), Error> {
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
        Ok(())
    }
}

fn item(hour: Hour, ids: &Ids) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let until = hour.begins().saturating_add(KNOWN_FOR).unix_timestamp().to_string();
    HashMap::from([
        ("caller".to_owned(), text(&format!("{PREFIX}{hour}"))),
        ("issued".to_owned(), text(&hash_of(ids))),
        ("ids".to_owned(), AttributeValue::L(ids.iter().map(|id| text(id)).collect())),
        ("forget_after".to_owned(), AttributeValue::N(until)),
    ])
}

/// Events come again, and with others: only the same ones may take the place of what was noted.
fn hash_of(ids: &Ids) -> String {
    let mut hasher = DefaultHasher::new();
    ids.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn ids(item: &Item) -> Ids {
    let all = item.get("ids").and_then(|ids| ids.as_l().ok()).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|id| id.as_s().ok().cloned()).collect()
}

fn mark(item: &Item) -> Option<Mark> {
    let time = |name: &str| -> Option<OffsetDateTime> { timestamp::parse(item.get(name)?.as_s().ok()?) };
    Some(Mark { since: time("since")?, until: time("until")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_back_from_their_item_which_is_forgotten() {
        let at = timestamp::parse("2026-05-04T10:59:59Z").expect("a time");
        let stored = Ids::from(["b".to_owned(), "a".to_owned()]);
        let item = item(Hour::of(at), &stored);
        assert_eq!(item["caller"].as_s().map(String::as_str), Ok("#arrived#2026-05-04T10"));
        let ttl = timestamp::parse("2026-05-20T10:00:00Z").expect("a time").unix_timestamp().to_string();
        assert_eq!(item["forget_after"].as_n(), Ok(&ttl));
        assert_eq!((ids(&item), mark(&item)), (stored, None));
    }

    #[test]
    fn what_comes_again_with_others_hides_nothing_that_was_noted() {
        let hour = Hour::of(timestamp::parse("2026-05-04T10:59:59Z").expect("a time"));
        let key =
            |ids: &[&str]| item(hour, &ids.iter().map(|id| (*id).to_owned()).collect())["issued"].clone();
        assert_eq!(key(&["a", "b"]), key(&["b", "a"]));
        for other in [&["a"][..], &["a", "c"], &["b"], &["ab"], &["a", "b", "c"]] {
            assert_ne!(key(&["a", "b"]), key(other), "{other:?}");
        }
    }
}
