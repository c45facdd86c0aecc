//! The resource type of an ARN: the way back from `arn:aws:sqs:eu-west-1:111122223333:orders` to `sqs:queue`.
//!
//! Inventories name resources by ARN, and each in words of its own. The formats of the Service Authorization Reference
//! tell the type: the one that fits with the fewest separators inside its variables, and then with the most text.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::extract::{Resource, of_type};
use super::generated::ARN_FORMATS;
use crate::record::{Arn, Piece, pieces};

/// A format, taken apart once.
#[derive(Debug)]
struct Format {
    resource_type: &'static str,
    has_region: bool,
    has_account: bool,
    /// Formats of the type: an only one is more its own.
    siblings: usize,
    /// What follows the account.
    resource: Vec<Piece<'static>>,
}

/// How well a format fits: the least is the best.
type Fit = (usize, Reverse<usize>, Reverse<bool>, usize);

/// The resource type of an ARN, e.g. `ec2:volume`; `None` if no row has it. Of types that share a format, as things and
/// dynamic things of IoT do, it is the first: they are read and tagged by the same operations.
pub fn type_of(arn: &Arn) -> Option<&'static str> {
    let formats = index().get(arn.service())?;
    let fits = formats.iter().filter_map(|format| Some((format.fit(arn)?, format.resource_type)));
    fits.min().map(|(_, resource_type)| resource_type)
}

/// A resource that exists, with what the table says of its type: how its tags are read. `region` is where it is tagged,
/// if its ARN names no Region.
pub fn existing(arn: Arn, region: &str) -> Option<Resource> {
    of_type(type_of(&arn)?, arn, region)
}

/// The ARN of a resource of a type with one id, where that is all that the account and Region do not tell.
pub fn arn_of(resource_type: &str, partition: &str, region: &str, account: &str, id: &str) -> Option<Arn> {
    let format = super::arn_formats(resource_type).first()?;
    let mut is_used = false;
    let mut text = String::new();
    for piece in pieces(format) {
        text.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Variable("Partition") => partition,
            Piece::Variable("Region") => region,
            Piece::Variable("Account") => account,
            Piece::Variable(_) if id.is_empty() || std::mem::replace(&mut is_used, true) => return None,
            Piece::Variable(_) => id,
        });
    }
    Arn::parse(&text)
}

/// Services with a type whose ARNs name no Region, other than S3: AWS's inventories have them in one Region.
pub fn global_services() -> Vec<&'static str> {
    let has_global = |formats: &[Format]| formats.iter().any(|format| !format.has_region);
    let global = index().iter().filter(|(name, formats)| **name != "s3" && has_global(formats));
    let mut names: Vec<_> = global.map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// Whether a service of the table has this name in ARNs or in types of resources.
pub fn is_service(name: &str) -> bool {
    let is_of = |resource_type: &str| resource_type.split(':').next() == Some(name);
    let mut rows = super::all().flat_map(|service| service.rows);
    !name.is_empty() && (index().contains_key(name) || rows.any(|row| is_of(row.resource_type)))
}

/// The formats of each service, as ARNs name it.
fn index() -> &'static HashMap<&'static str, Vec<Format>> {
    static INDEX: OnceLock<HashMap<&'static str, Vec<Format>>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index: HashMap<_, Vec<_>> = HashMap::new();
        for (resource_type, formats) in ARN_FORMATS {
            for format in *formats {
                let mut parts = format.splitn(6, ':').skip(2);
                let (Some(service), Some(region), Some(account), Some(resource)) =
                    (parts.next(), parts.next(), parts.next(), parts.next())
                else {
                    continue;
                };
                index.entry(service).or_default().push(Format {
                    resource_type,
                    has_region: !region.is_empty(),
                    has_account: !account.is_empty(),
                    siblings: formats.len(),
                    resource: with_open_parts(resource),
                });
            }
        }
        index
    })
}

impl Format {
    fn fit(&self, arn: &Arn) -> Option<Fit> {
        let is_alike =
            self.has_region != arn.region().is_empty() && self.has_account != arn.account().is_empty();
        let fixed = self.resource.iter().map(|piece| match piece {
            Piece::Text(text) => text.chars().filter(char::is_ascii_alphanumeric).count(),
            Piece::Variable(_) => 0,
        });
        let fixed: usize = fixed.sum();
        // Some services leave the account out of ARNs, or put it in, as they like. Where the format says nothing but
        // that, it is what tells.
        if fixed == 0 && !is_alike {
            return None;
        }
        let separators = separators_within(&self.resource, arn.resource())?;
        let is_a_name = matches!(self.resource.as_slice(), [Piece::Variable(_)]);
        (!is_a_name || separators == 0).then_some((
            separators,
            Reverse(fixed),
            Reverse(is_alike),
            self.siblings,
        ))
    }
}

