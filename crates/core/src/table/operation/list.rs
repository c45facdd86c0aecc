//! A service's own operation that lists all its resources of a type, with their tags where it tells them.

use serde_json::Value;

use super::answer::{Unreadable, at, parsed, tags_in, text_of};
use super::row::{Operation, Pages, TagShape};
use crate::record::Arn;
use crate::table::arn_of;
use crate::tags::TagMap;

/// An operation that lists all resources of a type in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListOperation {
    pub resource_type: &'static str,
    pub operation: Operation,
    /// What it is asked, besides for the next part.
    pub(crate) asks: &'static [(&'static str, &'static str)],
    /// Path in the answer to the resources.
    pub(crate) found: &'static str,
    /// Path in one to its ARN, or its id if that is all that the ARN does not share.
    pub(crate) name: &'static str,
    /// Where one has its tags; `None` where it does not tell them.
    pub(crate) tags: Option<TagShape>,
    /// What one says that is there no more, or that nobody but AWS can tag: a path, and the beginning of its text.
    pub(crate) without: &'static [(&'static str, &'static str)],
    pub(crate) pages: Option<Pages>,
}

/// A resource of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub arn: Arn,
    /// `None` where the list does not tell them.
    pub tags: Option<TagMap>,
}

/// Whose resources are listed, and where.
#[derive(Clone, Copy, Debug)]
pub struct ListedIn<'a> {
    pub partition: &'a str,
    pub region: &'a str,
    pub account: &'a str,
}

impl ListOperation {
    /// The resources in one part of an answer, and what the next request must say, if there is one.
    pub fn page(&self, body: &str, place: ListedIn<'_>) -> Result<(Vec<Listed>, Option<String>), Unreadable> {
        let answer = parsed(self.operation.protocol, body)?;
        let mut listed = Vec::new();
        let counts = |one: &&Value| !self.leaves_out(one) && !is_others(one, place.account);
        for one in at(&answer, self.found).into_iter().filter(counts) {
            let name = at(one, self.name).first().map(|name| text_of(name)).unwrap_or_default();
            let arn = Arn::parse(&name).or_else(|| {
                let ListedIn { partition, region, account } = place;
                arn_of(self.resource_type, partition, region, account, &name)
            });
            let arn = arn.ok_or_else(|| Unreadable::new(format!("one of them has no `{}`", self.name)))?;
            let tags = self.tags.map(|shape| tags_in(one, shape)).transpose()?;
            listed.push(Listed { arn, tags });
        }
        let next = self.pages.map(|pages| at(&answer, pages.next)).unwrap_or_default();
        let next = next.first().map(|next| text_of(next)).filter(|next| !next.is_empty());
        Ok((listed, next))
    }

    fn leaves_out(&self, one: &Value) -> bool {
        self.without
            .iter()
            .any(|(path, start)| at(one, path).iter().any(|text| text_of(text).starts_with(start)))
    }
}

/// Whether a resource is another account's that shares it with us, as subnets are shared.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>
fn is_others(one: &Value, account: &str) -> bool {
    let owners = OWNERS.iter().flat_map(|path| at(one, path));
    owners.into_iter().any(|owner| text_of(owner) != account)
}

/// Where EC2 says whose a resource is.
const OWNERS: &[&str] = &["ownerId", "imageOwnerId"];

#[cfg(test)]
mod tests {
    use crate::table::LISTS;
    use crate::tags::TagMap;

    use super::*;

    const PLACE: ListedIn<'_> = ListedIn { partition: "aws", region: "eu-west-1", account: "111122223333" };

    fn page(resource_type: &str, body: &str) -> Result<(Vec<Listed>, Option<String>), Unreadable> {
        let list = LISTS.iter().find(|list| list.resource_type == resource_type).expect("a list");
        list.page(body, PLACE)
    }

