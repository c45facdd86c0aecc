//! Resource Explorer: the only inventory of AWS that shows what was never tagged, where a view includes tags.
//!
//! <https://docs.aws.amazon.com/resource-explorer/latest/apireference/Welcome.html>

use aws_tags::Arn;
use aws_tags::table::operation::{Api, Endpoint, Request};
use aws_tags::tags::TagMap;
use serde_json::{Value, json};

use super::{Inventories, Seen};
use crate::error::Error;
use crate::pace::until_not_throttled;

static API: Api = Api {
    service_id: "Resource Explorer 2",
    signing_name: "resource-explorer-2",
    endpoint: Endpoint::regional("resource-explorer-2.${Region}.${Suffix}"),
};

/// With 1,000, AWS gives no token for the next page.
/// <https://docs.aws.amazon.com/resource-explorer/latest/apireference/API_ListResources.html>
const RESOURCES_PER_PAGE: usize = 999;

/// Views that one call tells about.
/// <https://docs.aws.amazon.com/resource-explorer/latest/apireference/API_BatchGetView.html>
const VIEWS_PER_CALL: usize = 20;

/// Types that take no tags are none of ours.
/// <https://docs.aws.amazon.com/resource-explorer/latest/userguide/using-search-query-syntax.html>
const TAGGABLE: &str = "resourcetype.supports:tags";

/// A Region whose resources Resource Explorer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub region: String,
    /// Whether it has those of the other indexes, too.
    pub is_aggregator: bool,
}

/// A part of an index that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub arn: String,
    /// Whether it shows tags: without, it cannot be filtered by them, and shows none.
    pub has_tags: bool,
    /// What it leaves out, as its filter says.
    pub filter: String,
}

impl Inventories {
    /// The indexes of all Regions, as one Region knows them.
    pub async fn indexes(&self, region: &str) -> Result<Vec<Index>, Error> {
        let read = |index: &Value| {
            let region = text(index, "Region")?.to_owned();
            Some(Index { region, is_aggregator: text(index, "Type") == Some("AGGREGATOR") })
        };
        let all = self.pages("ListIndexes", region, json!({}), "Indexes").await?;
        Ok(all.iter().filter_map(read).collect())
    }

    /// The views of a Region.
    pub async fn views(&self, region: &str) -> Result<Vec<View>, Error> {
        let all = self.pages("ListViews", region, json!({}), "Views").await?;
        let arns: Vec<&Value> = all.iter().filter(|arn| arn.is_string()).collect();
        let mut views = Vec::new();
        for some in arns.chunks(VIEWS_PER_CALL) {
            views.extend(self.described(region, &json!({"ViewArns": some})).await?);
        }
        Ok(views)
    }

    /// One view by its ARN.
    pub async fn view(&self, region: &str, arn: &str) -> Result<Option<View>, Error> {
        Ok(self.described(region, &json!({"ViewArns": [arn]})).await?.into_iter().next())
    }

    async fn described(&self, region: &str, asked: &Value) -> Result<Vec<View>, Error> {
        let answer = self.explorer("BatchGetView", region, asked).await?;
        let views = answer.get("Views").and_then(Value::as_array);
        Ok(views.into_iter().flatten().filter_map(view).collect())
    }

    /// What a view shows of taggable resources. Untagged ones may be two hours late, and deleted ones go as late.
    pub async fn list_resources(
        &self,
        region: &str,
        view: &View,
        take: &mut impl FnMut(Seen),
    ) -> Result<(), Error> {
        let mut asked = json!({"ViewArn": view.arn, "MaxResults": RESOURCES_PER_PAGE, "Filters": {"FilterString": TAGGABLE}});
        loop {
            let answer = self.explorer("ListResources", region, &asked).await?;
            let resources = answer.get("Resources").and_then(Value::as_array);
            let resources = resources.ok_or_else(|| Error::incomplete("ListResources gives no resources"))?;
            resources.iter().filter_map(seen).for_each(&mut *take);
            match text(&answer, "NextToken").filter(|token| !token.is_empty()) {
                Some(token) => asked["NextToken"] = json!(token),
                None => return Ok(()),
            }
        }
    }

