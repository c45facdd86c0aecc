//! `aws-tags backfill`: tags what was created before anybody listened, by what the past says of it.

pub(crate) mod apply;
pub(crate) mod books;
pub(crate) mod call;
pub(crate) mod folder;
mod rate;
pub(crate) mod tally;
pub(crate) mod work;

use std::io::{self, Write};

use clap::Args;

use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain};
use apply::WriteOptions;
use folder::StateOptions;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    state: StateOptions,
    /// Go on with a run, in whichever stage it is: its name, or the path to its folder.
    #[arg(long, value_name = "RUN")]
    resume: String,
    /// Write the tags of the plan, after showing it.
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    write: WriteOptions,
}

/// Goes on with a run.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let folder = match options.state.run(&options.resume) {
        Ok(folder) => folder,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    if !options.apply {
        complain(&format!("run {} is planned; to write its tags: --apply", folder.name));
        return Ok(End::Done);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(apply::apply(&folder, &options.access, &options.write, out))
}