    fn tags(pairs: &[(&str, &str)]) -> Option<TagMap> {
        Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn instances_stand_in_reservations_and_those_that_ended_do_not_count() {
        let instance = |id: &str, state: &str, tags: &str| {
            format!(
                "<item><instancesSet><item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState>\
                     <tagSet>{tags}</tagSet></item></instancesSet></item>"
            )
        };
        let tag = "<item><key>Owner</key><value>ann</value></item>";
        let (one, ended, other) = (
            instance("i-1", "running", tag),
            instance("i-2", "terminated", tag),
            instance("i-3", "stopped", ""),
        );
        let body =
            format!("<R><reservationSet>{one}{ended}{other}</reservationSet><nextToken>n</nextToken></R>");
        let (listed, next) = page("ec2:instance", &body).expect("an answer");
        let found: Vec<_> = listed.iter().map(|one| (one.arn.as_str(), one.tags.clone())).collect();
        let arn = |id: &str| format!("arn:aws:ec2:eu-west-1:111122223333:instance/{id}");
        assert_eq!(
            found,
            [(arn("i-1").as_str(), tags(&[("Owner", "ann")])), (arn("i-3").as_str(), tags(&[]))]
        );
        assert_eq!(next.as_deref(), Some("n"));
    }

    #[test]
    fn roles_come_without_tags_and_those_of_aws_are_left_out() {
        let role = |path: &str, name: &str| {
            format!(
                "<member><Path>{path}</Path><Arn>arn:aws:iam::111122223333:role{path}{name}</Arn></member>"
            )
        };
        let roles = [role("/", "dev"), role("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_x")].concat();
        let (listed, next) =
            page("iam:role", &format!("<R><ListRolesResult><Roles>{roles}</Roles></ListRolesResult></R>"))
                .expect("an answer");
        assert_eq!(
            listed.iter().map(|one| (one.arn.resource(), one.tags.is_none())).collect::<Vec<_>>(),
            [("role/dev", true)]
        );
        assert_eq!(next, None);
    }

    #[test]
    fn what_another_account_shares_is_not_ours() {
        let subnet = |id: &str, owner: &str| {
            format!("<item><subnetId>{id}</subnetId><ownerId>{owner}</ownerId><tagSet/></item>")
        };
        let subnets = [subnet("subnet-1", "111122223333"), subnet("subnet-2", "444455556666")].concat();
        let (listed, _) =
            page("ec2:subnet", &format!("<R><subnetSet>{subnets}</subnetSet></R>")).expect("an answer");
        assert_eq!(listed.iter().map(|one| one.arn.id()).collect::<Vec<_>>(), ["subnet-1"]);
    }

    #[test]
    fn what_has_no_name_is_no_answer() {
        assert!(page("ec2:volume", "<R><volumeSet><item><tagSet/></item></volumeSet></R>").is_err());
        assert!(page("ec2:volume", "<html>").is_err());
        assert_eq!(page("ec2:volume", "<R><volumeSet/></R>"), Ok((Vec::new(), None)));
    }

    #[test]
    fn each_type_is_one_of_the_table_and_listed_once() {
        for list in LISTS {
            assert!(!crate::table::arn_formats(list.resource_type).is_empty(), "{}", list.resource_type);
            let (service, name) = list.operation.name.split_once(':').expect("an action");
            assert!(list.resource_type.starts_with(&format!("{service}:")) && !name.is_empty());
            assert_eq!(list.operation.actions, [list.operation.name]);
            assert_eq!(LISTS.iter().filter(|other| other.resource_type == list.resource_type).count(), 1);
        }
    }

    #[test]
    fn the_next_part_is_asked_for_by_its_token() {
        let list = LISTS.iter().find(|list| list.resource_type == "ec2:image").expect("a list");
        let body = |next| list.request(next).body;
        assert_eq!(body(None), "Action=DescribeImages&Version=2016-11-15&Owner.1=self&MaxResults=1000");
        assert!(body(Some("a=")).ends_with("&NextToken=a%3D"));
    }
}
