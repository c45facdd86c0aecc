//! Operations that list all resources of a type with their tags, for types whose tags no operation lists by the ARN.

use crate::models::{Api, Operation};
use crate::naming::{plain, singular};
use crate::operations::{Answer, ReadOperation, Search, pages, protocol};
use crate::table::Row;

impl Search<'_> {
    /// The operation that lists all of a row's type: `GetBuckets`, of buckets.
    pub(crate) fn listing_all(&self, row: &Row) -> Option<ReadOperation> {
        let api = self.apis.iter().find(|one| one.name == row.from.0)?;
        // What the call creates, which may be of another's type: a subdomain is a domain, and not in their list.
        let noun = plain(row.event_name.strip_prefix("Create")?);
        if !noun.ends_with(&plain(row.resource_type.split_once(':')?.1)) {
            return None;
        }
        // What no authorization data names, no policy can allow.
        let prefix = row.resource_type.split(':').next().unwrap_or_default();
        let actions = &self.authorizations.get(prefix)?.actions;
        let is_action = |operation: &&Operation| actions.contains_key(&operation.name.to_lowercase());
        let lists = |operation: &&Operation| {
            let noun_of = |verb: &&str| operation.name.strip_prefix(*verb).map(plain);
            let called = ["Describe", "Get", "List"].iter().find_map(noun_of);
            called.is_some_and(|called| called != noun && singular(&called) == noun)
        };
        let found = api.operations.values().filter(lists).filter(is_action);
        found.filter_map(|operation| self.all(api, operation, &noun, &row.resource_type)).next()
    }

    fn all(
        &self,
        api: &Api,
        operation: &Operation,
        noun: &str,
        resource_type: &str,
    ) -> Option<ReadOperation> {
        let (input, output) = (api.input(operation)?, api.output(operation)?);
        let protocol = protocol(api, operation).filter(|protocol| protocol.is_json())?;
        if !input.required.is_empty() {
            return None;
        }
        let (name, list) = output.members.iter().find(|(name, _)| singular(&plain(name)) == noun)?;
        let item = api.shape(api.shape(list)?.member.as_ref()?)?;
        let is_arn = |name: &&String| matches!(plain(name).strip_suffix("arn"), Some(stem) if stem.is_empty() || stem == noun);
        let arn = item.members.keys().find(is_arn)?;
        let wire = |name: &str, location: Option<&String>| location.map_or(name, String::as_str).to_owned();
        let arn = wire(arn, item.members.get(arn)?.location_name.as_ref());
        let among = (wire(name, list.location_name.as_ref()), arn);
        let tags = Answer { api, xml: false }.tags(item, &[], 0)?;
        let pages = pages(input, output, &[]);
        let operation = self.described(api, operation, input, Vec::new(), protocol, resource_type)?;
        Some(ReadOperation { operation, tags, pages, among: Some(among) })
    }
}