    async fn pages(
        &self,
        operation: &'static str,
        region: &str,
        mut asked: Value,
        member: &str,
    ) -> Result<Vec<Value>, Error> {
        let mut all = Vec::new();
        loop {
            let answer = self.explorer(operation, region, &asked).await?;
            all.extend(answer.get(member).and_then(Value::as_array).into_iter().flatten().cloned());
            match text(&answer, "NextToken").filter(|token| !token.is_empty()) {
                Some(token) => asked["NextToken"] = json!(token),
                None => return Ok(all),
            }
        }
    }

    async fn explorer(&self, operation: &'static str, region: &str, asked: &Value) -> Result<Value, Error> {
        let ask = async || {
            let request = Request {
                method: "POST",
                path: format!("/{operation}"),
                headers: vec![("content-type", "application/json".to_owned())],
                body: asked.to_string(),
            };
            let call = self.operations.send(&API, operation, region, "", request);
            self.paces.call((API.service_id, operation), region, call).await
        };
        serde_json::from_str(&until_not_throttled(ask).await?).map_err(Error::incomplete)
    }
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

fn view(view: &Value) -> Option<View> {
    let properties = view.get("IncludedProperties").and_then(Value::as_array);
    let has_tags = properties.into_iter().flatten().any(|one| text(one, "Name") == Some("tags"));
    let filter = view.get("Filters").and_then(|filters| text(filters, "FilterString")).unwrap_or_default();
    Some(View { arn: text(view, "ViewArn")?.to_owned(), has_tags, filter: filter.to_owned() })
}

fn seen(resource: &Value) -> Option<Seen> {
    let arn = Arn::parse(text(resource, "Arn")?)?;
    let properties = resource.get("Properties").and_then(Value::as_array);
    let tags = properties.into_iter().flatten().filter(|one| text(one, "Name") == Some("tags"));
    let pairs = tags.filter_map(|one| one.get("Data")).filter_map(Value::as_array).flatten();
    let pair = |pair: &Value| {
        Some((text(pair, "Key")?.to_owned(), text(pair, "Value").unwrap_or_default().to_owned()))
    };
    // The tags of roles and users are not there, whatever they are: the service is asked.
    let tells_tags = arn.service() != "iam";
    let tags = tells_tags.then(|| pairs.filter_map(pair).collect::<TagMap>());
    let account = text(resource, "OwningAccountId").map(str::to_owned);
    let region = text(resource, "Region").filter(|region| *region != "global").unwrap_or_default().to_owned();
    Some(Seen { arn, tags, region, kind: text(resource, "ResourceType").map(str::to_owned), account })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_without_tags_has_none_and_a_role_is_not_known() {
        let resource = |arn: &str, properties: Value| {
            seen(
                &json!({"Arn": arn, "OwningAccountId": "111122223333", "Region": "eu-west-1", "ResourceType": "sqs:queue",
                         "Properties": properties}),
            )
        };
        let queue = "arn:aws:sqs:eu-west-1:111122223333:orders";
        let tags = |arn: &str, properties: Value| resource(arn, properties).and_then(|seen| seen.tags);
        assert_eq!(tags(queue, json!([])), Some(TagMap::new()));
        let data = json!([{"Name": "tags", "Data": [{"Key": "Owner", "Value": "ann"}]}]);
        assert_eq!(tags(queue, data), Some(TagMap::from([("Owner".to_owned(), "ann".to_owned())])));
        assert_eq!(tags("arn:aws:iam::111122223333:role/dev", json!([])), None);
        assert_eq!(resource("no ARN", json!([])), None);
    }

    #[test]
    fn a_view_says_whether_it_has_tags_and_what_it_leaves_out() {
        let of = |properties: Value, filter: &str| {
            view(
                &json!({"ViewArn": "v", "IncludedProperties": properties, "Filters": {"FilterString": filter}}),
            )
        };
        let all = View { arn: "v".to_owned(), has_tags: true, filter: String::new() };
        assert_eq!(of(json!([{"Name": "tags"}]), ""), Some(all.clone()));
        assert_eq!(
            of(json!([]), "service:ec2"),
            Some(View { has_tags: false, filter: "service:ec2".to_owned(), ..all })
        );
        assert_eq!(view(&json!({})), None);
    }
}
