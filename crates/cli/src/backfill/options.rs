//! What `backfill --apply` and `undo` have in common on the command line.

use clap::Args;

use crate::shell::flag;

/// How tags are written.
#[derive(Args)]
pub(crate) struct WriteOptions {
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Tagging calls a second in each Region; half as many where AWS throttles.
    #[arg(long, value_name = "CALLS", default_value_t = RATE, value_parser = rate, overrides_with = "rate")]
    pub(crate) rate: f64,
    /// One JSON object per resource; of a plan or a reduction, one with its counts.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Calls a second, where it is not said.
const RATE: f64 = 5.0;

impl WriteOptions {
    /// The words by which another command writes as slowly or fast.
    pub(crate) fn words(&self) -> Vec<String> {
        let is_given = (self.rate - RATE).abs() > f64::EPSILON;
        flag("--rate", is_given.then(|| self.rate.to_string()).as_deref())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=1000.0).contains(&rate) => Ok(rate),
        _ => Err("between 0.01 and 1000".to_owned()),
    }
}
