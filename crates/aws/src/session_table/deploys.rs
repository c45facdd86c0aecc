//! Deploys of stacks as items of the session table.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `caller` | S, partition key | a shelf: `#stack#111122223333#eu-west-1#web`, `#change-set#arn:…`, `#deploys#111122223333` |
//! | `issued` | S, sort key | time and id of the event: `2026-05-04T09:00:00Z#…` |
//! | `account`, `region`, `stack`, `stack_id` | S | the stack, where known |
//! | `act` | S | `prepares`, `announces`, `creates` or `deploys` |
//! | `change_set`, `role` | S | of the request, where it names them |
//! | `inner` | BOOL | whether CloudFormation made the call for a stack within a stack |
//! | `tags` | L of M | `key` and `value` of what belongs on what the deploy makes, the most important first |
//! | `settled` | BOOL | whether these are certain |
//! | `forget_after` | N | TTL: epoch seconds |

use aws_sdk_dynamodb::types::AttributeValue;
use aws_tags::record::timestamp;
use aws_tags::stacks::{Act, Deploy, REMEMBERED, Stack};
use aws_tags::tags::{Tag, TagSource};

use super::Item;

/// An item of a deploy, for each of its shelves.
pub(super) fn items(deploy: &Deploy) -> Vec<Item> {
    let of_shelf = |shelf: String| {
        let mut item = item(deploy);
        item.insert("caller".to_owned(), AttributeValue::S(shelf));
        item
    };
    deploy.shelves().iter().map(|shelf| of_shelf(shelf.to_string())).collect()
}

fn item(deploy: &Deploy) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let tag = |tag: &Tag| {
        let pair = [("key".to_owned(), text(&tag.key)), ("value".to_owned(), text(&tag.value))];
        AttributeValue::M(pair.into())
    };
    let until = deploy.at.saturating_add(REMEMBERED).unix_timestamp().to_string();
    let mut item = Item::from([
        ("issued".to_owned(), text(&format!("{}#{}", timestamp::format(deploy.at), deploy.event_id))),
        ("account".to_owned(), text(&deploy.account)),
        ("act".to_owned(), text(deploy.act.as_str())),
        ("inner".to_owned(), AttributeValue::Bool(deploy.is_inner)),
        ("tags".to_owned(), AttributeValue::L(deploy.tags.iter().map(tag).collect())),
        ("settled".to_owned(), AttributeValue::Bool(deploy.is_settled)),
        ("forget_after".to_owned(), AttributeValue::N(until)),
    ]);
    let stack = deploy.stack.as_ref();
    let optional = [
        ("region", stack.map(|stack| &stack.region)),
        ("stack", stack.map(|stack| &stack.name)),
        ("stack_id", stack.and_then(|stack| stack.id.as_ref())),
        ("change_set", deploy.change_set.as_ref()),
        ("role", deploy.role.as_ref()),
    ];
    item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))));
    item
}

/// `None` for an item that this program did not write.
pub(super) fn deploy(item: &Item) -> Option<Deploy> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let is = |name: &str| item.get(name)?.as_bool().ok().copied();
    let issued = text("issued")?;
    let (at, event_id) = issued.split_once('#')?;
    let (account, act) = (text("account")?, text("act")?);
    let stack = |name: String| {
        Some(Stack { account: account.clone(), region: text("region")?, name, id: text("stack_id") })
    };
    let tag = |item: &AttributeValue| {
        let pair = item.as_m().ok()?;
        let text = |name: &str| pair.get(name)?.as_s().ok().cloned();
        Some(Tag { key: text("key")?, value: text("value")?, source: TagSource::Parent })
    };
    Some(Deploy {
        stack: text("stack").and_then(stack),
        at: timestamp::parse(at)?,
        event_id: event_id.to_owned(),
        act: Act::ALL.into_iter().find(|one| one.as_str() == act)?,
        change_set: text("change_set"),
        role: text("role"),
        is_inner: is("inner")?,
        tags: item.get("tags")?.as_l().ok()?.iter().filter_map(tag).collect(),
        is_settled: is("settled")?,
        account,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deploy_comes_back_from_its_items_which_are_forgotten() {
        let at = timestamp::parse("2026-05-04T09:00:00Z").expect("a time");
        let tag =
            |key: &str, value: &str| Tag { key: key.into(), value: value.into(), source: TagSource::Parent };
        let stored = Deploy {
            account: "111122223333".into(),
            stack: Some(Stack {
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                name: "web".into(),
                id: Some("7f59c3cf".into()),
            }),
            at,
            event_id: "e-1".into(),
            act: Act::Prepares,
            change_set: Some("arn:aws:cloudformation:eu-west-1:111122223333:changeSet/next/1a2b".into()),
            role: Some("arn:aws:iam::111122223333:role/deployer".into()),
            is_inner: false,
            tags: vec![tag("Owner", "ann"), tag("Cost", "")],
            is_settled: true,
        };
        let items = items(&stored);
        let shelf = |item: &Item| item["caller"].as_s().expect("a text").clone();
        assert_eq!(
            items.iter().map(shelf).collect::<Vec<_>>(),
            [
                "#stack#111122223333#eu-west-1#web",
                "#change-set#arn:aws:cloudformation:eu-west-1:111122223333:changeSet/next/1a2b",
                "#deploys#111122223333"
            ]
        );
        for item in items {
            assert_eq!(item["issued"].as_s().map(String::as_str), Ok("2026-05-04T09:00:00Z#e-1"));
            let ttl = timestamp::parse("2026-06-04T09:00:00Z").expect("a time").unix_timestamp().to_string();
            assert_eq!(item["forget_after"].as_n(), Ok(&ttl));
            assert_eq!(deploy(&item), Some(stored.clone()));
        }
        let unnamed = Deploy { stack: None, role: None, act: Act::Deploys, ..stored };
        assert_eq!(
            super::items(&unnamed).iter().filter_map(deploy).collect::<Vec<_>>(),
            [unnamed.clone(), unnamed]
        );
    }
}