/// The separators that the variables of a format must take in to fit a text; `None` if it does not fit.
fn separators_within(format: &[Piece<'_>], text: &str) -> Option<usize> {
    match format {
        [] => text.is_empty().then_some(0),
        [Piece::Text(fixed), rest @ ..] => {
            let start = text.get(..fixed.len())?;
            start.eq_ignore_ascii_case(fixed).then(|| separators_within(rest, text.get(fixed.len()..)?))?
        }
        [Piece::Variable(_)] => (!text.is_empty()).then(|| separators(text)),
        [Piece::Variable(_), rest @ ..] => {
            let ends = text.char_indices().map(|(at, _)| at).skip(1);
            ends.filter_map(|end| {
                let (value, after) = text.split_at_checked(end)?;
                Some(separators(value).saturating_add(separators_within(rest, after)?))
            })
            .min()
        }
    }
}

/// The pieces of a format, in which `*` stands for what it leaves open.
fn with_open_parts(format: &'static str) -> Vec<Piece<'static>> {
    let mut parts = Vec::new();
    for piece in pieces(format) {
        match piece {
            Piece::Text(text) => {
                for (nth, part) in text.split('*').enumerate() {
                    parts.extend((nth > 0).then_some(Piece::Variable("")));
                    parts.extend(Some(part).filter(|part| !part.is_empty()).map(Piece::Text));
                }
            }
            variable @ Piece::Variable(_) => parts.push(variable),
        }
    }
    parts
}

fn separators(text: &str) -> usize {
    text.bytes().filter(|byte| matches!(byte, b'/' | b':')).count()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::table::{all, arn_formats};

    fn of(text: &str) -> Option<&'static str> {
        type_of(&Arn::parse(text).expect("an ARN"))
    }

    /// An ARN of a format, with something that no fixed text has for each variable.
    fn example(format: &str) -> Arn {
        let text: String = pieces(format)
            .map(|piece| match piece {
                Piece::Text(text) => text.replace('*', "x1"),
                Piece::Variable("Partition") => "aws".to_owned(),
                Piece::Variable("Region") => "eu-west-1".to_owned(),
                Piece::Variable(name) if name.contains("Account") => "111122223333".to_owned(),
                Piece::Variable(_) => "x0".to_owned(),
            })
            .collect();
        Arn::parse(&text).expect(format)
    }

    #[test]
    fn the_arns_of_every_row_lead_back_to_its_type() {
        let rows = all().flat_map(|service| service.rows).filter(|row| row.creates());
        let types: BTreeSet<&str> = rows.map(|row| row.resource_type).collect();
        let (mut tried, mut others) = (0, BTreeMap::new());
        for resource_type in types {
            for format in arn_formats(resource_type) {
                tried += 1;
                let found = type_of(&example(format));
                if found != Some(resource_type) {
                    others.insert(resource_type, found);
                }
            }
        }
        assert!(tried > 1_300, "{tried}");
        // These share a format with the other.
        let shared = [
            ("appsync:graphqlapi", "appsync:api"),
            ("iot:thinggroup", "iot:dynamicthinggroup"),
            ("lex:bot alias", "lex:bot version"),
            ("rtbfabric:Link", "rtbfabric:InboundExternalLink"),
            ("rtbfabric:OutboundExternalLink", "rtbfabric:InboundExternalLink"),
            ("rtbfabric:ResponderGateway", "rtbfabric:RequesterGateway"),
        ];
        assert_eq!(others, shared.map(|(one, other)| (one, Some(other))).into());
        // An alias of Lex's first version is read as its versions are; the row is of the second.
        for (one, other) in shared.into_iter().filter(|(one, _)| *one != "lex:bot alias") {
            let read = |name| {
                let arn = example(arn_formats(name).first().expect("a format"));
                of_type(name, arn, "eu-west-1").map(|resource| resource.read)
            };
            assert_eq!(read(one), read(other), "{one} is read like {other}");
        }
    }

    #[test]
    fn names_with_separators_and_types_within_types_are_told_apart() {
        let in_account = |rest: &str| format!("arn:aws:{}", rest.replace("@", "eu-west-1:111122223333"));
        for (arn, resource_type) in [
            ("logs:@:log-group:/aws/lambda/orders", Some("logs:log-group")),
            ("iam::111122223333:role/service-role/a/b", Some("iam:role")),
            ("ecr:@:repository/team/orders", Some("ecr:repository")),
            ("lambda:@:function:orders", Some("lambda:function")),
            (
                "elasticloadbalancing:@:loadbalancer/app/web/50dc6c495c0c9188",
                Some("elasticloadbalancing:loadbalancer"),
            ),
            ("elasticloadbalancing:@:loadbalancer/web", Some("elasticloadbalancing:loadbalancer")),
            ("s3:::logs", Some("s3:bucket")),
            ("s3:::logs/2026/a", Some("s3:object")),
            ("s3:@:accesspoint/logs", Some("s3:accesspoint")),
            ("sqs:@:orders", Some("sqs:queue")),
            ("sns:@:orders", Some("sns:topic")),
            ("sns:@:orders:0b3ebee1-0000-4000-8000-000000000001", None),
            ("ec2:eu-west-1::image/ami-1", Some("ec2:image")),
            ("ec2:@:image/ami-1", Some("ec2:image")),
            ("ec2:@:no-such-thing/1", None),
            ("nosuch:@:thing/1", None),
        ] {
            let text = in_account(arn);
            assert_eq!(of(&text), resource_type, "{text}");
        }
    }

    #[test]
    fn an_id_makes_the_arn_of_its_type() {
        let arn = |name, id| arn_of(name, "aws", "eu-west-1", "111122223333", id).map(|arn| arn.to_string());
        assert_eq!(
            arn("ec2:volume", "vol-1").as_deref(),
            Some("arn:aws:ec2:eu-west-1:111122223333:volume/vol-1")
        );
        assert_eq!(arn("ec2:snapshot", "snap-1").as_deref(), Some("arn:aws:ec2:eu-west-1::snapshot/snap-1"));
        assert_eq!(arn("apigateway:Stage", "x"), None, "of two");
        let global = global_services();
        assert!(
            global.contains(&"iam") && global.contains(&"cloudfront") && !global.contains(&"s3"),
            "{global:?}"
        );
        assert!(global.len() < 100, "the tagging API takes no more: {}", global.len());
    }
}
