//! Resources that surely do not exist: ARNs of a type's format with random parts.
//!
//! Nothing of the account can be changed through such an ARN, because nothing has it: each of its free
//! parts has 128 random bits. A type whose ARN has no free part, as there is one in an account, has no
//! invented ARN, nor has one that an account's number names.

use crate::record::{Arn, Piece, pieces};
use crate::table::operation::Request;

/// Where an invented resource would be.
#[derive(Clone, Copy, Debug)]
pub struct Location<'a> {
    pub partition: &'a str,
    pub region: &'a str,
    pub account: &'a str,
}

/// How the free parts of an ARN are spelt: services have ids of many forms, and no model tells which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// 26 letters and digits, with which most names and some ids may do.
    Name,
    /// Hexadecimal digits with four dashes.
    Uuid,
    /// 32 hexadecimal digits.
    Hexadecimal,
}

/// A resource that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invented {
    pub arn: Arn,
    /// Its random parts.
    parts: Vec<String>,
}

impl Invented {
    /// A resource of an ARN format; `None` where the format leaves nothing to invent, or there is no chance:
    /// `random` gives 128 random bits, if it can.
    pub fn of(
        format: &str,
        location: Location<'_>,
        spelling: Spelling,
        mut random: impl FnMut() -> Option<u128>,
    ) -> Option<Self> {
        if format.ends_with("${AccountId}") {
            return None;
        }
        let mut parts = Vec::new();
        let mut part = || -> Option<String> {
            let part = spelling.spell(random()?);
            parts.push(part.clone());
            Some(part)
        };
        let mut text = String::new();
        for piece in pieces(format) {
            match piece {
                Piece::Text(fixed) => match fixed.split_once('*') {
                    Some((before, after)) => text.extend([before, &part()?, after]),
                    None => text.push_str(fixed),
                },
                Piece::Variable(name) => match fixed_value(name, &text, location) {
                    Some(value) => text.push_str(value),
                    None => text.push_str(&part()?),
                },
            }
        }
        let arn = Arn::parse(&text)?;
        (!parts.is_empty()).then_some(Self { arn, parts })
    }

    /// Whether a request names this resource, and so no other.
    pub fn is_named_in(&self, request: &Request) -> bool {
        let headers = request.headers.iter().map(|(_, text)| text.as_str());
        let mut texts = headers.chain([request.path.as_str(), request.body.as_str()]);
        texts.any(|text| self.parts.iter().any(|part| text.contains(part)))
    }

    /// A text without the ARN of this resource, and without its random parts.
    pub fn removed_from(&self, text: &str) -> String {
        let text = text.replace(self.arn.as_str(), "<arn>");
        self.parts.iter().fold(text, |text, part| text.replace(part, "<name>"))
    }
}

/// What a variable stands for, if it is no free part.
fn fixed_value<'a>(name: &str, before: &str, location: Location<'a>) -> Option<&'a str> {
    match name {
        "Partition" => Some(location.partition),
        _ if before.matches(':').count() == 3 => Some(location.region),
        _ if before.matches(':').count() == 4 => Some(location.account),
        "Region" => Some(location.region),
        _ if name.ends_with("Account") || name.ends_with("AccountId") => Some(location.account),
        // A number, of something invented.
        _ if ["Version", "Number", "Revision"].iter().any(|end| name.ends_with(end)) => Some("1"),
        _ => None,
    }
}

impl Spelling {
    /// All, the likeliest first.
    pub const ALL: [Self; 3] = [Self::Name, Self::Uuid, Self::Hexadecimal];

