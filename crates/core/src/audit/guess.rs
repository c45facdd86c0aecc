//! Whose a resource may be, where nothing certain is known: what AWS's own tags on it name. Never written as a tag.

use std::collections::HashMap;

use super::{Guess, Resource, State};

/// AWS's tags that name what a resource was made for, and what that is called. Nobody but AWS can set them.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>
const PARENTS: &[(&str, &str)] = &[
    ("aws:cloudformation:stack-id", "stack"),
    ("aws:autoscaling:groupName", "Auto Scaling group"),
    ("aws:ec2:fleet-id", "EC2 Fleet"),
    ("aws:ec2spot:fleet-request-id", "Spot Fleet"),
];

/// The tag by which AWS says who created a resource, for cost allocation: `IAMUser:AIDA…:ann`.
/// <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/aws-tags.html>
const CREATED_BY: &str = "aws:createdBy";

/// Owners of what resources may have been made for.
#[derive(Debug, Default)]
pub struct Guesses {
    /// By account, and ARN or the last part of it.
    owners: HashMap<(String, String), String>,
}

impl Guesses {
    /// Learns from resources whose owner is known.
    pub fn of<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut owners = HashMap::new();
        for resource in resources.into_iter().filter(|resource| is_parent(&resource.resource_type)) {
            let Some(owner) = &resource.owner else { continue };
            let last = resource.arn.rsplit('/').next().unwrap_or_default();
            for name in [resource.arn.as_str(), last] {
                owners.insert((resource.account.clone(), name.to_owned()), owner.clone());
            }
        }
        Self { owners }
    }

    /// Whose a resource may be; `None` where its owner is known, or nothing speaks for anybody.
    pub fn about(&self, resource: &Resource) -> Option<Guess> {
        if resource.state != State::OwnerUnknown {
            return None;
        }
        let tag = |key: &str| resource.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str());
        let of_parent = PARENTS.iter().find_map(|(key, what)| {
            let name = tag(key)?;
            let owner = self.owners.get(&(resource.account.clone(), name.to_owned()))?.clone();
            Some(Guess { owner, why: format!("owns the {what} {name} that it was made for") })
        });
        of_parent.or_else(|| {
            let by = tag(CREATED_BY)?;
            let owner = by.rsplit(':').next().filter(|name| !name.is_empty())?.to_owned();
            Some(Guess { owner, why: format!("AWS's tag {CREATED_BY} names {by}") })
        })
    }
}

fn is_parent(resource_type: &str) -> bool {
    matches!(
        resource_type,
        "cloudformation:stack" | "autoscaling:autoScalingGroup" | "ec2:fleet" | "ec2:spot-fleet-request"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{FoundTag, TagOrigin};

    fn resource(arn: &str, resource_type: &str, owner: Option<&str>, tags: &[(&str, &str)]) -> Resource {
        let tag = |(key, value): &(&str, &str)| FoundTag {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            from: TagOrigin::Other,
            run: None,
        };
        Resource {
            arn: arn.to_owned(),
            resource_type: resource_type.to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            state: if owner.is_some() { State::TaggedOtherwise } else { State::OwnerUnknown },
            created: None,
            owner: owner.map(str::to_owned),
            missing: Vec::new(),
            tags: tags.iter().map(tag).collect(),
            guess: None,
        }
    }

    #[test]
    fn what_aws_says_a_resource_was_made_for_lends_it_an_owner() {
        let stack = "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/0b3e";
        let group = "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:1:autoScalingGroupName/web";
        let known = [
            resource(stack, "cloudformation:stack", Some("ann"), &[]),
            resource(group, "autoscaling:autoScalingGroup", Some("bo"), &[]),
            resource("arn:aws:ec2:eu-west-1:111122223333:instance/i-1", "ec2:instance", Some("cy"), &[]),
        ];
        let guesses = Guesses::of(&known);
        let about = |owner, tags: &[(&str, &str)]| {
            guesses.about(&resource(
                "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1",
                "ec2:volume",
                owner,
                tags,
            ))
        };
        let owner = |tags: &[(&str, &str)]| about(None, tags).map(|guess| guess.owner);
        assert_eq!(owner(&[("aws:cloudformation:stack-id", stack)]).as_deref(), Some("ann"));
        assert_eq!(owner(&[("aws:autoscaling:groupName", "web")]).as_deref(), Some("bo"));
        assert_eq!(owner(&[("aws:createdBy", "IAMUser:AIDA1:dora")]).as_deref(), Some("dora"));
        assert_eq!(owner(&[("aws:autoscaling:groupName", "i-1")]), None);
        assert_eq!(owner(&[("groupName", "web")]), None);
        assert_eq!(about(Some("eve"), &[("aws:autoscaling:groupName", "web")]), None);
        let why = about(None, &[("aws:autoscaling:groupName", "web")]).map(|guess| guess.why);
        assert_eq!(why.as_deref(), Some("owns the Auto Scaling group web that it was made for"));
    }
}
