//! Which events of a delivery are handled together, and which side by side.
//!
//! Events of one caller share look-ups and calls, as their resources get the same tags. Events about one
//! resource have an order. Whatever shares neither goes on alone: no caller waits for another's quota.

use std::collections::HashSet;

use crate::effect::Effect;
use crate::identity::Principal;
use crate::record::Event;

/// An event, what its call did and who made it.
pub(super) struct Read<'a> {
    /// Its place in the delivery.
    pub(super) place: usize,
    pub(super) event: &'a Event,
    pub(super) effect: Effect,
    pub(super) principal: Principal,
}

/// The events in groups, each in the order of the delivery. Looked-up resources are not known yet, but have
/// ids that no other call gets.
pub(super) fn groups<'a>(events: &[&'a Event]) -> Vec<Vec<Read<'a>>> {
    let mut groups: Vec<(HashSet<String>, Vec<Read<'a>>)> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let (effect, principal) = (Effect::of(event), Principal::of(event));
        let mut shared = shared(&effect, &principal);
        let (mut joined, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(of_group, _)| !of_group.is_disjoint(&shared));
        groups = others;
        let mut members: Vec<Read<'a>> = Vec::new();
        for (of_group, reads) in &mut joined {
            shared.extend(of_group.drain());
            members.append(reads);
        }
        members.push(Read { place, event, effect, principal });
        members.sort_by_key(|read| read.place);
        groups.push((shared, members));
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

/// What joins events: the caller and the resources of a creation. Nothing else needs anything of AWS.
fn shared(effect: &Effect, principal: &Principal) -> HashSet<String> {
    let Effect::Created(creation) = effect else {
        return HashSet::new();
    };
    let caller = principal.id.as_ref().or(principal.arn.as_ref()).cloned();
    let arns = creation.resources.iter().map(|resource| resource.arn.to_string());
    arns.chain(caller).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn topic(caller: &str, name: &str) -> Event {
        Event::from_json(json!({
            "eventSource": "sns.amazonaws.com", "eventName": "CreateTopic", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "principalId": caller, "accountId": "111122223333"},
            "responseElements": {"topicArn": format!("arn:aws:sns:eu-west-1:111122223333:{name}")},
        }))
        .expect("a record")
    }

    #[test]
    fn callers_and_resources_join_events_and_nothing_else_does() {
        let events = [
            topic("ann", "a"),
            topic("bob", "b"),
            topic("ann", "c"),
            topic("cyd", "d"),
            topic("bob", "d"),
            Event::from_json(json!({"eventSource": "sts.amazonaws.com", "eventName": "GetCallerIdentity"}))
                .expect("a record"),
        ];
        let mut places: Vec<Vec<usize>> = groups(&events.iter().collect::<Vec<_>>())
            .iter()
            .map(|group| group.iter().map(|read| read.place).collect())
            .collect();
        places.sort();
        assert_eq!(places, [vec![0, 2], vec![1, 3, 4], vec![5]]);
    }
}
