//! Where session-recorders should stand.

use super::{DEPLOY, Finding};

/// Where Identity Center starts sessions, and whether a recorder stands there. Whether a read-only event that
/// is forwarded meets a rule in another Region, no document says.
pub(in crate::doctor) fn identity_centers(
    centers: &[String],
    recorders: &[String],
    regions: &[String],
    partition: &str,
) -> Vec<Finding> {
    let without = centers.iter().filter(|center| !recorders.contains(center));
    let finding = |center: &String| {
        let found =
            format!("Identity Center starts its sessions in {center}, where no session-recorder stands");
        let todo = format!("put one there: {DEPLOY} with that Region in RecorderRegions");
        match regions.contains(center) {
            _ if partition != "aws" => {
                let todo = "deploy in that Region: here EventBridge sends no events between Regions";
                Finding::error(format!("{found}: they are not seen"), todo)
            }
            true => Finding::warning(
                format!("{found}: that they are forwarded rests on what AWS does not document"),
                todo,
            ),
            false => Finding::warning(
                format!("{found}, and perhaps no forwarder"),
                format!("{todo}; or name it in --regions to have its forwarder checked"),
            ),
        }
    };
    without.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::severities;
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_recorder_is_missing_where_identity_center_starts_sessions() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let found = |center: &str, partition| {
            identity_centers(
                &names(&[center]),
                &names(&["eu-west-1", "us-east-1"]),
                &names(&["eu-west-1", "us-east-1", "eu-north-1"]),
                partition,
            )
        };
        assert_eq!(found("us-east-1", "aws"), []);
        assert!(found("eu-north-1", "aws")[0].found.contains("rests on what AWS does not document"));
        assert!(found("eu-central-1", "aws")[0].found.contains("perhaps no forwarder"));
        assert_eq!(severities(&found("us-gov-east-1", "aws-us-gov")), [Severity::Error]);
    }
}
