//! The file of a probe, which the next one goes on with.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::probing::{ProbedType, ProbedTypes, RegionKind};
use aws_tags::record::partition_of;
use tempfile::NamedTempFile;
use time::OffsetDateTime;

/// Regions that every account has: those from before 20 March 2019. Others are opt-in.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const DEFAULT_REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// What is known, and where it is kept.
pub(super) struct ProbeFile {
    path: PathBuf,
    probed: ProbedTypes,
}

impl ProbeFile {
    /// What an earlier probe left there, of the same kind of Region.
    pub(super) fn open(path: &Path, region: &str) -> Result<Self, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.to_string()),
        };
        let mut probed = ProbedTypes::parse(&text).map_err(|error| error.to_string())?;
        let (partition, kind) = (partition_of(region), kind_of(region));
        let is_of_another = probed.header.partition.as_ref().is_some_and(|known| known != partition)
            || probed.header.region.is_some_and(|known| known != kind);
        if is_of_another {
            let known = serde_json::to_string(&probed.header).unwrap_or_default();
            return Err(format!(
                "expected a probe of a Region like {region}, found one of another kind: {known}"
            ));
        }
        probed.header.partition = Some(partition.to_owned());
        probed.header.region = Some(kind);
        Ok(Self { path: path.to_owned(), probed })
    }

    /// Whether a type needs no more questions. An API that failed inside may say more the next time.
    pub(super) fn has(&self, resource_type: &str) -> bool {
        let failed = |one: &ProbedType| {
            let said = one.tag_resources.as_ref().map_or("", |one| one.said.as_str());
            ["HTTP 5", "Internal"].iter().any(|start| said.starts_with(start))
        };
        self.probed.get(resource_type).is_some_and(|one| is_answered(one) && !failed(one))
    }

    /// Adds what was found. The file is whole at any time: another takes its place.
    pub(super) fn keep(&mut self, found: impl Iterator<Item = ProbedType>) -> io::Result<()> {
        found.filter(is_answered).for_each(|one| self.probed.insert(one));
        self.probed.header.date = Some(OffsetDateTime::now_utc().date().to_string());
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
        write!(file, "{}", self.probed)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// Whether the tagging API has said something of a type, or need not.
pub(super) fn is_answered(one: &ProbedType) -> bool {
    one.tag_resources.is_some() || one.not_probed.is_some()
}

fn kind_of(region: &str) -> RegionKind {
    match partition_of(region) {
        // China's and GovCloud's are all there from the start.
        "aws" if !DEFAULT_REGIONS.contains(&region) => RegionKind::OptIn,
        _ => RegionKind::Default,
    }
}
