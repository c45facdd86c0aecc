//! What `backfill --apply` and `undo` have in common on the command line.

use clap::Args;

/// How tags are written.
#[derive(Args)]
pub(crate) struct WriteOptions {
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Tagging calls a second in each Region; half as many where AWS throttles.
    #[arg(long, value_name = "CALLS", default_value_t = 5.0, value_parser = rate)]
    pub(crate) rate: f64,
    /// One JSON object per resource; of a plan or a reduction, one with its counts.
    #[arg(long)]
    pub(crate) json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=1000.0).contains(&rate) => Ok(rate),
        _ => Err("between 0.01 and 1000".to_owned()),
    }
}
