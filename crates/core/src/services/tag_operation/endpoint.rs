//! Where a service is called: a host by Region, and the Region that the signature names.

use super::TagOperation;
use crate::arn::{Piece, partition_of, pieces};

/// Where a service is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Its host in most Regions, with `${Region}`, `${Suffix}` and `${DualStackSuffix}`.
    pub host: &'static str,
    /// The Region that the signature names, where it is not the one called in.
    pub signed_for: Option<&'static str>,
    /// Partitions and Regions where it is called elsewhere; the first that fits counts.
    pub elsewhere: &'static [Elsewhere],
}

/// A place with a host of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Elsewhere {
    /// A Region or a whole partition, e.g. `aws-cn`.
    pub within: &'static str,
    /// The host.
    pub host: &'static str,
    /// The Region that the signature names, where it is not the one called in.
    pub signed_for: Option<&'static str>,
}

/// Where one request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host.
    pub host: String,
    /// The Region that the signature names.
    pub signing_region: String,
}

/// DNS suffixes of a partition, plain and dual-stack.
///
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
const SUFFIXES: &[(&str, &str, &str)] = &[
    ("aws", "amazonaws.com", "api.aws"),
    ("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("aws-iso", "c2s.ic.gov", "api.aws.ic.gov"),
    ("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"),
    ("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("aws-us-gov", "amazonaws.com", "api.aws"),
];

impl TagOperation {
    /// Where the operation is called for a resource that is tagged in `region`.
    pub fn place(&self, region: &str) -> Place {
        let partition = partition_of(region);
        let fits = |elsewhere: &&Elsewhere| elsewhere.within == region || elsewhere.within == partition;
        let found = self.endpoint.elsewhere.iter().find(fits);
        let suffixes = SUFFIXES.iter().find(|(name, ..)| *name == partition);
        let (_, suffix, dual_stack) = suffixes.copied().unwrap_or(("", "amazonaws.com", "api.aws"));
        let usual = (self.endpoint.host, self.endpoint.signed_for);
        let (host, signed_for) = found.map_or(usual, |place| (place.host, place.signed_for));
        let host = pieces(host).map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Variable("Region") => region,
            Piece::Variable("Suffix") => suffix,
            Piece::Variable("DualStackSuffix") => dual_stack,
            Piece::Variable(_) => "",
        });
        Place { host: host.collect(), signing_region: signed_for.unwrap_or(region).to_owned() }
    }
}
