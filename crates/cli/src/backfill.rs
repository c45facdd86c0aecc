//! `aws-tags backfill`: tags for what was created before there was a tagger, by what a history says of it.

#[cfg(feature = "aws")]
pub(crate) mod apply;
#[cfg(feature = "aws")]
pub(crate) mod books;
#[cfg(feature = "aws")]
pub(crate) mod call;
#[cfg(feature = "aws")]
pub(crate) mod folder;
#[cfg(feature = "aws")]
mod rate;
mod reduce;
#[cfg(feature = "aws")]
pub(crate) mod tally;
#[cfg(feature = "aws")]
pub(crate) mod work;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::console::End;

#[derive(Args)]
pub(crate) struct Options {
    /// Write the reduction of the sources to FILE, and do nothing else: one record a line of those that tell who created what. A
    /// name that ends in `.gz` is packed; `-` is standard output.
    #[arg(long, value_name = "FILE", required = true)]
    reduce_only: PathBuf,
    #[command(flatten)]
    sources: reduce::SourceOptions,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    reduce::run(&options.reduce_only, &options.sources, out)
}