    fn spell(self, bits: u128) -> String {
        match self {
            Self::Name => format!("p{}", in_base_36(bits)),
            Self::Hexadecimal => format!("{bits:032x}"),
            Self::Uuid => {
                let digits = format!("{bits:032x}");
                let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
                [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
            }
        }
    }
}

/// 25 digits hold 128 bits: 36²⁵ is more than 2¹²⁸.
fn in_base_36(mut bits: u128) -> String {
    let digits = (0..25).map(|_| {
        let digit = u32::try_from(bits % 36).unwrap_or_default();
        bits /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    });
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::operation::AtLaunch;
    use crate::table::{self, Read, Route};
    use crate::tags::TagMap;

    const LOCATION: Location<'static> =
        Location { partition: "aws", region: "eu-west-1", account: "111122223333" };

    /// An invented ARN with the random numbers 1, 2, …
    fn invented(format: &str, spelling: Spelling) -> Option<String> {
        let mut numbers = 1..;
        Invented::of(format, LOCATION, spelling, || numbers.next()).map(|invented| invented.arn.to_string())
    }

    #[test]
    fn free_parts_are_invented_and_nothing_else() {
        let name = |digit: char| format!("p{digit}{}", "0".repeat(24));
        let (one, two) = (name('1'), name('2'));
        for (format, arn) in [
            (
                "arn:${Partition}:sns:${Region}:${Account}:${TopicName}",
                format!("arn:aws:sns:eu-west-1:111122223333:{one}"),
            ),
            (
                "arn:${Partition}:chime:${Region}:${AccountId}:app-instance/${AppInstanceId}/user/${UserId}",
                format!("arn:aws:chime:eu-west-1:111122223333:app-instance/{one}/user/{two}"),
            ),
            (
                "arn:${Partition}:kafka:${Region}:${VpcOwnerAccount}:vpc-connection/${ClusterOwnerAccount}/${Uuid}",
                format!("arn:aws:kafka:eu-west-1:111122223333:vpc-connection/111122223333/{one}"),
            ),
            (
                "arn:${Partition}:dms:${Region}:${Account}:es:*",
                format!("arn:aws:dms:eu-west-1:111122223333:es:{one}"),
            ),
            (
                "arn:${Partition}:lambda:${Region}:${Account}:layer:${LayerName}:${LayerVersion}",
                format!("arn:aws:lambda:eu-west-1:111122223333:layer:{one}:1"),
            ),
            ("arn:${Partition}:s3:::${BucketName}", format!("arn:aws:s3:::{one}")),
        ] {
            assert_eq!(invented(format, Spelling::Name), Some(arn));
        }
        let hexadecimal =
            "arn:aws:guardduty:eu-west-1:111122223333:detector/00000000000000000000000000000001";
        let format = "arn:${Partition}:guardduty:${Region}:${Account}:detector/${DetectorId}";
        assert_eq!(invented(format, Spelling::Hexadecimal).as_deref(), Some(hexadecimal));
        let uuid = "arn:aws:guardduty:eu-west-1:111122223333:detector/00000000-0000-0000-0000-000000000001";
        assert_eq!(invented(format, Spelling::Uuid).as_deref(), Some(uuid));
    }

    #[test]
    fn what_an_account_has_one_of_is_not_invented() {
        for format in [
            "arn:${Partition}:securityhub:${Region}:${Account}:hub/default",
            "arn:${Partition}:apigateway:${Region}:${Account}:/domainnameaccessassociations",
            "arn:${Partition}:x:${Region}:${Account}:settings/${AccountId}/${Version}",
        ] {
            assert_eq!(invented(format, Spelling::Name), None);
        }
    }

    #[test]
    fn a_spelling_keeps_all_128_bits() {
        for spelling in Spelling::ALL {
            let texts: std::collections::BTreeSet<String> =
                (0..128).map(|bit| spelling.spell(1 << bit)).collect();
            assert_eq!(texts.len(), 128);
        }
        assert_eq!(in_base_36(u128::MAX), "f5lxx1zz5pnorynqglhzmsp33".chars().rev().collect::<String>());
    }

    /// Every request of every operation of the table, about invented resources: it names nothing else.
    #[test]
    fn every_request_about_an_invented_resource_names_it_by_128_random_bits() {
        let mut bits = fastrand::Rng::with_seed(1);
        let tags = TagMap::from([("a".to_owned(), "b".to_owned())]);
        let (mut requests, mut unnamed) = (0, Vec::new());
        for service in table::all() {
            for row in service.rows.iter().filter(|row| row.creates()) {
                let formats = table::arn_formats(row.resource_type).iter();
                let invented = formats.flat_map(|format| Spelling::ALL.map(|spelling| (format, spelling)));
                for (format, spelling) in invented {
                    let Some(invented) = Invented::of(format, LOCATION, spelling, || Some(bits.u128(..)))
                    else {
                        continue;
                    };
                    assert!(invented.parts.iter().all(|part| part.len() >= 26));
                    let add = match row.route(service) {
                        Route::TaggingApi(Some(own)) | Route::TagOperation(own) => {
                            Some(own.request(&invented.arn, &tags, AtLaunch::Keep))
                        }
                        _ => None,
                    };
                    let list = match row.read_by(service) {
                        Read::Operation(read) if read.names_it() => Some(read.request(&invented.arn, None)),
                        _ => None,
                    };
                    for request in add.into_iter().chain(list) {
                        requests += 1;
                        if !invented.is_named_in(&request) {
                            unnamed.push((row.resource_type, request.path));
                        }
                    }
                }
            }
        }
        assert!(requests > 5000, "{requests}");
        assert_eq!(unnamed, [], "nothing but invented resources is named");
    }
}
