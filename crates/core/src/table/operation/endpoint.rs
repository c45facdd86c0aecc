//! Where a service is called: a host by Region, and the Region that the signature names.

use super::discovery::Discovery;
use crate::record::{Piece, partition_of, pieces};

/// Where a service is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Its host in most Regions, with `${Region}`, `${Account}`, `${Suffix}` and
    /// `${DualStackSuffix}`.
    pub(crate) host: &'static str,
    /// The Region that the signature names, where it is not the one called in.
    pub(crate) signing_region: Option<&'static str>,
    /// Partitions and Regions with another host; the first match counts.
    pub(crate) overrides: &'static [EndpointOverride],
    /// What tells the host that is called instead.
    pub discovery: Option<Discovery>,
}

/// A partition or Region with a host of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EndpointOverride {
    /// A Region or a whole partition, e.g. `aws-cn`.
    pub(crate) within: &'static str,
    pub(crate) host: &'static str,
    /// The Region that the signature names, where it is not the one called in.
    pub(crate) signing_region: Option<&'static str>,
}

/// Where one request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedEndpoint {
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

impl Endpoint {
    /// A host that differs by Region and partition only as its variables say.
    pub const fn regional(host: &'static str) -> Self {
        Self { host, signing_region: None, overrides: &[], discovery: None }
    }

    /// Where the service is called for a resource of an account that is tagged in `region`.
    pub fn resolve(&self, region: &str, account: &str) -> ResolvedEndpoint {
        let partition = partition_of(region);
        let matches = |other: &&EndpointOverride| other.within == region || other.within == partition;
        let found = self.overrides.iter().find(matches);
        let suffixes = SUFFIXES.iter().find(|(name, ..)| *name == partition);
        let (_, suffix, dual_stack) = suffixes.copied().unwrap_or(("", "amazonaws.com", "api.aws"));
        let default = (self.host, self.signing_region);
        let (host, signing_region) = found.map_or(default, |other| (other.host, other.signing_region));
        let host = pieces(host).map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Variable("Region") => region,
            Piece::Variable("Account") => account,
            Piece::Variable("Suffix") => suffix,
            Piece::Variable("DualStackSuffix") => dual_stack,
            Piece::Variable(_) => "",
        });
        let signing_region = signing_region.unwrap_or(region).to_owned();
        ResolvedEndpoint { host: host.collect(), signing_region }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_regions_have_hosts_of_their_own() {
        let overrides = &[EndpointOverride {
            within: "aws-us-gov",
            host: "dax.us-gov.amazonaws.com",
            signing_region: Some("us-gov-west-1"),
        }];
        let endpoint =
            Endpoint { host: "dax.${Region}.${Suffix}", signing_region: None, overrides, discovery: None };
        for (region, host, signing_region) in [
            ("eu-west-1", "dax.eu-west-1.amazonaws.com", "eu-west-1"),
            ("cn-north-1", "dax.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("us-gov-east-1", "dax.us-gov.amazonaws.com", "us-gov-west-1"),
        ] {
            let resolved = ResolvedEndpoint { host: host.into(), signing_region: signing_region.into() };
            assert_eq!(endpoint.resolve(region, "111122223333"), resolved);
        }
    }
}
