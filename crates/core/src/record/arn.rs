//! Amazon Resource Names, and the partition of a Region.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::fmt;

/// A parsed ARN: `arn:partition:service:region:account:resource`.
///
/// Region and account may be empty (`arn:aws:s3:::bucket`); the resource is kept as it is, with its
/// type, separators and any further colons.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: String,
    /// Where partition, service, Region and account end in `text`.
    ends: [usize; 4],
}

impl Arn {
    /// Parses an ARN, strictly: `resources[]` of CloudTrail holds texts that only look like one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut ends = [0; 4];
        let mut from = "arn:".len();
        if !text.starts_with("arn:") || text.chars().any(char::is_control) {
            return None;
        }
        for end in &mut ends {
            *end = from + text.get(from..)?.find(':')?;
            from = *end + 1;
        }
        let arn = Self { text: text.to_owned(), ends };
        let is_word =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let account = arn.account();
        let valid = arn.partition().starts_with("aws")
            && is_word(arn.partition())
            && !arn.service().is_empty()
            && is_word(arn.service())
            && is_word(arn.region())
            && (account.is_empty() || is_account(account))
            && !arn.resource().trim().is_empty();
        valid.then_some(arn)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        &self.text["arn:".len()..self.ends[0]]
    }

    /// The service's namespace, e.g. `ec2`.
    pub fn service(&self) -> &str {
        &self.text[self.ends[0] + 1..self.ends[1]]
    }

    /// The Region; empty for global resources and S3 buckets.
    pub fn region(&self) -> &str {
        &self.text[self.ends[1] + 1..self.ends[2]]
    }

    /// The 12-digit account; empty for S3 buckets, AMIs and EBS snapshots.
    pub fn account(&self) -> &str {
        &self.text[self.ends[2] + 1..self.ends[3]]
    }

    /// Everything after the account, e.g. `volume/vol-0abc`.
    pub fn resource(&self) -> &str {
        &self.text[self.ends[3] + 1..]
    }

    /// The last part of the resource: `vol-0abc` of `volume/vol-0abc`, `name` of `table/name`.
    pub fn id(&self) -> &str {
        let resource = self.resource();
        resource.rsplit_once(['/', ':']).map_or(resource, |(_, id)| id)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Whether `text` is an account id: exactly 12 digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Parts of Region names that identify the partition.
///
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
const PARTITIONS: &[(&str, &str)] = &[
    ("-isob-", "aws-iso-b"),
    ("-isoe-", "aws-iso-e"),
    ("-isof-", "aws-iso-f"),
    ("-iso-", "aws-iso"),
    ("us-gov-", "aws-us-gov"),
    ("cn-", "aws-cn"),
    ("eusc-", "aws-eusc"),
];

/// The partition that a Region belongs to.
pub fn partition_of(region: &str) -> &'static str {
    PARTITIONS
        .iter()
        .find(|(part, _)| match part.strip_prefix('-') {
            Some(_) => region.contains(part),
            None => region.starts_with(part),
        })
        .map_or("aws", |(_, partition)| partition)
}

/// The partition that an ARN names, if it is a known one.
pub(crate) fn partition_in(arn: &str) -> Option<&'static str> {
    let name = arn.strip_prefix("arn:")?.split(':').next()?;
    let known = PARTITIONS.iter().map(|(_, partition)| *partition).chain(["aws"]);
    known.into_iter().find(|partition| *partition == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_comes_apart_and_keeps_further_colons() {
        let text = "arn:aws:lambda:eu-west-1:111122223333:function:name:alias";
        let arn = Arn::parse(text).expect("parses");
        assert_eq!(arn.service(), "lambda");
        assert_eq!(arn.region(), "eu-west-1");
        assert_eq!(arn.account(), "111122223333");
        assert_eq!(arn.resource(), "function:name:alias");
        assert_eq!(arn.as_str(), text);
    }

    #[test]
    fn a_bucket_has_neither_region_nor_account() {
        let arn = Arn::parse("arn:aws-cn:s3:::logs").expect("parses");
        assert_eq!((arn.partition(), arn.region(), arn.account()), ("aws-cn", "", ""));
        assert_eq!(arn.id(), "logs");
    }

    #[test]
    fn a_text_that_only_looks_like_an_arn_does_not_parse() {
        for text in [
            "",
            "arn:aws:s3::bucket",
            "arn:aws:ec2:eu-west-1:1234:volume/vol-1",
            "arn:aws:ec2:eu-west-1:111122223333:",
            "arn:aws:kinesis:arn:aws:kinesis:eu-west-1:111122223333:stream/x",
            "arn:aws:ec2:eu-west-1:111122223333:volume/\n",
            "urn:aws:ec2:eu-west-1:111122223333:volume/vol-1",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_name_of_a_region_determines_its_partition() {
        for (region, partition) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition);
        }
    }
}
