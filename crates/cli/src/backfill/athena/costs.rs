//! What reading a trail costs, by list prices of us-east-1: requests to S3 are most of it, whatever reads.
//!
//! <https://aws.amazon.com/s3/pricing/> <https://aws.amazon.com/athena/pricing/>
//! <https://aws.amazon.com/ec2/pricing/on-demand/>

/// Bytes of a file of a trail, as published averages have it; a quiet Region's are smaller, and there are more.
const BYTES_PER_FILE: u64 = 76_000;
/// Files that one LIST names.
const FILES_PER_LIST: u64 = 1_000;
const PER_1000_GETS: f64 = 0.0004;
const PER_1000_LISTS: f64 = 0.005;
/// Athena, a terabyte that is read, packed.
const PER_TERABYTE: f64 = 5.0;
/// From S3 to anywhere outside AWS, a gigabyte.
const PER_GIGABYTE_OUT: f64 = 0.09;
/// A scan reads some 150 MB of packed trail in a second of a core.
const BYTES_PER_CORE_SECOND: u64 = 150_000_000;
/// An hour of a core, m7i.
const PER_CORE_HOUR: f64 = 0.05;

/// The costs of so many gigabytes, in so many queries.
pub(super) fn lines(gigabytes: u64, queries: usize) -> Vec<String> {
    let bytes = gigabytes.saturating_mul(1_000_000_000);
    let files = bytes.div_ceil(BYTES_PER_FILE);
    let thousands = |count: u64| count as f64 / 1000.0;
    let requests =
        thousands(files) * PER_1000_GETS + thousands(files.div_ceil(FILES_PER_LIST)) * PER_1000_LISTS;
    let core_hours = bytes as f64 / BYTES_PER_CORE_SECOND as f64 / 3600.0;
    let scan = core_hours * PER_CORE_HOUR;
    let athena = gigabytes as f64 / 1000.0 * PER_TERABYTE;
    vec![
        format!("{gigabytes} GB of trail, packed: some {files} files. List prices of us-east-1, before tax:"),
        format!("  requests to S3, whatever reads   ${requests:.2}"),
        format!("  Athena, {queries:3} queries              ${athena:.2}   in all ${:.2}", requests + athena),
        format!(
            "  a scan on a machine in its Region ${scan:.2}   in all ${:.2}, {core_hours:.1} core-hours",
            requests + scan
        ),
        format!(
            "  the same outside AWS             ${:.2} more for the transfer",
            gigabytes as f64 * PER_GIGABYTE_OUT
        ),
        "Each query reads its month's days and one more. --size gives another number of gigabytes."
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_terabyte_costs_what_was_reckoned_by_hand() {
        let lines = super::lines(1000, 12).join("\n");
        for part in [
            "13157895 files",
            "$5.33",
            "$5.00   in all $10.33",
            "$0.09   in all $5.42",
            "1.9 core-hours",
            "$90.00",
        ] {
            assert!(lines.contains(part), "{part} in\n{lines}");
        }
    }
}
